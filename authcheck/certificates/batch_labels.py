"""Labels to print for the certificates of a batch."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.certificates.pins import pin_of
from authcheck.certificates.tables import Batch, Certificate
from authcheck.config import Settings
from authcheck.errors import Conflict
from authcheck.labels.sheets import Label, check_letters, label_url
from authcheck.ledger.addresses import addresses_of, refuse_other
from authcheck.members.tables import Organisation
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
    """Return labels for at most `count` certificates from number `first` on, in the batch's order.

    The links begin with the current address. Omits revoked certificates. With `vault`, every label has its
    PIN. Raises Conflict (`label.none`, `label.no_pins`, or `label.unsigned`, because no label is printed
    before its certificate is signed), Rejected (`label.letters`), NotTrue (`key.sealed`), and as
    `addresses.refuse_other`.
    """
    refuse_other(session, settings)
    address = addresses_of(session, settings).current
    units = _find_active_units(session, batch, first, count)
    pins = {unit.code: pin_of(vault, unit) if vault else None for unit in units}
    if vault and None in pins.values():
        raise Conflict("This batch was issued without PINs.", code="label.no_pins", batch=batch.id)
    brand = session.get_one(Organisation, batch.organisation_id).name
    labels = [
        Label(
            unit.code,
            label_url(address, unit, short=short),
            batch.product,
            pins[unit.code],
            brand=brand,
            lot=batch.lot,
        )
        for unit in units
    ]
    check_letters(labels[:1])  # all labels of a batch have the same words
    return labels


def _find_active_units(session: Session, batch: Batch, first: int, count: int | None) -> list[Certificate]:
    """Return a part of the batch without its revoked certificates. Raises Conflict (`label.*`)."""
    of_batch = (
        select(Certificate).where(Certificate.batch_id == batch.id).order_by(Certificate.number_in_batch)
    )
    numbered = session.scalars(of_batch.offset(first - 1).limit(count))
    units = [unit for unit in numbered if unit.state != "revoked"]
    if not units:
        raise Conflict(
            "This part of the batch has no certificate to print a label for.",
            code="label.none",
            batch=batch.id,
        )
    if any(unit.state != "active" for unit in units):
        raise Conflict(
            "Some of these certificates are not signed yet. Sign them before you print labels.",
            code="label.unsigned",
            batch=batch.id,
        )
    return units
