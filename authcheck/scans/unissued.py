"""Codes that nobody has issued, on labels of a product that somebody here issues labels for."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.certificates.tables import Batch
from authcheck.errors import Rejected
from authcheck.labels.gs1 import check_gtin
from authcheck.registry.tables import Design
from authcheck.scans.alerts import Subject, raise_alert
from authcheck.scans.rules import Hit


def note_unissued(session: Session, gtin: str, lot: str, now: datetime) -> bool:
    """Alert the issuer of a product that somebody has scanned a label of it which we do not know.

    There is one alert for each product and lot that exists, and one for all lots that do not. Return whether
    anybody here issues labels for this product.
    """
    try:
        gtin = check_gtin(gtin)
    except Rejected:
        return False
    query = (
        select(Batch.organisation_id, Design.owner_id, Batch.id, Batch.lot)
        .join(Design, Design.id == Batch.design_id)
        .where(Batch.gtin == gtin)
        .order_by(Batch.lot == lot, Batch.id)
    )
    rows = session.execute(query.limit(500)).all()
    if not rows:
        return False
    newest = rows[-1]
    is_lot_known = newest.lot == lot
    subject = Subject(
        f"{gtin} {lot if is_lot_known else '-'}",
        newest.organisation_id,
        newest.owner_id,
        batch_id=newest.id if is_lot_known else None,
    )
    hit = Hit("unissued", {"gtin": gtin, "lot": lot if is_lot_known else ""}, is_grave=False)
    raise_alert(session, subject, hit, now)
    return True
