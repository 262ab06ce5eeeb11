"""Sudden volume: many more people than usual look at the labels of one batch."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from authcheck.certificates.tables import Batch
from authcheck.registry.tables import Design
from authcheck.scans.alerts import Subject, raise_alert
from authcheck.scans.limits import CloneLimits
from authcheck.scans.rules import Hit
from authcheck.scans.tables import ScanSession

DAY = timedelta(days=1)
USUAL_DAYS = 28


def find_volume(today: int, before: int, limits: CloneLimits) -> Hit | None:
    """Return a hit for a batch with `today` sessions in the last day, after `before` in the 28 days before.

    A first day is no sudden volume: a batch that was not scanned before has come into the shops.
    """
    usual = before / USUAL_DAYS
    if before == 0 or today < limits.volume_sessions or today < limits.volume_factor * usual:
        return None
    return Hit("volume", {"sessions": today, "usual": round(usual, 1)}, is_grave=False)


def watch_volumes(session: Session, limits: CloneLimits, now: datetime) -> int:
    """Raise an alert about each batch with a sudden volume, one a day. Return the number of such batches."""
    recent = (
        select(ScanSession.batch_id, func.count())
        .where(ScanSession.started_at > now - DAY, ScanSession.counted.is_(True))
        .group_by(ScanSession.batch_id)
        .having(func.count() >= limits.volume_sessions)
    )
    count = 0
    for batch_id, today in session.execute(recent).all():
        before = session.scalar(
            select(func.count())
            .select_from(ScanSession)
            .where(
                ScanSession.batch_id == batch_id,
                ScanSession.started_at > now - (USUAL_DAYS + 1) * DAY,
                ScanSession.started_at <= now - DAY,
                ScanSession.counted.is_(True),
            )
        )
        hit = find_volume(today, before or 0, limits)
        if hit is not None:
            raise_alert(session, _subject(session, batch_id, now), hit, now)
            count += 1
    return count


def _subject(session: Session, batch_id: str, now: datetime) -> Subject:
    batch = session.get_one(Batch, batch_id)
    owner_id = session.scalars(select(Design.owner_id).where(Design.id == batch.design_id)).one()
    name = f"{batch.id} {now:%Y-%m-%d}"
    return Subject(name, batch.organisation_id, owner_id, batch_id=batch.id)
