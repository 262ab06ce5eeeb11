"""Figures about scans, each with its denominator, so that nobody takes 3 of 7 for a trend."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from authcheck.scans import sums
from authcheck.scans.alerts import KINDS
from authcheck.scans.coverage import MOST_BATCHES, BatchCoverage, coverage
from authcheck.scans.listing import ADVICE
from authcheck.scans.parts import EVERYTHING, Part, in_batches
from authcheck.scans.sums import Sum
from authcheck.scans.tables import ScanAlert, ScanSession
from authcheck.storage.opening import utc_now

FEW = 5  # fewer scans of a country are `few`: nobody shall be found by a rare place


@dataclass(frozen=True, slots=True)
class Day:
    """The sessions of one UTC day. `first` are first scans of a unit ever, `advice` the answers."""

    day: date
    sessions: int
    first: int
    advice: dict[str, int]


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a period.

    Sessions of probing phones and networks are left out, and counted in `probing`. `first` are first scans of
    a unit ever. `countries` has sessions by country, "" for an unknown place; those of countries with fewer
    than 5 are in `few`. `off_market` are sessions in countries outside the markets that their batch had at
    the time, of `located_in_markets` sessions whose place was known and whose batch had markets.

    Not of the period: `flagged` are units with a grave alert that is not cleared, by kind, `flagged_units`
    their number, and `scanned_units` the units that were ever scanned.
    """

    since: date
    until: date
    sessions: int = 0
    requests: int = 0
    probing: int = 0
    first: int = 0
    days: list[Day] = field(default_factory=list)
    countries: dict[str, int] = field(default_factory=dict)
    few: int = 0
    off_market: int = 0
    located_in_markets: int = 0
    flagged: dict[str, int] = field(default_factory=dict)
    flagged_units: int = 0
    scanned_units: int = 0
    batches: list[BatchCoverage] = field(default_factory=list)


def compute(
    session: Session,
    organisation_id: str,
    *,
    since: date,
    until: date,
    part: Part = EVERYTHING,
    batches: int = MOST_BATCHES,
) -> Figures:
    """Return the figures of an issuer's or a design owner's units, both days included.

    With the coverage of at most so many `batches`, the newest ones.
    """
    day_sums = _find_sums(session, organisation_id, part, since, until)
    counted = [row for row in day_sums if row.counted]
    countries, few = _countries(_count_countries(session, organisation_id, part, since, until))
    flagged, flagged_units = _flagged(session, organisation_id, part)
    return Figures(
        since=since,
        until=until,
        sessions=sum(row.sessions for row in counted),
        requests=sum(row.requests for row in counted),
        probing=sum(row.sessions for row in day_sums if not row.counted),
        first=sum(row.first for row in counted),
        days=list(_days(counted, since, until)),
        countries=countries,
        few=few,
        off_market=sum(row.outside for row in counted),
        located_in_markets=sum(row.located for row in counted),
        flagged=flagged,
        flagged_units=flagged_units,
        scanned_units=_count_scanned(session, organisation_id, part, day_sums, (since, until)),
        batches=coverage(session, organisation_id, part=part, limit=batches),
    )


def _find_sums(session: Session, organisation_id: str, part: Part, since: date, until: date) -> list[Sum]:
    """Return the sums of a period. Those of a part of the units are summed from its sessions."""
    if part.is_whole:
        return sums.sums_of(session, organisation_id, since, until)
    return sums.sum_sessions(session, *_of_part(session, organisation_id, part, since, until))


def _count_countries(
    session: Session, organisation_id: str, part: Part, since: date, until: date
) -> Counter[str]:
    if part.is_whole:
        return sums.countries_of(session, organisation_id, since, until)
    return sums.count_countries(session, *_of_part(session, organisation_id, part, since, until))


def _of_part(
    session: Session, organisation_id: str, part: Part, since: date, until: date
) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions for the sessions of a part of the units in a period, by the index of batches."""
    yield in_batches(session, ScanSession.batch_id, organisation_id, part)
    yield ScanSession.started_at >= sums.begin_of(since)
    yield ScanSession.started_at < sums.begin_of(until + timedelta(days=1))


def _count_scanned(
    session: Session, organisation_id: str, part: Part, day_sums: Sequence[Sum], period: tuple[date, date]
) -> int:
    """Return how many units were ever scanned. `day_sums` are the sums of the period."""
    if part.is_whole:
        closed, (since, until) = sums.last_closed(session), period
        if closed is not None and since <= closed and until >= utc_now().date():  # it has all open days
            open_days = sum(row.first for row in day_sums if row.day > closed)
            return sums.count_closed(session, organisation_id) + open_days
        return sums.count_scanned(session, organisation_id)
    query = select(func.count()).select_from(ScanSession).where(sums.IS_FIRST)
    return session.scalar(query.where(in_batches(session, ScanSession.batch_id, organisation_id, part))) or 0


def _days(counted: Sequence[Sum], since: date, until: date) -> Iterator[Day]:
    """Yield every day of the period, also those without a session."""
    advice: defaultdict[date, Counter[str]] = defaultdict(Counter)
    first: Counter[date] = Counter()
    for row in counted:
        advice[row.day][row.advice] += row.sessions
        first[row.day] += row.first
    for number in range((until - since).days + 1):
        day = since + timedelta(days=number)
        answers = {code: advice[day][code] for code in ADVICE}
        yield Day(day, sum(answers.values()), first[day], answers)


def _countries(counts: Counter[str]) -> tuple[dict[str, int], int]:
    """Return the sessions by country, and those of countries with too few."""
    known = {country: count for country, count in counts.items() if not country or count >= FEW}
    in_order = sorted(known.items(), key=lambda item: (-item[1], item[0]))
    return dict(in_order), counts.total() - sum(known.values())


def _flagged(session: Session, organisation_id: str, part: Part) -> tuple[dict[str, int], int]:
    """Return the number of flagged units by kind, and of all flagged units."""
    grave = [
        or_(ScanAlert.organisation_id == organisation_id, ScanAlert.owner_id == organisation_id),
        ScanAlert.is_grave.is_(True),
        ScanAlert.state != "cleared",
        ScanAlert.certificate_id.is_not(None),
    ]
    if not part.is_whole:
        grave.append(in_batches(session, ScanAlert.batch_id, organisation_id, part))
    number = func.count(ScanAlert.certificate_id.distinct())
    by_kind = select(ScanAlert.kind, number).where(*grave).group_by(ScanAlert.kind)
    counts = {row[0]: row[1] for row in session.execute(by_kind)}
    in_order = {kind: counts[kind] for kind in KINDS if kind in counts}
    return in_order, session.scalar(select(number).where(*grave)) or 0
