"""Figures about scans, each with its denominator, so that nobody takes 3 of 7 for a trend."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, func, literal_column, or_, select
from sqlalchemy.orm import Session

from authcheck.certificates.tables import Batch, Certificate
from authcheck.members.reach import WHOLE, Reach
from authcheck.registry.tables import Design
from authcheck.scans.alerts import KINDS
from authcheck.scans.listing import ADVICE, ScanFilter, is_own
from authcheck.scans.standing import markets_of
from authcheck.scans.tables import ScanAlert, ScanSession

FEW = 5  # fewer scans of a country are `few`: nobody shall be found by a rare place
MOST_BATCHES = 200


@dataclass(frozen=True, slots=True)
class Day:
    """The sessions of one UTC day. `first` are first scans of a unit ever, `advice` the answers."""

    day: date
    sessions: int
    first: int
    advice: dict[str, int]


@dataclass(frozen=True, slots=True)
class BatchCoverage:
    """How many of a batch's signed units were ever scanned, and the median days until then.

    `never` are the units that nobody has scanned.
    """

    batch_id: str
    product: str
    lot: str
    issued: int
    scanned: int
    days_to_first: float | None

    @property
    def never(self) -> int:
        """Return the number of units that nobody has scanned."""
        return self.issued - self.scanned


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a period.

    Sessions of probing phones and networks are left out, and counted in `probing`. `countries` has sessions
    by country, "" for an unknown place; those of countries with fewer than 5 are in `few`. `off_market` are
    sessions in countries outside the markets of their batch, of `located_in_markets` sessions whose place is
    known and whose batch has markets. `flagged` are units with a grave alert that is not cleared, by kind,
    and `flagged_units` their number, of `units` scanned in the period.
    """

    since: date
    until: date
    sessions: int = 0
    requests: int = 0
    probing: int = 0
    units: int = 0
    days: list[Day] = field(default_factory=list)
    countries: dict[str, int] = field(default_factory=dict)
    few: int = 0
    off_market: int = 0
    located_in_markets: int = 0
    flagged: dict[str, int] = field(default_factory=dict)
    flagged_units: int = 0
    batches: list[BatchCoverage] = field(default_factory=list)


def compute(
    session: Session, organisation_id: str, *, since: date, until: date, reach: Reach = WHOLE
) -> Figures:
    """Return the figures of an issuer's or a design owner's units, both days included."""
    own = and_(is_own(organisation_id), _is_near(reach))
    in_period = and_(own, *ScanFilter(since=since, until=until).conditions())
    counted = and_(in_period, ScanSession.counted.is_(True))
    totals = session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(ScanSession.requests), 0),
            func.count(ScanSession.certificate_id.distinct()),
        )
        .select_from(ScanSession)
        .where(counted)
    ).one()
    all_sessions = session.scalar(select(func.count()).select_from(ScanSession).where(in_period)) or 0
    countries, few = _countries(session, counted)
    off_market, located = _off_market(session, counted)
    flagged, flagged_units = _flagged(session, counted)
    return Figures(
        since=since,
        until=until,
        sessions=totals[0],
        requests=int(totals[1]),
        probing=all_sessions - totals[0],
        units=totals[2],
        days=_days(session, counted, own, since, until),
        countries=countries,
        few=few,
        off_market=off_market,
        located_in_markets=located,
        flagged=flagged,
        flagged_units=flagged_units,
        batches=_coverage(session, organisation_id, reach),
    )


def _is_near(reach: Reach) -> ColumnElement[bool]:
    if reach.designs is None:
        return reach.has_all_designs()
    units = select(Certificate.id).where(reach.has_design(Certificate.design_id))
    return ScanSession.certificate_id.in_(units)


def _days(
    session: Session, counted: ColumnElement[bool], own: ColumnElement[bool], since: date, until: date
) -> list[Day]:
    """Return every day of the period, also those without a session."""
    by_day: defaultdict[date, dict[str, int]] = defaultdict(lambda: dict.fromkeys(ADVICE, 0))
    day = _utc_day(session, ScanSession.started_at)
    for text, advice, count in session.execute(
        select(day, ScanSession.advice, func.count()).where(counted).group_by(day, ScanSession.advice)
    ):
        by_day[_as_day(text)][advice] = count
    first = (
        select(func.min(ScanSession.started_at).label("at"))
        .where(own, ScanSession.counted.is_(True))
        .group_by(ScanSession.certificate_id)
        .subquery()
    )
    firsts = {
        _as_day(text): count
        for text, count in session.execute(
            select(_utc_day(session, first.c.at), func.count()).group_by(_utc_day(session, first.c.at))
        )
    }
    days = [since + timedelta(days=number) for number in range((until - since).days + 1)]
    return [Day(each, sum(by_day[each].values()), firsts.get(each, 0), by_day[each]) for each in days]


