"""How probable is it that one unit was at all these places? The best innocent explanation of its scans.

One unit has one whereabouts at a time. An innocent explanation says for each scan that the unit was there
(perhaps after a journey), or that the phone only seemed to be there (a VPN, a wrong entry in a map of
addresses). Its probability is the product of the odds of the journeys and of the misplaced phones. Copies of
one label are scanned here and there by turns, which needs many of both.

The search is exact: dynamic programming over the unit's place and the number of misplaced phones, in time
proportional to (scans x places x misplaced).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import comb, log10

from authcheck.scans.limits import CloneLimits
from authcheck.scans.places import Place, distance_km

MOST_MISPLACED = 8  # more are less probable than any threshold
IMPOSSIBLE = float("inf")

State = tuple[int | None, int]
"""The number of the scan that was believed last, and the number of misplaced phones."""
Best = dict[State, float]
"""The least cost of each state."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """The first scan of a phone in a country. `phone` is a number that is the same for the same phone."""

    at: datetime
    phone: int
    place: Place


def improbability(sightings: Sequence[Sighting], limits: CloneLimits) -> float:
    """Return -log10 of the probability of the best innocent explanation: 0 for one place, 4 for 1 in 10,000.

    `sightings` are in order of time, and each has a country.
    """
    places = sorted({sighting.place.country for sighting in sightings})
    if len(places) < 2:  # noqa: PLR2004 - one place needs no explanation
        return 0.0
    costs = _Costs(sightings, limits)
    best: Best = {(None, 0): 0.0}
    for number, sighting in enumerate(sightings):
        following: Best = {}
        for (last, misplaced), cost in best.items():
            _keep_least(following, (number, misplaced), cost + costs.journey(last, number))
            if misplaced < MOST_MISPLACED:
                _keep_least(following, (last, misplaced + 1), cost + costs.coincidence(sighting))
        best = _prune(following, sightings)
    totals = (cost + costs.misplacing(misplaced) for (_, misplaced), cost in best.items())
    return min(totals, default=IMPOSSIBLE)


def impossible_trips(sightings: Sequence[Sighting], limits: CloneLimits) -> list[tuple[float, float]]:
    """Return the kilometres and hours of journeys between different phones that no unit can have made.

    Each phone is in one journey at most, so that one misplaced phone makes one journey.
    """
    trips: list[tuple[float, float]] = []
    used: set[int] = set()
    for before, after in pairwise(sightings):
        if before.phone == after.phone or used & {before.phone, after.phone}:
            continue
        if not is_possible(before, after, limits):
            used |= {before.phone, after.phone}
            hours = (after.at - before.at).total_seconds() / 3600
            trips.append((distance_km(before.place, after.place), hours))
    return trips


def is_possible(before: Sighting, after: Sighting, limits: CloneLimits) -> bool:
    """Return whether a unit can have gone from one scan to the next one."""
    hours = (after.at - before.at).total_seconds() / 3600
    distance = distance_km(before.place, after.place)
    return distance == 0 or hours >= limits.airport_hours + distance / limits.speed_kmh


class _Costs:
    """The costs of parts of an explanation, each as -log10 of its odds."""

    def __init__(self, sightings: Sequence[Sighting], limits: CloneLimits) -> None:
        self.sightings = sightings
        self.limits = limits
        self.move = -log10(limits.move_odds)
        self.same_place = -log10(limits.same_place_odds)
        phones: dict[str, set[int]] = {}
        self.was_in: list[set[str]] = []  # the countries where the phone of each scan had been before
        for sighting in sightings:
            country, phone = sighting.place.country, sighting.phone
            self.was_in.append({other for other, seen in phones.items() if phone in seen})
            phones.setdefault(country, set()).add(phone)
        self.shared = {country for country, seen in phones.items() if len(seen) > 1}
        self.count = len(sightings)

    def journey(self, last: int | None, number: int) -> float:
        """Return the cost when the unit was at the scan `last` before, and is at the scan `number` now."""
        now = self.sightings[number]
        if last is None:
            return 0.0
        before = self.sightings[last]
        if before.place.country == now.place.country:
            return 0.0
        if before.place.country in self.was_in[number]:  # the phone has carried the unit
            return 0.0
        return self.move if is_possible(before, now, self.limits) else IMPOSSIBLE

    def coincidence(self, sighting: Sighting) -> float:
        """Return the cost of a misplaced phone that seems to be where another phone was."""
        return self.same_place if sighting.place.country in self.shared else 0.0

    def misplacing(self, misplaced: int) -> float:
        """Return the cost of so many misplaced phones among all."""
        if misplaced == 0:
            return 0.0
        odds = self.limits.misplaced_odds
        share = sum(
            comb(self.count, number) * odds**number * (1 - odds) ** (self.count - number)
            for number in range(misplaced, self.count + 1)
        )
        return -log10(share)


def _keep_least(best: Best, state: State, cost: float) -> None:
    if cost < best.get(state, IMPOSSIBLE):
        best[state] = cost


def _prune(best: Best, sightings: Sequence[Sighting]) -> Best:
    """Keep the cheapest state of each country and number of misplaced phones."""
    kept: dict[tuple[str, int], tuple[float, int | None]] = {}
    for (last, misplaced), cost in best.items():
        country = "" if last is None else sightings[last].place.country
        known = kept.get((country, misplaced))
        if known is None or (cost, last or 0) < (known[0], known[1] or 0):
            kept[country, misplaced] = (cost, last)
    return {(last, misplaced): cost for (_, misplaced), (cost, last) in kept.items()}
