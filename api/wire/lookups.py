"""Look-ups of certificates and ledger entries, in JSON."""

from datetime import datetime
from typing import Literal
from urllib.parse import urlencode

from pydantic import Field

from authcheck.errors import Rejected
from authcheck.ids import check_code
from authcheck.ledger import anchoring
from authcheck.ledger.tables import Anchoring
from authcheck.lookups.lookup import LookUp, Transaction
from authcheck.lookups.units import Unit

from .forms import Wire

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


def holds_label(unit: Unit, text: str) -> bool:
    """Whether somebody who names a unit so has its label: ids and transaction ids stand in the public ledger, codes do not."""
    try:
        return check_code(text) == unit.code
    except Rejected:
        return False


def bundle_url(unit: Unit) -> str:
    """Where the offline proof of a unit is, for who knows its serial number, which the proof shows."""
    return f"/v1/certificates/{unit.id}/bundle?{urlencode({'serial': unit.serial})}"


def certificate_out(found: LookUp, *, has_label: bool, code: str | None) -> LookUpOut:
    """A certificate and what was checked; serial number and proof only for who has the label."""
    unit = found.unit
    return LookUpOut(
        id=unit.id,
        code=code,
        outcome=found.outcome,
        issuer=IssuerOut(handle=unit.handle, name=unit.brand),
        product=unit.product,
        gtin=unit.gtin,
        lot=unit.lot,
        serial=unit.serial if has_label else None,
        design=CertifiedDesignOut(
            id=unit.design_id, reference=unit.design_reference, title=unit.design_title
        ),
        issued_at=unit.issued_at,
        revoked_at=unit.revoked_at,
        revocation_reason=unit.revocation_reason,
        tx_id=unit.issued_tx_id,
        checkpoint_size=unit.checkpoint_size if found.bundle else None,
        checked=[
            CheckedOut(name=step.name, state=step.state.value, detail=step.detail, code=step.code)
            for step in found.steps
        ],
        bundle=bundle_url(unit) if found.bundle and has_label else None,
    )


def transaction_out(found: Transaction) -> TransactionOut:
    """A ledger entry with its proof."""
    entry = found.entry
    return TransactionOut(
        tx_id=entry.tx_id,
        number=entry.number,
        type=entry.type,
        subject=entry.subject,
        at=entry.at,
        entry=entry.body.decode(),
        proof=found.proof,
        anchor=anchor_out(found.anchoring) if found.anchoring else None,
    )


def anchor_out(row: Anchoring) -> AnchorOut:
    """A chain's transaction."""
    return AnchorOut(
        chain=row.chain,
        transaction_hash=row.transaction_hash,
        state=anchoring.WORDS.get(row.state, row.state),
        previous_size=row.previous_size,
        size=row.size,
        root=row.root,
        block_number=row.block_number,
    )
