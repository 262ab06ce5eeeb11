"""Retention: what says which phone scanned is erased when the rules no longer need it, or when asked."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from authcheck.scans.limits import CloneLimits
from authcheck.scans.tables import ScanSession, UnitMark
from authcheck.storage.parameters import in_chunks

AT_ONCE = 5_000


def erase_old(session: Session, limits: CloneLimits, now: datetime) -> int:
    """Erase the keyed hashes of scans before the rules' window, and their cells. Return their number.

    The scan stays as a number of its day and country.
    """
    before = now - timedelta(days=limits.window_days)
    old = select(ScanSession.id).where(ScanSession.visitor != "", ScanSession.started_at < before)
    ids = session.scalars(old.limit(AT_ONCE)).all()
    for chunk in in_chunks(ids):
        gone = update(ScanSession).where(ScanSession.id.in_(chunk))
        session.execute(gone.values(visitor="", network="", cell=""))
    return len(ids)


def forget(session: Session, visitor: str) -> int:
    """Make the scans of one phone belong to nobody. Return their number.

    The scans still count for the rules as those of one phone, so that forgetting hides no copied label.
    """
    stranger = secrets.token_hex(16)
    rows = session.scalars(select(ScanSession).where(ScanSession.visitor == visitor)).all()
    for row in rows:
        row.visitor, row.cell = stranger, ""
    session.execute(update(UnitMark).where(UnitMark.visitor == visitor).values(visitor=stranger))
    return len(rows)
