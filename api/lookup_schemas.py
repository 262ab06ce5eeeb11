"""What look-ups say over the wire, in JSON."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from .schemas import Wire

Outcome = Literal["good", "revoked", "not_true", "unknown", "unsigned"]


class CheckedOut(Wire):
    """One thing that was checked. `off`: nobody asked for it; `unknown`: it could not be told."""

    name: str = Field(
        description="signature, entry, inclusion, checkpoint, witnesses, key, status or anchor.",
        examples=["inclusion"],
    )
    state: Literal["true", "false", "unknown", "off"]
    detail: str
    code: str = Field(description="The error's code where it is false, else empty.")


class IssuerOut(Wire):
    """Who says that it made the unit."""

    handle: str
    name: str


class CertifiedDesignOut(Wire):
    """The design that the unit carries."""

    id: str
    reference: str
    title: str


class LookUpOut(Wire):
    """A certificate, and what was checked of it just now. It speaks of the label: a label can be copied."""

    id: str
    code: str | None = Field(
        description="Null unless it was asked for by this code: it is the label's secret."
    )
    outcome: Outcome
    issuer: IssuerOut
    product: str
    gtin: str
    lot: str
    serial: str | None = Field(description="Null unless the asker has the label.")
    design: CertifiedDesignOut
    issued_at: datetime
    revoked_at: datetime | None
    revocation_reason: str | None
    tx_id: str | None = Field(description="The ledger entry's id: its leaf hash.")
    checkpoint_size: int | None = Field(description="Entries under the checkpoint that the proof leads to.")
    checked: list[CheckedOut]
    bundle: str | None = Field(description="Where the offline proof is; null unless the asker has the label.")


class AnchorOut(Wire):
    """A transaction in a chain that holds a checkpoint: it covers entries `previous_size` to `size` - 1."""

    chain: str
    transaction_hash: str
    state: str
    previous_size: int
    size: int
    root: str
    block_number: int | None


class TransactionOut(Wire):
    """An entry of the ledger, with the proof that it is in it."""

    tx_id: str
    number: int
    type: str
    subject: str
    at: datetime
    entry: str = Field(description="The very text that is hashed, canonical JSON.")
    proof: str = Field(description="c2sp.org/tlog-proof@v1.")
    anchor: AnchorOut | None = Field(description="The chain's transaction that covers it, if any does.")
