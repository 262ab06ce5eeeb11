"""The pace of a licence: what was issued under it, and the day on which its cap is reached at that pace."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session, aliased

from authcheck.certificates.tables import Batch
from authcheck.licences.tables import Licence

WEEKS = 8
LEAST_WEEKS = 3  # weeks with units, and weeks since the first unit; fewer say nothing about a pace
WEEK = timedelta(days=7)
BAND = 1.28  # standard errors: the true mean lies within them in four of five cases
MOST_DAYS = 3_650  # a later day is no forecast


@dataclass(frozen=True, slots=True)
class Forecast:
    """The day on which the cap is reached, with a band: `earliest` and `latest`, None if it is too far away.

    `per_week` is the mean of the units issued in a week.
    """

    day: date | None
    earliest: date | None
    latest: date | None
    per_week: float


def _select_under() -> Select[str]:
    """Return the query for the ids of all versions of the licence `series` and of its sublicences."""
    child, parent, version = aliased(Licence), aliased(Licence), aliased(Licence)
    under = select(Licence.series.label("series")).where(Licence.series == bindparam("series"))
    found = under.distinct().cte("under", recursive=True)
    lower = select(child.series).join(parent, child.parent_id == parent.id)
    found = found.union(lower.join(found, found.c.series == parent.series))
    return select(version.id).where(version.series.in_(select(found.c.series)))


UNDER = _select_under()


def batches_under(session: Session, series: str, *, limit: int) -> tuple[Sequence[Batch], int]:
    """Return the newest batches that count for the meter of a licence, and how many there are."""
    ids = session.scalars(UNDER, {"series": series}).all()
    is_under = Batch.licence_id.in_(ids)
    total = session.scalar(select(func.count()).select_from(Batch).where(is_under)) or 0
    newest = select(Batch).where(is_under).order_by(Batch.created_at.desc(), Batch.id.desc()).limit(limit)
    return session.scalars(newest).all(), total


def forecast(session: Session, series: str, left: int, now: datetime) -> Forecast | None:
    """Return when a licence reaches its cap at the pace of the last eight weeks, None with too few units.

    `left` is the number of units that can still be issued.
    """
    since = now - WEEKS * WEEK
    ids = session.scalars(UNDER, {"series": series}).all()
    first = session.scalar(select(func.min(Batch.created_at)).where(Batch.licence_id.in_(ids)))
    recent = select(Batch.created_at, Batch.count).where(Batch.licence_id.in_(ids), Batch.created_at > since)
    weeks = [0] * WEEKS
    for created_at, count in session.execute(recent):
        weeks[min(WEEKS - 1, max(0, (now - created_at) // WEEK))] += count
    age = WEEKS if first is None else min(WEEKS, math.ceil((now - first) / WEEK))
    return pace(weeks[:age], left, now.date())


def pace(weeks: Sequence[int], left: int, today: date) -> Forecast | None:
    """Return when `left` more units are issued at the mean of these weeks. Units per week, newest first.

    The band follows from the standard error of the mean.
    """
    if len(weeks) < LEAST_WEEKS or sum(units > 0 for units in weeks) < LEAST_WEEKS:
        return None
    mean = statistics.fmean(weeks)
    error = BAND * statistics.stdev(weeks) / math.sqrt(len(weeks))
    return Forecast(
        day=_day_at(mean, left, today),
        earliest=_day_at(mean + error, left, today),
        latest=_day_at(mean - error, left, today),
        per_week=mean,
    )


def _day_at(per_week: float, left: int, today: date) -> date | None:
    if per_week <= 0:
        return None
    days = math.ceil(left / per_week * WEEK.days)
    return today + timedelta(days=days) if days <= MOST_DAYS else None
