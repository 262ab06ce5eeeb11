"""From look-ups to what goes over the wire."""

from urllib.parse import urlencode

from authcheck import anchoring
from authcheck.errors import Rejected
from authcheck.ids import check_code
from authcheck.lookup import LookUp, Transaction
from authcheck.tables import Anchoring
from authcheck.units import Unit

from .lookup_schemas import (
    AnchorOut,
    CertifiedDesignOut,
    CheckedOut,
    IssuerOut,
    LookUpOut,
    TransactionOut,
)


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
