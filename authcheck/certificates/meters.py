"""The meter of a licence: its issued units, its cap, and the alert shares of the cap that are reached."""

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
    """Issued units and their `cap`, None without a cap. `share` is units divided by cap.

    `alerts` are the reached shares, ascending.
    """

    units: int
    cap: int | None
    share: float | None
    alerts: tuple[float, ...]


def meter(units: int, cap: int | None, shares: Sequence[float]) -> Meter:
    """Return the meter for these units.

    `shares` are the shares of the cap that cause an alert. 1 is the whole cap.
    """
    if cap is None:
        return Meter(units, None, None, ())
    # Decimals, because 0.07 * 100 is slightly more than 7 in binary floating point.
    reached = sorted({share for share in shares if units >= Decimal(str(share)) * cap})
    return Meter(units, cap, units / cap if cap else 1.0, tuple(reached))


def units_issued(session: Session, series: str) -> int:
    """Return how many certificates were issued under any version of a licence or under its sublicences."""
    all_series, new_series = {series}, {series}
    while new_series:
        parent_ids = select(Licence.id).where(Licence.series.in_(new_series))
        children = select(Licence.series).where(Licence.parent_id.in_(parent_ids)).distinct()
        new_series = set(session.scalars(children)) - all_series
        all_series |= new_series
    versions = select(Licence.id).where(Licence.series.in_(all_series))
    return (
        session.scalar(select(func.coalesce(func.sum(Batch.count), 0)).where(Batch.licence_id.in_(versions)))
        or 0
    )


def meter_of(session: Session, settings: Settings, licence_id: str) -> Meter:
    """Return the meter of a licence over all its versions, with the cap of its newest accepted version."""
    newest = in_force(session, get_licence(session, licence_id))
    cap = Terms.from_json(newest.terms).cap
    return meter(units_issued(session, newest.series), cap, settings.alert_shares)


def meters_of(session: Session, settings: Settings, batches: Iterable[Batch]) -> dict[str, Meter]:
    """Return the meters of the licences of these batches, by licence id."""
    licence_ids = sorted({batch.licence_id for batch in batches if batch.licence_id})
    return {licence_id: meter_of(session, settings, licence_id) for licence_id in licence_ids}
