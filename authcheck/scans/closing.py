"""Days of scans are closed: summed once, when nothing of them that a figure counts changes any more.

Probing takes sessions of the last 24 hours out of the evidence, and a session grows for an hour at most. So a
day is closed 25 hours after its end.
"""

from collections.abc import Collection
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, insert, null, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from authcheck.scans.sums import NUMBERS, ONE_DAY, Sum, as_day, begin_of, count_firsts, last_closed, utc_day
from authcheck.scans.tables import ScanClosing, ScanDay, ScanFirst, ScanSession
from authcheck.storage.database import Database

CLOSES_AFTER = timedelta(hours=25)
MOST_DAYS_AT_ONCE = 400  # of one round
Key = tuple[Any, ...]  # of a ScanDay: the columns of its primary key
KEY_NAMES = ("organisation_id", "day", "owner_id", "country", "advice", "counted")


def change_markets(session: Session, batch_id: str, markets: Collection[str]) -> None:
    """Judge again which scans of a batch were outside its markets, and correct the sums of closed days."""
    newest = select(ScanClosing.day).order_by(ScanClosing.day.desc()).limit(1)
    session.execute(newest.with_for_update())  # no day is closed meanwhile
    closed = last_closed(session)
    of_batch = ScanSession.batch_id == batch_id
    is_closed = ScanSession.started_at < begin_of(closed + ONE_DAY if closed else date(1970, 1, 1))
    before = _sums_by_day(session, of_batch, is_closed)
    outside = ScanSession.country.not_in(sorted(markets)) if markets else null()
    session.execute(update(ScanSession).where(of_batch, ScanSession.country != "").values(off_market=outside))
    for key, now in _sums_by_day(session, of_batch, is_closed).items():
        row = session.get_one(ScanDay, key)
        row.outside += now[-2] - before[key][-2]
        row.located += now[-1] - before[key][-1]


def close_days(database: Database, now: datetime) -> int:
    """Sum the days that can be closed, each in its own transaction. Return their number.

    Two processes may do this at the same time: the day of one of them is refused.
    """
    with database.reading() as session:
        closed = last_closed(session)
        oldest = session.scalar(select(func.min(ScanSession.started_at))) if closed is None else None
    if closed is None and oldest is None:
        return 0
    day = closed + ONE_DAY if closed else oldest.astimezone(UTC).date() if oldest else date.max
    count = 0
    while begin_of(day + ONE_DAY) + CLOSES_AFTER <= now and count < MOST_DAYS_AT_ONCE:
        try:
            with database.writing() as session:
                _close(session, day, now)
        except IntegrityError:  # another process has closed it
            return count
        day, count = day + ONE_DAY, count + 1
    return count


def _close(session: Session, day: date, now: datetime) -> None:
    session.add(ScanClosing(day=day, closed_at=now))
    session.flush()
    on_day = (
        ScanSession.started_at >= begin_of(day),
        ScanSession.started_at < begin_of(day + ONE_DAY),
    )
    names = [*KEY_NAMES, *(field.name for field in fields(Sum)[3:])]
    rows = [
        dict(zip(names, (*key, *sums), strict=True)) for key, sums in _sums_by_day(session, *on_day).items()
    ]
    if rows:
        session.execute(insert(ScanDay), rows)
    firsts = [
        {"batch_id": batch_id, "day": day, "units": units}
        for batch_id, _, units in count_firsts(session, *on_day)
    ]
    if firsts:
        session.execute(insert(ScanFirst), firsts)


def _sums_by_day(session: Session, *conditions: ColumnElement[bool]) -> dict[Key, tuple[int, ...]]:
    """Return the numbers of ScanDay by its key, of the sessions that meet these conditions."""
    groups = (
        ScanSession.organisation_id, utc_day(session, ScanSession.started_at), ScanSession.owner_id,
        ScanSession.country, ScanSession.advice, ScanSession.counted,
    )  # fmt: skip
    query = select(*groups, *NUMBERS).select_from(ScanSession).where(*conditions).group_by(*groups)
    return {
        (row[0], as_day(row[1]), *row[2 : len(groups)]): tuple(map(int, row[len(groups) :]))
        for row in session.execute(query)
    }
