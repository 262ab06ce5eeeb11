"""Sums of scans by day, so that figures about a million scans are read in milliseconds.

A day is closed 25 hours after its end: then nothing of its sessions changes that a figure counts. Probing
takes sessions of the last 24 hours out of the evidence, and a session grows for an hour at most. Days that
are not closed are summed from their sessions.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    SQLColumnExpression,
    and_,
    case,
    exists,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from authcheck.ids import first_id
from authcheck.scans.tables import ScanClosing, ScanDay, ScanFirst, ScanSession
from authcheck.storage.database import Database

CLOSES_AFTER = timedelta(hours=25)
ONE_DAY = timedelta(days=1)
Key = tuple[Any, ...]  # of a ScanDay: the columns of its primary key
KEY_NAMES = ("organisation_id", "day", "owner_id", "country", "advice", "counted")
MOST_DAYS_AT_ONCE = 400  # of one round


@dataclass(frozen=True, slots=True)
class Sum:
    """Sessions of one day, country and answer. `first` are first scans of a unit ever.

    `outside` are sessions outside the markets of their batch, of `located` sessions with a place and markets.
    """

    day: date
    country: str
    advice: str
    counted: bool
    sessions: int
    requests: int
    first: int
    outside: int
    located: int


EARLIER = aliased(ScanSession)
IS_FIRST = and_(
    ScanSession.counted.is_(True),
    ~exists().where(
        EARLIER.certificate_id == ScanSession.certificate_id,
        EARLIER.counted.is_(True),
        EARLIER.id < ScanSession.id,
    ),
)
"""The condition that a session is the first one of its unit that counts."""


def _count_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


NUMBERS = (
    func.count(),
    func.coalesce(func.sum(ScanSession.requests), 0),
    _count_if(IS_FIRST),
    _count_if(and_(ScanSession.counted.is_(True), ScanSession.off_market.is_(True))),
    _count_if(and_(ScanSession.counted.is_(True), ScanSession.off_market.is_not(None))),
)
"""The columns of the numbers of a Sum, in their order. Built once, since that takes longer than a query."""


def utc_day(session: Session, column: SQLColumnExpression[datetime]) -> ColumnElement[Any]:
    """Return the UTC day of a time. PostgreSQL would take the day in the zone of its connection."""
    is_server = session.get_bind().dialect.name == "postgresql"
    return func.date(func.timezone(literal_column("'UTC'"), column) if is_server else column)


def as_day(value: object) -> date:
    """Return a day that a database returns as a day or as text."""
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def sum_sessions(session: Session, *conditions: ColumnElement[bool]) -> list[Sum]:
    """Return the sums of the sessions that meet these conditions."""
    day = utc_day(session, ScanSession.started_at)
    groups = (day, ScanSession.country, ScanSession.advice, ScanSession.counted)
    query = select(*groups, *NUMBERS).select_from(ScanSession).where(*conditions).group_by(*groups)
    return [Sum(as_day(row[0]), *row[1:4], *map(int, row[4:])) for row in session.execute(query)]


def last_closed(session: Session) -> date | None:
    """Return the newest closed day."""
    return session.scalar(select(func.max(ScanClosing.day)))


def sums_of(session: Session, organisation_id: str, since: date, until: date) -> list[Sum]:
    """Return the sums of an issuer's or a design owner's units in a period, both days included."""
    closed = last_closed(session) or date.min
    columns = [getattr(ScanDay, field.name) for field in fields(Sum)]
    stored = select(*columns).where(
        _is_own_day(organisation_id), ScanDay.day >= since, ScanDay.day <= min(until, closed)
    )
    sums = [Sum(*row) for row in session.execute(stored)]
    start = max(since, closed + ONE_DAY)
    if start <= until:
        for side in own_sides(organisation_id):
            sums += sum_sessions(session, side, *within(start, until))
    return sums


def _is_own_day(organisation_id: str) -> ColumnElement[bool]:
    return or_(ScanDay.organisation_id == organisation_id, ScanDay.owner_id == organisation_id)


def count_scanned(session: Session, organisation_id: str) -> int:
    """Return how many units of an issuer or a design's owner were ever scanned."""
    closed = last_closed(session)
    stored = select(func.coalesce(func.sum(ScanDay.first), 0)).where(_is_own_day(organisation_id))
    is_open = [ScanSession.id >= first_id("scn", begin_of(closed + ONE_DAY))] if closed else []
    count = session.scalars(stored).one()
    for side in own_sides(organisation_id):
        query = select(func.count()).select_from(ScanSession).where(side, *is_open, IS_FIRST)
        count += session.scalars(query).one()
    return int(count)


def own_sides(organisation_id: str) -> tuple[ColumnElement[bool], ...]:
    """Return two conditions that no session meets both: the own designs, and own units of other designs.

    Each has an index. A condition with OR would have none.
    """
    return (
        ScanSession.owner_id == organisation_id,
        and_(ScanSession.organisation_id == organisation_id, ScanSession.owner_id != organisation_id),
    )


def within(since: date, until: date) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a session began in a period. Ids sort by time, and have the index."""
    return (
        ScanSession.id >= first_id("scn", begin_of(since)),
        ScanSession.id < first_id("scn", begin_of(until + ONE_DAY)),
    )


def begin_of(day: date) -> datetime:
    """Return the begin of a day in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def firsts_of(session: Session, batch_ids: Sequence[str]) -> dict[str, dict[date, int]]:
    """Return how many units of each batch were first scanned on each day."""
    firsts: dict[str, dict[date, int]] = {batch_id: {} for batch_id in batch_ids}
    stored = select(ScanFirst.batch_id, ScanFirst.day, ScanFirst.units)
    for batch_id, day, units in session.execute(stored.where(ScanFirst.batch_id.in_(batch_ids))):
        firsts[batch_id][day] = units
    closed = last_closed(session)
    is_open = [ScanSession.started_at >= begin_of(closed + ONE_DAY)] if closed else []
    of_batches = ScanSession.batch_id.in_(batch_ids)
    for batch_id, day, units in _count_firsts(session, of_batches, *is_open):
        firsts[batch_id][day] = units
    return firsts


def _count_firsts(session: Session, *conditions: ColumnElement[bool]) -> Iterator[tuple[str, date, int]]:
    day = utc_day(session, ScanSession.started_at)
    query = (
        select(ScanSession.batch_id, day, func.count())
        .where(*conditions, IS_FIRST)
        .group_by(ScanSession.batch_id, day)
    )
    for batch_id, text, units in session.execute(query):
        yield batch_id, as_day(text), units


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
    names = [*KEY_NAMES, *(field.name for field in fields(Sum)[4:])]
    rows = [
        dict(zip(names, (*key, *sums), strict=True)) for key, sums in _sums_by_day(session, *on_day).items()
    ]
    if rows:
        session.execute(insert(ScanDay), rows)
    firsts = [
        {"batch_id": batch_id, "day": day, "units": units}
        for batch_id, _, units in _count_firsts(session, *on_day)
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
