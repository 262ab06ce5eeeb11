"""The meter of a licence: units certified against the cap, and the shares of it that are reached."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from authcheck.certificates.tables import Batch
from authcheck.config import Settings
from authcheck.licences.grants import get_licence, in_force
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Terms


@dataclass(frozen=True, slots=True)
class Meter:
    """Units against `cap`, None without one. `share` is units by cap, `alerts` the shares that are reached, ascending."""

    units: int
    cap: int | None
    share: float | None
    alerts: tuple[float, ...]


def meter(units: int, cap: int | None, shares: Sequence[float]) -> Meter:
    """What the meter shows; `shares` are those at which somebody wants to know, 1 being the whole cap."""
    if cap is None:
        return Meter(units, None, None, ())
    # In decimals: 0.07 of 100 is 7 there, and a little more in binary.
    reached = sorted({share for share in shares if units >= Decimal(str(share)) * cap})
    return Meter(units, cap, units / cap if cap else 1.0, tuple(reached))


def units_issued(session: Session, series: str) -> int:
    """Certificates that were issued under any version of a licence, or under a sublicence of it."""
    known, fresh = {series}, {series}
    while fresh:
        above = select(Licence.id).where(Licence.series.in_(fresh))
        below = session.scalars(select(Licence.series).where(Licence.parent_id.in_(above)).distinct())
        fresh = set(below) - known
        known |= fresh
    versions = select(Licence.id).where(Licence.series.in_(known))
    return (
        session.scalar(select(func.coalesce(func.sum(Batch.count), 0)).where(Batch.licence_id.in_(versions)))
        or 0
    )


def meter_of(session: Session, settings: Settings, licence_id: str) -> Meter:
    """The meter of a licence over all its versions; the cap is that of the newest in force or once in force."""
    newest = in_force(session, get_licence(session, licence_id))
    cap = Terms.from_json(newest.terms).cap
    return meter(units_issued(session, newest.series), cap, settings.alert_shares)


def meters_of(session: Session, settings: Settings, batches: Iterable[Batch]) -> dict[str, Meter]:
    """By licence id, the meters of the licences that batches were issued under."""
    named = sorted({batch.licence_id for batch in batches if batch.licence_id})
    return {licence_id: meter_of(session, settings, licence_id) for licence_id in named}
