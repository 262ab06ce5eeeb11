"""Which labels to print: those of a batch's certificates."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.certificates.pins import pin_of
from authcheck.certificates.tables import Batch, Certificate
from authcheck.config import Settings
from authcheck.errors import Conflict
from authcheck.labels.sheets import Label, label_url
from authcheck.vault import Vault


def labels_of(
    session: Session,
    settings: Settings,
    batch: Batch,
    *,
    short: bool = False,
    vault: Vault | None = None,
    first: int = 1,
    count: int | None = None,
) -> list[Label]:
    """The labels of a batch in its order: of at most `count` certificates from the `first` on, revoked ones left out.

    With `vault` every label has its PIN. Raises Conflict (`label.unsigned`: no label goes out before its certificate
    is signed; `label.none`; `label.no_pins`), NotTrue (`key.sealed`).
    """
    units = select(Certificate).where(Certificate.batch_id == batch.id).order_by(Certificate.number_in_batch)
    left = [unit for unit in session.scalars(units.offset(first - 1).limit(count)) if unit.state != "revoked"]
    if not left:
        raise Conflict("No certificate is left there to print a label of.", code="label.none", batch=batch.id)
    if any(unit.state != "active" for unit in left):
        raise Conflict(
            "Some of these certificates are not signed yet.", code="label.unsigned", batch=batch.id
        )
    pins = {unit.code: pin_of(vault, unit) if vault else None for unit in left}
    if vault and None in pins.values():
        raise Conflict("This batch was issued without PINs.", code="label.no_pins", batch=batch.id)
    return [
        Label(unit.code, label_url(settings, unit, short=short), batch.product, pins[unit.code])
        for unit in left
    ]
