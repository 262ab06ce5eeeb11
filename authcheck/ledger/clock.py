"""Times of entries and checkpoints. They never go back, whatever the clock of this machine does."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.errors import Unavailable
from authcheck.ledger.tables import Entry, SignedCheckpoint
from authcheck.storage.database import SETTINGS
from authcheck.tlog.entries import Draft, time_text

SKEW = timedelta(minutes=5)  # the most that clocks may differ, or a transaction may take
WARNED_FROM = timedelta(minutes=1)  # a transaction that waits for its turn is seconds behind, not minutes
log = logging.getLogger("authcheck.ledger.clock")


def in_order(session: Session, size: int, drafts: Sequence[Draft]) -> list[Draft]:
    """Return new drafts with times that do not go back, for a ledger of `size` entries.

    A draft that is dated before the entry in front of it takes the time of that entry. Its own time moves to
    the field `since`, which is the time that its row has. Logs a warning when the clock is a minute behind.
    Raises Unavailable (`ledger.clock`) when it is further behind than AUTHCHECK_CLOCK_TOLERANCE_HOURS.
    """
    newest_at = _newest_time(session, size, SKEW)
    if newest_at is not None and drafts:
        _check_clock(session, min(draft.at for draft in drafts), newest_at)
    ordered = []
    for draft in drafts:
        if newest_at is not None and draft.at < newest_at:
            since = {"since": time_text(draft.at), **draft.fields}
            ordered.append(replace(draft, at=newest_at, fields=since))
        else:
            ordered.append(draft)
            newest_at = draft.at
    return ordered


def signing_time(session: Session, size: int, now: datetime) -> datetime:
    """Return the time of a new checkpoint: now, but not before its entries and earlier checkpoints."""
    return max(now, _newest_time(session, size, timedelta(0)) or now)


def _newest_time(session: Session, size: int, skew: timedelta) -> datetime | None:
    """Return the time of the last entry, or `skew` before the newest signature when that is later."""
    times = [session.scalar(select(Entry.at).where(Entry.number == size - 1))]
    newest = select(SignedCheckpoint.signed_at).order_by(SignedCheckpoint.size.desc()).limit(1)
    signed_at = session.scalar(newest)
    times.append(signed_at - skew if signed_at else None)
    return max((at for at in times if at is not None), default=None)


def _check_clock(session: Session, now: datetime, newest_at: datetime) -> None:
    settings = session.info.get(SETTINGS)
    if settings is not None and newest_at - now > timedelta(hours=settings.clock_tolerance_hours):
        raise Unavailable(
            f"The clock says {time_text(now)}, but the newest ledger entry is of {time_text(newest_at)}. "
            "Nothing was recorded. Set the clock right, then try again.",
            code="ledger.clock",
            now=time_text(now),
            newest=time_text(newest_at),
        )
    if newest_at - now > WARNED_FROM:
        log.warning(
            "The clock says %s, which is before the newest ledger entry. New entries get the time of that "
            "entry, %s. Set the clock right.",
            time_text(now),
            time_text(newest_at),
        )