def _utc_day(session: Session, column: SQLColumnExpression[datetime]) -> ColumnElement[Any]:
    """Return the UTC day of a time. PostgreSQL would take the day in the zone of its connection."""
    is_server = session.get_bind().dialect.name == "postgresql"
    return func.date(func.timezone(literal_column("'UTC'"), column) if is_server else column)


def _as_day(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _countries(session: Session, counted: ColumnElement[bool]) -> tuple[dict[str, int], int]:
    query = select(ScanSession.country, func.count()).where(counted).group_by(ScanSession.country)
    counts = {row[0]: row[1] for row in session.execute(query)}
    known = {country: count for country, count in counts.items() if not country or count >= FEW}
    in_order = sorted(known.items(), key=lambda item: (-item[1], item[0]))
    return dict(in_order), sum(counts.values()) - sum(known.values())


def _off_market(session: Session, counted: ColumnElement[bool]) -> tuple[int, int]:
    query = (
        select(ScanSession.batch_id, ScanSession.country, func.count())
        .where(counted, ScanSession.country != "")
        .group_by(ScanSession.batch_id, ScanSession.country)
    )
    rows = session.execute(query).all()
    markets = markets_of(session, {row.batch_id for row in rows})
    off_market = located = 0
    for batch_id, country, count in rows:
        if markets.get(batch_id):
            located += count
            off_market += count * (country not in markets[batch_id])
    return off_market, located


def _flagged(session: Session, counted: ColumnElement[bool]) -> tuple[dict[str, int], int]:
    """Return the number of flagged units by kind, and of all flagged units."""
    grave = and_(
        ScanAlert.is_grave.is_(True),
        ScanAlert.state != "cleared",
        ScanAlert.certificate_id.in_(select(ScanSession.certificate_id).where(counted)),
    )
    number = func.count(ScanAlert.certificate_id.distinct())
    by_kind = select(ScanAlert.kind, number).where(grave).group_by(ScanAlert.kind)
    counts = {row[0]: row[1] for row in session.execute(by_kind)}
    in_order = {kind: counts[kind] for kind in KINDS if kind in counts}
    return in_order, session.scalar(select(number).where(grave)) or 0


def _coverage(session: Session, organisation_id: str, reach: Reach) -> list[BatchCoverage]:
    """Return the coverage of the newest 200 batches, newest first."""
    query = (
        select(Batch)
        .join(Design, Design.id == Batch.design_id)
        .where(
            or_(Batch.organisation_id == organisation_id, Design.owner_id == organisation_id),
            reach.has_design(Batch.design_id),
        )
        .order_by(Batch.id.desc())
        .limit(MOST_BATCHES)
    )
    batches = session.scalars(query).all()
    waits = _first_scans(session, [batch.id for batch in batches])
    unsigned = {
        row[0]: row[1]
        for row in session.execute(
            select(Certificate.batch_id, func.count())
            .where(Certificate.batch_id.in_([batch.id for batch in batches]), Certificate.state == "unsigned")
            .group_by(Certificate.batch_id)
        )
    }
    return [
        BatchCoverage(
            batch.id,
            batch.product,
            batch.lot,
            batch.count - unsigned.get(batch.id, 0),
            len(waits[batch.id]),
            round(median(waits[batch.id]), 1) if waits[batch.id] else None,
        )
        for batch in batches
    ]


def _first_scans(session: Session, batch_ids: Sequence[str]) -> defaultdict[str, list[float]]:
    """Return the days from the issue to the first scan of each scanned unit, by batch."""
    query = (
        select(ScanSession.batch_id, func.min(ScanSession.started_at), Certificate.issued_at)
        .join(Certificate, Certificate.id == ScanSession.certificate_id)
        .where(ScanSession.batch_id.in_(batch_ids), ScanSession.counted.is_(True))
        .group_by(ScanSession.batch_id, ScanSession.certificate_id, Certificate.issued_at)
    )
    waits: defaultdict[str, list[float]] = defaultdict(list)
    for batch_id, first, issued_at in session.execute(query):
        waits[batch_id].append(_days_between(issued_at, first))
    return waits


def _days_between(start: datetime, end: datetime) -> float:
    return max((end - start) / timedelta(days=1), 0.0)
