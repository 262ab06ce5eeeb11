"""Sums of scans by day, so that figures about a million scans are read in milliseconds.

A day is closed 25 hours after its end: then nothing of its sessions changes that a figure counts. Probing
takes sessions of the last 24 hours out of the evidence, and a session grows for an hour at most. Days that
are not closed are summed from their sessions.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    SQLColumnExpression,
    and_,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from authcheck.certificates.tables import Batch
from authcheck.ids import first_id
from authcheck.registry.tables import Design
from authcheck.scans.tables import ScanClosing, ScanDay, ScanFirst, ScanSession

ONE_DAY = timedelta(days=1)
STORED = (ScanDay.sessions, ScanDay.requests, ScanDay.first, ScanDay.outside, ScanDay.located)


@dataclass(frozen=True, slots=True)
class Sum:
    """Sessions of one day and answer. `first` are first scans of a unit ever.

    `outside` are sessions outside the markets of their batch, of `located` sessions with a place and markets.
    """

    day: date
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
    groups = (utc_day(session, ScanSession.started_at), ScanSession.advice, ScanSession.counted)
    query = select(*groups, *NUMBERS).select_from(ScanSession).where(*conditions).group_by(*groups)
    return [Sum(as_day(row[0]), *row[1:3], *map(int, row[3:])) for row in session.execute(query)]


def count_countries(session: Session, *conditions: ColumnElement[bool]) -> Counter[str]:
    """Return the number of counted sessions that meet these conditions, by country."""
    query = (
        select(ScanSession.country, func.count())
        .where(ScanSession.counted.is_(True), *conditions)
        .group_by(ScanSession.country)
    )
    return Counter(dict(session.execute(query).all()))


def last_closed(session: Session) -> date | None:
    """Return the newest closed day."""
    return session.scalar(select(func.max(ScanClosing.day)))


def sums_of(session: Session, organisation_id: str, since: date, until: date) -> list[Sum]:
    """Return the sums of an issuer's or a design owner's units in a period, both days included."""
    closed = last_closed(session) or date.min
    groups = (ScanDay.day, ScanDay.advice, ScanDay.counted)
    stored = select(*groups, *map(func.sum, STORED)).where(
        _is_own_day(organisation_id), ScanDay.day.between(since, min(until, closed))
    )
    rows = session.execute(stored.group_by(*groups))
    sums = [Sum(*row[:3], *map(int, row[3:])) for row in rows]
    for condition in _open_sides(session, organisation_id, max(since, closed + ONE_DAY), until):
        sums += sum_sessions(session, condition)
    return sums


def countries_of(session: Session, organisation_id: str, since: date, until: date) -> Counter[str]:
    """Return the counted sessions of an issuer's or a design owner's units in a period, by country."""
    closed = last_closed(session) or date.min
    stored = select(ScanDay.country, func.sum(ScanDay.sessions)).where(
        _is_own_day(organisation_id),
        ScanDay.counted.is_(True),
        ScanDay.day.between(since, min(until, closed)),
    )
    rows = session.execute(stored.group_by(ScanDay.country))
    counts = Counter({country: int(count) for country, count in rows})
    for condition in _open_sides(session, organisation_id, max(since, closed + ONE_DAY), until):
        counts += count_countries(session, condition)
    return counts


def _open_sides(
    session: Session, organisation_id: str, since: date, until: date
) -> list[ColumnElement[bool]]:
    """Return a condition for the own sessions of a period by each index, none for an empty period."""
    if since > until:
        return []
    return [and_(side, *within(since, until)) for side in own_sides(session, organisation_id)]


def _is_own_day(organisation_id: str) -> ColumnElement[bool]:
    return or_(ScanDay.organisation_id == organisation_id, ScanDay.owner_id == organisation_id)


def count_scanned(session: Session, organisation_id: str) -> int:
    """Return how many units of an issuer or a design's owner were ever scanned."""
    closed = last_closed(session)
    is_open = [ScanSession.id >= first_id("scn", begin_of(closed + ONE_DAY))] if closed else []
    count = count_closed(session, organisation_id)
    for side in own_sides(session, organisation_id):
        query = select(func.count()).select_from(ScanSession).where(side, *is_open, IS_FIRST)
        count += session.scalars(query).one()
    return count


def count_closed(session: Session, organisation_id: str) -> int:
    """Return how many of these units were first scanned on a closed day."""
    stored = select(func.coalesce(func.sum(ScanDay.first), 0)).where(_is_own_day(organisation_id))
    return int(session.scalars(stored).one())


def own_sides(session: Session, organisation_id: str) -> list[ColumnElement[bool]]:
    """Return conditions for the own sessions, each with an index. No session meets two of them.

    They are the scans of units with the own designs, and, for a licensee, of own units with designs of
    others. One condition with OR would have no index, and a brand would look for the latter in vain among
    all its scans.
    """
    sides: list[ColumnElement[bool]] = [ScanSession.owner_id == organisation_id]
    foreign = (
        select(Batch.id)
        .join(Design, Design.id == Batch.design_id)
        .where(Batch.organisation_id == organisation_id, Design.owner_id != organisation_id)
    )
    if session.scalar(foreign.limit(1)) is not None:
        own_units = ScanSession.organisation_id == organisation_id
        sides.append(and_(own_units, ScanSession.owner_id != organisation_id))
    return sides


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
    for batch_id, day, units in count_firsts(session, of_batches, *is_open):
        firsts[batch_id][day] = units
    return firsts


def count_firsts(session: Session, *conditions: ColumnElement[bool]) -> Iterator[tuple[str, date, int]]:
    """Yield by batch and day how many units were first scanned, of the sessions of these conditions."""
    day = utc_day(session, ScanSession.started_at)
    query = (
        select(ScanSession.batch_id, day, func.count())
        .where(*conditions, IS_FIRST)
        .group_by(ScanSession.batch_id, day)
    )
    for batch_id, text, units in session.execute(query):
        yield batch_id, as_day(text), units
