"""The meter of a licence: units certified against the cap, and the shares of it that are reached."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal


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
