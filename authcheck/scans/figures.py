"""Figures about scans, each with its denominator, so that nobody takes 3 of 7 for a trend."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from io import StringIO

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from authcheck.certificates.tables import Batch, Certificate
from authcheck.files.csv_cells import CellWriter
from authcheck.members.reach import WHOLE, Reach
from authcheck.registry.tables import Design
from authcheck.scans import sums
from authcheck.scans.alerts import KINDS
from authcheck.scans.listing import ADVICE
from authcheck.scans.sums import Sum
from authcheck.scans.tables import ScanAlert, ScanSession

FEW = 5  # fewer scans of a country are `few`: nobody shall be found by a rare place
MOST_BATCHES = 200
COLUMNS = ("batch", "product", "lot", "issued", "scanned", "never_scanned", "days_to_first")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The part of the own units that figures are about: all, those of a batch, or those of a design."""

    batch_id: str = ""
    design_id: str = ""
    reach: Reach = WHOLE

    @property
    def is_whole(self) -> bool:
        """Return whether these are all own units."""
        return not (self.batch_id or self.design_id) and self.reach.designs is None

    def batches(self) -> tuple[ColumnElement[bool], ...]:
        """Return the conditions for a batch, which is joined with its design."""
        return (
            self.reach.has_design(Batch.design_id),
            *([Batch.id == self.batch_id] if self.batch_id else []),
            *([Batch.design_id == self.design_id] if self.design_id else []),
        )


EVERYTHING = Part()


@dataclass(frozen=True, slots=True)
class Day:
    """The sessions of one UTC day. `first` are first scans of a unit ever, `advice` the answers."""

    day: date
    sessions: int
    first: int
    advice: dict[str, int]


@dataclass(frozen=True, slots=True)
class BatchCoverage:
    """How many of a batch's signed units were ever scanned, and the median of whole days until then.

    `organisation_id` is the issuer. `never` are the units that nobody has scanned.
    """

    batch_id: str
    organisation_id: str
    product: str
    lot: str
    issued: int
    scanned: int
    days_to_first: int | None

    @property
    def never(self) -> int:
        """Return the number of units that nobody has scanned."""
        return self.issued - self.scanned


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
    found = _find_sums(session, organisation_id, part, since, until)
    counted = [one for one in found if one.counted]
    countries, few = _countries(counted)
    flagged, flagged_units = _flagged(session, organisation_id, part)
    return Figures(
        since=since,
        until=until,
        sessions=sum(one.sessions for one in counted),
        requests=sum(one.requests for one in counted),
        probing=sum(one.sessions for one in found if not one.counted),
        first=sum(one.first for one in counted),
        days=list(_days(counted, since, until)),
        countries=countries,
        few=few,
        off_market=sum(one.outside for one in counted),
        located_in_markets=sum(one.located for one in counted),
        flagged=flagged,
        flagged_units=flagged_units,
        scanned_units=_count_scanned(session, organisation_id, part),
        batches=coverage(session, organisation_id, part=part, limit=batches),
    )


def _find_sums(session: Session, organisation_id: str, part: Part, since: date, until: date) -> list[Sum]:
    """Return the sums of a period. Those of a part of the units are summed from its sessions."""
    if part.is_whole:
        return sums.sums_of(session, organisation_id, since, until)
    own = own_batches(organisation_id, part)
    conditions = [ScanSession.batch_id.in_(own), *sums.within(since, until)]
    return sums.sum_sessions(session, *conditions)


def _count_scanned(session: Session, organisation_id: str, part: Part) -> int:
    if part.is_whole:
        return sums.count_scanned(session, organisation_id)
    query = select(func.count()).select_from(ScanSession).where(sums.IS_FIRST)
    return session.scalar(query.where(ScanSession.batch_id.in_(own_batches(organisation_id, part)))) or 0


def _days(counted: Sequence[Sum], since: date, until: date) -> Iterator[Day]:
    """Yield every day of the period, also those without a session."""
    advice: defaultdict[date, Counter[str]] = defaultdict(Counter)
    first: Counter[date] = Counter()
    for one in counted:
        advice[one.day][one.advice] += one.sessions
        first[one.day] += one.first
    for number in range((until - since).days + 1):
        day = since + timedelta(days=number)
        answers = {code: advice[day][code] for code in ADVICE}
        yield Day(day, sum(answers.values()), first[day], answers)


def _countries(counted: Sequence[Sum]) -> tuple[dict[str, int], int]:
    counts: Counter[str] = Counter()
    for one in counted:
        counts[one.country] += one.sessions
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
        grave.append(ScanAlert.batch_id.in_(own_batches(organisation_id, part)))
    number = func.count(ScanAlert.certificate_id.distinct())
    by_kind = select(ScanAlert.kind, number).where(*grave).group_by(ScanAlert.kind)
    counts = {row[0]: row[1] for row in session.execute(by_kind)}
    in_order = {kind: counts[kind] for kind in KINDS if kind in counts}
    return in_order, session.scalar(select(number).where(*grave)) or 0


def own_batches(organisation_id: str, part: Part) -> Select[str]:
    """Return the query for the ids of the own batches of a part, and of licensees' batches of own designs."""
    return (
        select(Batch.id)
        .join(Design, Design.id == Batch.design_id)
        .where(or_(Batch.organisation_id == organisation_id, Design.owner_id == organisation_id))
        .where(*part.batches())
    )


def coverage(
    session: Session,
    organisation_id: str,
    *,
    part: Part = EVERYTHING,
    before: str = "",
    limit: int = MOST_BATCHES,
) -> list[BatchCoverage]:
    """Return the coverage of at most `limit` batches from before the id `before`, newest first."""
    query = select(Batch).where(Batch.id.in_(own_batches(organisation_id, part)))
    if before:
        query = query.where(Batch.id < before)
    batches = session.scalars(query.order_by(Batch.id.desc()).limit(limit)).all()
    ids = [batch.id for batch in batches]
    unsigned = {
        row[0]: row[1]
        for row in session.execute(
            select(Certificate.batch_id, func.count())
            .where(Certificate.batch_id.in_(ids), Certificate.state == "unsigned")
            .group_by(Certificate.batch_id)
        )
    }
    firsts = sums.firsts_of(session, ids)
    return [
        BatchCoverage(
            batch.id,
            batch.organisation_id,
            batch.product,
            batch.lot,
            batch.count - unsigned.get(batch.id, 0),
            sum(firsts[batch.id].values()),
            _median_wait(batch.created_at.date(), firsts[batch.id]),
        )
        for batch in batches
    ]


def _median_wait(issued: date, firsts: dict[date, int]) -> int | None:
    """Return the median of the whole days from the issue to a unit's first scan, the lower one of two."""
    place = (sum(firsts.values()) + 1) // 2
    for day in sorted(firsts):
        place -= firsts[day]
        if place <= 0:
            return max((day - issued).days, 0)
    return None


def coverage_csv(rows: Sequence[BatchCoverage]) -> str:
    """Return the coverage of batches as a table for a spreadsheet."""
    file = StringIO()
    writer = CellWriter(file)
    writer.write_row(COLUMNS)
    for row in rows:
        writer.write_row(
            (row.batch_id, row.product, row.lot, row.issued, row.scanned, row.never, row.days_to_first)
        )
    return file.getvalue()
