"""Alerts about copied labels reach the listings whose sellers name the label, and cases open."""

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from authcheck.cases.opening import open_for
from authcheck.certificates.tables import Certificate
from authcheck.errors import Unavailable
from authcheck.listings.scanned import judge_by_scans
from authcheck.listings.tables import Listing, ListingPicture
from authcheck.lookups.cautions import find_copied
from authcheck.scans.tables import ScanAlert
from authcheck.workspace import Workspace

AT_ONCE = 100
MOST_LISTINGS = 200  # with one code, judged again in one transaction
log = logging.getLogger("authcheck.cases.clones")


def carry(work: Workspace, now: datetime) -> int:
    """Judge the listings with a label again whose alerts have changed. Return the number of changed listings.

    Each alert is a transaction of its own. Processes may do it at the same time. An alert that cannot be
    carried is logged and holds up no other alert. Raises Unavailable when the database takes nothing.
    """
    count, after = 0, ""
    while ids := _find_waiting(work, after):
        for alert_id in ids:
            try:
                with work.database.writing() as session:
                    count += _carry(work, session, alert_id, now)
            except Unavailable:
                raise
            except Exception:
                log.exception("%s is not carried to listings, and waits for the next round", alert_id)
        after = ids[-1]
    return count


def _find_waiting(work: Workspace, after: str) -> Sequence[str]:
    """Return the ids of the next alerts that are not carried, from after the id `after`."""
    query = select(ScanAlert.id).where(ScanAlert.carried_at.is_(None), ScanAlert.id > after)
    with work.database.reading() as session:
        return session.scalars(query.order_by(ScanAlert.id).limit(AT_ONCE)).all()


def _carry(work: Workspace, session: Session, alert_id: str, now: datetime) -> int:
    query = select(ScanAlert).where(ScanAlert.id == alert_id, ScanAlert.carried_at.is_(None))
    alert = session.scalar(query.with_for_update())
    if alert is None:  # another process was faster
        return 0
    alert.carried_at = now
    if alert.certificate_id is None:
        return 0
    code = session.scalars(select(Certificate.code).where(Certificate.id == alert.certificate_id)).one()
    reasons = find_copied(session, alert.certificate_id, now)
    count = 0
    for listing in _lock_listings(session, code):
        if judge_by_scans(listing, reasons, now):
            checks = [picture.check for picture in listing.pictures]
            session.flush()
            open_for(work, session, listing, checks, now)
            count += 1
    return count


def _lock_listings(session: Session, code: str) -> Sequence[Listing]:
    """Return the newest listings whose sellers name this code, locked in the order of their ids."""
    newest = (
        select(Listing.id)
        .where(Listing.certificate_code == code)
        .order_by(Listing.id.desc())
        .limit(MOST_LISTINGS)
    )
    query = (
        select(Listing)
        .where(Listing.id.in_(session.scalars(newest).all()))
        .options(selectinload(Listing.pictures).joinedload(ListingPicture.check))
        .order_by(Listing.id)
        .with_for_update(of=Listing)
    )
    return session.scalars(query).all()
