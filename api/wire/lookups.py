"""Look-ups of certificates and ledger entries, in JSON."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from authcheck.errors import Rejected
from authcheck.ids import check_code
from authcheck.labels.codes import unwrap
from authcheck.ledger import anchoring
from authcheck.ledger.tables import Anchoring
from authcheck.lookups.lookup import LookUp
from authcheck.lookups.transactions import Transaction
from authcheck.lookups.units import Unit

from .forms import Wire

Outcome = Literal["good", "revoked", "not_true", "unknown", "unsigned"]


class CheckedOut(Wire):
    """One step of the check. `off`: the step is not configured. `unknown`: the step could not decide."""

    name: str = Field(
        description="signature, entry, inclusion, checkpoint, witnesses, key, status or anchor.",
        examples=["inclusion"],
    )
    state: Literal["true", "false", "unknown", "off"]
    detail: str
    code: str = Field(description="The code of the error when the state is false, otherwise empty.")


class IssuerOut(Wire):
    """The organisation that states that it made the unit."""

    handle: str
    name: str


class CertifiedDesignOut(Wire):
    """The design that the unit carries."""

    id: str
    reference: str
    title: str
    disputed: bool = Field(description="Another owner registered the same picture before.")


class CautionOut(Wire):
    """A reason to be careful although the certificate is good. docs/clones.md explains each code."""

    code: str
    params: dict[str, Any]


class LookUpOut(Wire):
    """A certificate, and the checks of it just now. They are about the label, and a label can be copied."""

    id: str
    code: str | None = Field(
        description="Null unless you asked with the code: the code is the label's secret."
    )
    outcome: Outcome = Field(description="What the checks of the certificate say.")
    advice: Literal["verified", "careful", "revoked", "cannot_tell"] = Field(
        description="What to tell a buyer. A good certificate with a caution is not `verified`."
    )
    cautions: list[CautionOut]
    issuer: IssuerOut
    product: str | None = Field(description="This and the next four: null unless you have the label.")
    gtin: str | None
    lot: str | None
    serial: str | None
    design: CertifiedDesignOut | None
    issued_at: datetime
    revoked_at: datetime | None
    revocation_reason: str | None
    tx_id: str | None = Field(description="The id of the ledger entry: its leaf hash.")
    checkpoint_size: int | None = Field(description="Number of entries under the checkpoint of the proof.")
    checked: list[CheckedOut]
    bundle: str | None = Field(
        description="The address of the offline proof. Null unless you have the label."
    )


class AnchorOut(Wire):
    """A chain's transaction with a checkpoint. It covers the entries `previous_size` to `size` - 1."""

    chain: str
    transaction_hash: str
    state: str
    previous_size: int
    size: int
    root: str
    block_number: int | None


class TransactionOut(Wire):
    """A ledger entry, with the proof that the ledger has it."""

    tx_id: str
    number: int
    type: str
    subject: str
    at: datetime
    entry: str = Field(description="The exact text that is hashed, in canonical JSON.")
    proof: str = Field(description="c2sp.org/tlog-proof@v1.")
    anchor: AnchorOut | None = Field(description="The chain's transaction that covers the entry, or null.")


def holds_label(unit: Unit, text: str) -> bool:
    """Return whether a caller who names a unit like this has its label.

    The public ledger holds ids and transaction ids, but no codes.
    """
    try:
        return check_code(unwrap(text)) == unit.code
    except Rejected:
        return False


def bundle_url(unit: Unit) -> str:
    """Return the address of a unit's offline proof, for a caller who has the label."""
    return f"/v1/certificates/{unit.code}/bundle"


def certificate_out(found: LookUp, *, has_label: bool) -> LookUpOut:
    """Return a certificate and its checks. Only a caller with the label gets the rest: product, proof."""
    unit = found.unit
    design = CertifiedDesignOut(
        id=unit.design_id,
        reference=unit.design_reference,
        title=unit.design_title,
        disputed=unit.is_disputed,
    )
    return LookUpOut(
        id=unit.id,
        code=unit.code if has_label else None,
        outcome=found.outcome,
        advice=found.advice,
        cautions=[CautionOut(code=caution.code, params=dict(caution.params)) for caution in found.cautions],
        issuer=IssuerOut(handle=unit.handle, name=unit.brand),
        product=unit.product if has_label else None,
        gtin=unit.gtin if has_label else None,
        lot=unit.lot if has_label else None,
        serial=unit.serial if has_label else None,
        design=design if has_label else None,
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
    """Return a ledger entry with its proof."""
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
    """Return a chain's transaction."""
    return AnchorOut(
        chain=row.chain,
        transaction_hash=row.transaction_hash,
        state=anchoring.WORDS.get(row.state, row.state),
        previous_size=row.previous_size,
        size=row.size,
        root=row.root,
        block_number=row.block_number,
    )
