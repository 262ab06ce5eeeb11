"""Codes that nobody has issued, on labels of a product that somebody here issues labels for."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.certificates.tables import Batch
from authcheck.errors import Rejected
from authcheck.labels.gs1 import check_gtin
from authcheck.registry.tables import Design
from authcheck.scans.alerts import UPDATE_EVERY, Subject, raise_alert
from authcheck.scans.rules import Hit
from authcheck.scans.tables import ScanAlert

KIND = "unissued"


def find_subject(session: Session, gtin: str, lot: str) -> Subject | None:
    """Return whom an unknown label of a product concerns. None when nobody here issues labels for it.

    There is one subject for each product and lot that exists, and one for all lots that do not.
    """
    try:
        gtin = check_gtin(gtin)
    except Rejected:
        return None
    query = (
        select(Batch.organisation_id, Design.owner_id, Batch.id, Batch.lot)
        .join(Design, Design.id == Batch.design_id)
        .where(Batch.gtin == gtin)
        .order_by((Batch.lot == lot).desc(), Batch.id.desc())
        .limit(1)
    )
    row = session.execute(query).first()
    if row is None:
        return None
    is_lot_known = row.lot == lot
    return Subject(
        f"{gtin} {lot if is_lot_known else '-'}",
        row.organisation_id,
        row.owner_id,
        batch_id=row.id if is_lot_known else None,
    )


def is_noted(session: Session, subject: Subject, now: datetime) -> bool:
    """Return whether the issuer has been alerted within the last minute, so that nothing need be written."""
    query = select(ScanAlert.last_at).where(
        ScanAlert.organisation_id == subject.organisation_id,
        ScanAlert.kind == KIND,
        ScanAlert.subject == subject.name,
    )
    last_at = session.scalar(query)
    return last_at is not None and now - last_at < UPDATE_EVERY


def note_unissued(session: Session, subject: Subject, now: datetime) -> None:
    """Alert the issuer of a product that somebody has scanned a label of it which we do not know."""
    gtin, _, lot = subject.name.partition(" ")
    params = {"gtin": gtin, "lot": "" if subject.batch_id is None else lot}
    raise_alert(session, subject, Hit(KIND, params, is_grave=False), now)
