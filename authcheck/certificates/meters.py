"""The meter of a licence: its issued units, its cap, and the alert shares of the cap that are reached."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session, aliased

from authcheck.certificates.tables import Batch
from authcheck.config import Settings
from authcheck.licences.grants import get_licence, in_force
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Terms
from authcheck.storage.parameters import in_chunks


def _count_units() -> Select[str, int]:
    """Return the query for the units under each series of `all_series`, and under its sublicences."""
    child, parent, version = aliased(Licence), aliased(Licence), aliased(Licence)
    chosen = Licence.series.in_(bindparam("all_series", expanding=True))
    counted = select(Licence.series.label("counted"), Licence.series.label("series")).where(chosen)
    under = counted.distinct().cte("under", recursive=True)
    lower = select(under.c.counted, child.series).join(parent, parent.series == under.c.series)
    under = under.union(lower.join(child, child.parent_id == parent.id))
    return (
        select(under.c.counted, func.sum(Batch.count))
        .join(version, version.series == under.c.series)
        .join(Batch, Batch.licence_id == version.id)
        .group_by(under.c.counted)
    )


UNITS_OF_SERIES = _count_units()  # built once: building it takes ten times as long as running it


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


def units_issued(session: Session, all_series: Collection[str]) -> dict[str, int]:
    """Return how many certificates were issued under these licences, by series. One statement for 500 series.

    Counts all versions of a licence and all its sublicences. Omits series without certificates.
    """
    totals: dict[str, int] = {}
    for chunk in in_chunks(list(all_series)):
        rows = session.execute(UNITS_OF_SERIES, {"all_series": chunk})
        totals.update((series, int(units)) for series, units in rows)
    return totals


def meter_of(session: Session, settings: Settings, licence_id: str) -> Meter:
    """Return the meter of a licence over all its versions, with the cap of its newest accepted version."""
    newest = in_force(session, get_licence(session, licence_id))
    cap = Terms.from_json(newest.terms).cap
    units = units_issued(session, [newest.series])
    return meter(units.get(newest.series, 0), cap, settings.alert_shares)


def meters_of(session: Session, settings: Settings, batches: Iterable[Batch]) -> dict[str, Meter]:
    """Return the meters of the licences of these batches, by licence id."""
    licence_ids = sorted({batch.licence_id for batch in batches if batch.licence_id})
    return {licence_id: meter_of(session, settings, licence_id) for licence_id in licence_ids}
