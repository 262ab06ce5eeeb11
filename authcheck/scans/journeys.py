"""How probable is it that one unit was at all these places? The best innocent explanation of its scans.

One unit has one whereabouts at a time. An innocent explanation says for each scan that the unit was there
(perhaps after a journey), or that the phone only seemed to be there (a VPN, a wrong entry in a map of
addresses). Its probability is the product of the odds of the journeys and of the misplaced phones. Copies of
one label are scanned here and there by turns, which needs many of both.

The search is exact: dynamic programming over the unit's place and the number of misplaced phones.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import comb, log10

from authcheck.scans.limits import CloneLimits
from authcheck.scans.places import Place, distance_km

IMPOSSIBLE = float("inf")

State = tuple[int | None, int]
"""The number of the scan that was believed last, and the number of misplaced phones."""
Best = dict[State, float]
"""The least cost of each state."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Phones that were seen for the first time in an area, at about the same time.

    `phones` are numbers that are the same for the same phone. `area` names a country, or a part of it.
    """

    at: datetime
    phones: frozenset[int]
    area: str
    place: Place


@dataclass(frozen=True, slots=True)
class Odds:
    """The probabilities of innocent causes, 0 to 1.

    `move`: the unit moves to another area. `misplaced`: a phone seems to be in a wrong area. `same_place`: a
    misplaced phone seems to be where another phone was.
    """

    move: float
    misplaced: float
    same_place: float


def improbability(sightings: Sequence[Sighting], limits: CloneLimits, odds: Odds) -> float:
    """Return -log10 of the probability of the best innocent explanation: 0 for one area, 4 for 1 in 10,000.

    `sightings` are in order of time. When no explanation reaches `innocent_odds`, return infinity: such ones
    are not followed to their end.
    """
    if len({sighting.area for sighting in sightings}) < 2:  # noqa: PLR2004 - one area needs no explanation
        return 0.0
    costs = _Costs(sightings, limits, odds)
    least_odds = -log10(limits.innocent_odds)
    misplacing = [costs.misplacing(misplaced) for misplaced in range(len(sightings) + 1)]
    best: Best = {(None, 0): 0.0}
    for number, sighting in enumerate(sightings):
        following: Best = {}
        for (last, misplaced), cost in best.items():
            if cost + misplacing[misplaced] >= least_odds:
                continue
            _keep_least(following, (number, misplaced), cost + costs.journey(last, number))
            _keep_least(following, (last, misplaced + 1), cost + costs.coincidence(sighting))
        best = _prune(following, sightings)
    total = min((cost + misplacing[misplaced] for (_, misplaced), cost in best.items()), default=IMPOSSIBLE)
    return total if total < least_odds else IMPOSSIBLE


def fastest_trip(sightings: Sequence[Sighting], limits: CloneLimits) -> tuple[float, float]:
    """Return the kilometres and hours of the longest impossible journey, (0, 0) without one."""
    trips = [
        (distance_km(before.place, after.place), (after.at - before.at).total_seconds() / 3600)
        for before, after in pairwise(sightings)
        if not is_possible(before, after, limits)
    ]
    return max(trips, default=(0.0, 0.0))


def is_possible(before: Sighting, after: Sighting, limits: CloneLimits) -> bool:
    """Return whether a unit can have gone from one scan to the next one."""
    hours = (after.at - before.at).total_seconds() / 3600
    if before.place.country == after.place.country:  # maps of addresses often name a wrong town
        return True
    distance = distance_km(before.place, after.place)
    return distance == 0 or hours >= limits.airport_hours + distance / limits.speed_kmh


class _Costs:
    """The costs of parts of an explanation, each as -log10 of its odds."""

    def __init__(self, sightings: Sequence[Sighting], limits: CloneLimits, odds: Odds) -> None:
        self.sightings = sightings
        self.limits = limits
        self.move = -log10(odds.move)
        self.misplaced = odds.misplaced
        self.same_place = -log10(odds.same_place)
        phones: dict[str, set[int]] = {}
        self.was_in: list[set[str]] = []  # the areas where the phones of each sighting had been before
        for sighting in sightings:
            self.was_in.append({area for area, seen in phones.items() if seen & sighting.phones})
            phones.setdefault(sighting.area, set()).update(sighting.phones)
        counts = Counter(sighting.area for sighting in sightings)
        self.shared = {area for area, count in counts.items() if count > 1}
        self.count = len(sightings)

    def journey(self, last: int | None, number: int) -> float:
        """Return the cost when the unit was at the scan `last` before, and is at the scan `number` now."""
        now = self.sightings[number]
        if last is None:
            return 0.0
        before = self.sightings[last]
        if before.area == now.area:
            return 0.0
        if before.area in self.was_in[number]:  # the phone has carried the unit
            return 0.0
        return self.move if is_possible(before, now, self.limits) else IMPOSSIBLE

    def coincidence(self, sighting: Sighting) -> float:
        """Return the cost of a misplaced phone that seems to be where another phone was."""
        return self.same_place if sighting.area in self.shared else 0.0

    def misplacing(self, misplaced: int) -> float:
        """Return the cost of so many misplaced phones among all."""
        if misplaced == 0:
            return 0.0
        odds = self.misplaced
        share = sum(
            comb(self.count, number) * odds**number * (1 - odds) ** (self.count - number)
            for number in range(misplaced, self.count + 1)
        )
        return -log10(share)


def _keep_least(best: Best, state: State, cost: float) -> None:
    if cost < best.get(state, IMPOSSIBLE):
        best[state] = cost


def _prune(best: Best, sightings: Sequence[Sighting]) -> Best:
    """Keep the cheapest state of each area and number of misplaced phones."""
    kept: dict[tuple[str, int], tuple[float, int | None]] = {}
    for (last, misplaced), cost in best.items():
        area = "" if last is None else sightings[last].area
        known = kept.get((area, misplaced))
        if known is None or (cost, last or 0) < (known[0], known[1] or 0):
            kept[area, misplaced] = (cost, last)
    return {(last, misplaced): cost for (_, misplaced), (cost, last) in kept.items()}
