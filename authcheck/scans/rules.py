"""The clone rules about one unit: pure functions of its scans and of what is known about it.

Each rule returns a Hit or None. A hit never revokes a certificate. A grave hit warns the buyer, any hit
alerts the brand. docs/clones.md explains each rule, and says what it was measured with.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any

from authcheck.scans.journeys import IMPOSSIBLE, Odds, Sighting, fastest_trip, improbability
from authcheck.scans.limits import CloneLimits
from authcheck.scans.places import Place, distance_km

GRAVE_OFF_MARKET = 3  # times as many phones as alert the brand
TOGETHER = timedelta(hours=2)
NEAR_KM = 150.0  # between two areas of a country
MOST_SIGHTINGS = 100  # the newest ones: enough for each rule about places


@dataclass(frozen=True, slots=True)
class Seen:
    """One scan of the unit. `visitor` and `network` are keyed hashes, `place` may be NOWHERE."""

    at: datetime
    visitor: str
    network: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFacts:
    """What is known about a unit besides its scans.

    `state` is that of the certificate. `markets` are countries where the unit may be sold, empty for
    anywhere. `blocked` is the reason why the brand has blocked the unit, or "". `owner` is the keyed hash of
    the phone that claimed the unit.
    """

    state: str = "active"
    markets: frozenset[str] = frozenset()
    use_by: date | None = None
    sold_at: datetime | None = None
    claimed_at: datetime | None = None
    owner: str = ""
    blocked: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """What a rule has found: its kind, the figures of its sentence, and whether the buyer is warned."""

    kind: str
    params: dict[str, Any] = field(default_factory=dict)
    is_grave: bool = True


Rule = Callable[[Sequence[Seen], UnitFacts, CloneLimits], Hit | None]


def apply(scans: Sequence[Seen], unit: UnitFacts, limits: CloneLimits) -> list[Hit]:
    """Return the hits of all rules. `scans` are in order of time. Those before the window do not count."""
    if not scans:
        return []
    since = scans[-1].at - timedelta(days=limits.window_days)
    recent = [scan for scan in scans if scan.at >= since]
    hits = (rule(recent, unit, limits) for rule in RULES)
    return [hit for hit in hits if hit is not None]


def repeat(scans: Sequence[Seen], _unit: UnitFacts, limits: CloneLimits) -> Hit | None:
    """More phones have scanned the unit than a shop and its buyers have."""
    count = count_phones(scans)
    return Hit("repeat", {"phones": count, "days": _days(scans)}) if count >= limits.repeat_phones else None


def places(scans: Sequence[Seen], _unit: UnitFacts, limits: CloneLimits) -> Hit | None:
    """The unit was scanned by turns in places far apart, so that no innocent explanation is probable.

    The places are countries. Within one country maps of addresses err often, so it takes many more scans.
    """
    if len(scans) == 1:  # most units are scanned once
        return None
    odds = Odds(limits.move_odds, limits.misplaced_odds, limits.same_place_odds)
    near = Odds(limits.region_move_odds, limits.region_misplaced_odds, 1)
    for sightings, of_kind in ((list_sightings(scans), odds), (list_sightings(scans, near_km=NEAR_KM), near)):
        if improbability(sightings, limits, of_kind) == IMPOSSIBLE:
            phones = len(frozenset[int]().union(*(sighting.phones for sighting in sightings)))
            areas = len({sighting.area for sighting in sightings})
            return Hit("places", {"phones": phones, "places": areas, "days": _days(scans)})
    return None


def travel(scans: Sequence[Seen], _unit: UnitFacts, limits: CloneLimits) -> Hit | None:
    """The unit would have travelled faster than an aeroplane, and misplaced phones do not explain it."""
    if len(scans) == 1:
        return None
    sightings = list_sightings(scans)
    odds = Odds(1, limits.misplaced_odds, limits.same_place_odds)
    if improbability(sightings, limits, odds) < IMPOSSIBLE:
        return None
    phones = len(frozenset[int]().union(*(sighting.phones for sighting in sightings)))
    distance, hours = fastest_trip(sightings, limits)
    return Hit("travel", {"phones": phones, "km": round(distance), "hours": max(1, ceil(hours))})


def off_market(scans: Sequence[Seen], unit: UnitFacts, limits: CloneLimits) -> Hit | None:
    """Several phones have scanned the unit in countries where it is not sold."""
    if not unit.markets:
        return None
    outside = [scan for scan in scans if scan.place.country and scan.place.country not in unit.markets]
    count = count_phones(outside)
    if count < limits.off_market_phones:
        return None
    countries = sorted({scan.place.country for scan in outside})
    is_grave = count >= GRAVE_OFF_MARKET * limits.off_market_phones
    return Hit("off_market", {"phones": count, "countries": countries}, is_grave)


def after_sale(scans: Sequence[Seen], unit: UnitFacts, limits: CloneLimits) -> Hit | None:
    """Many phones have scanned the unit since it was sold, as if it still stood on a shelf."""
    if unit.sold_at is None:
        return None
    count = count_phones(scan for scan in scans if scan.at > unit.sold_at)
    return Hit("after_sale", {"phones": count}) if count >= limits.after_sale_phones else None


def after_claim(scans: Sequence[Seen], unit: UnitFacts, limits: CloneLimits) -> Hit | None:
    """Phones have scanned the unit since its owner claimed it, on networks that the owner does not use."""
    if unit.claimed_at is None:
        return None
    owners = {scan.network for scan in scans if scan.visitor == unit.owner}
    others = [
        scan
        for scan in scans
        if scan.at > unit.claimed_at and scan.visitor != unit.owner and scan.network not in owners
    ]
    count = count_phones(others)
    return Hit("after_claim", {"phones": count}) if count >= limits.after_claim_phones else None


def past_date(scans: Sequence[Seen], unit: UnitFacts, _limits: CloneLimits) -> Hit | None:
    """The unit was scanned after the last day on which it may be used."""
    if unit.use_by is None or scans[-1].at.date() <= unit.use_by:
        return None
    return Hit("past_date", {"date": unit.use_by.isoformat()})


def inactive(_scans: Sequence[Seen], unit: UnitFacts, _limits: CloneLimits) -> Hit | None:
    """The unit is in somebody's hands, although the brand has revoked it or has not signed it yet."""
    return None if unit.state == "active" else Hit("inactive", {"state": unit.state}, is_grave=False)


def blocked(_scans: Sequence[Seen], unit: UnitFacts, _limits: CloneLimits) -> Hit | None:
    """The brand has blocked the unit: it was stolen, for example."""
    return Hit("blocked", {"reason": unit.blocked}) if unit.blocked else None


RULES: tuple[Rule, ...] = (
    places, travel, after_claim, after_sale, repeat, off_market, blocked, past_date, inactive,
)  # fmt: skip
UNIT_KINDS = tuple(rule.__name__ for rule in RULES)


def count_phones(scans: Iterable[Seen]) -> int:
    """Return how many phones have scanned. See `number_phones`."""
    return len(set(number_phones(list(scans))))


def number_phones(scans: Sequence[Seen]) -> list[int]:
    """Return for each scan the number of its phone.

    Two scans are of one phone when their visitor is the same, or their network: a private window forgets
    who it was, and whoever opens many of them stays on one network. Thus a shop's customers on its Wi-Fi are
    one phone, too.
    """
    groups: dict[tuple[str, str], int] = {}
    joined: dict[int, int] = {}

    def root(number: int) -> int:
        while joined.get(number, number) != number:
            number = joined[number]
        return number

    numbers = []
    for number, scan in enumerate(scans):
        names = [("visitor", scan.visitor), ("network", scan.network)]
        known = sorted({root(groups[name]) for name in names if name in groups})
        first = known[0] if known else number
        for other in known:
            joined[other] = first
        groups.update(dict.fromkeys(names, first))
        numbers.append(first)
    return [root(number) for number in numbers]


def list_sightings(scans: Sequence[Seen], *, near_km: float | None = None) -> list[Sighting]:
    """Return the first scans of phones in each area, at most the newest 60.

    An area is a country or, with `near_km`, what is at most so far from the area's first scan, in the country
    with most scans. Scans of nowhere are left out. Whoever opens a page again, from the history of a browser
    perhaps, need not have the unit at hand. Phones that follow each other within two hours in one area are
    one sighting: people show things to each other.
    """
    located = [scan for scan in scans if scan.place.country]
    phones = number_phones(located)
    areas = [scan.place.country for scan in located] if near_km is None else _find_areas(located, near_km)
    seen: set[tuple[int, str]] = set()
    sightings: list[Sighting] = []
    for scan, phone, area in zip(located, phones, areas, strict=True):
        if not area or (phone, area) in seen:
            continue
        seen.add((phone, area))
        last = sightings[-1] if sightings else None
        if last and last.area == area and scan.at - last.at <= TOGETHER:
            sightings[-1] = replace(last, phones=last.phones | {phone})
        else:
            sightings.append(Sighting(scan.at, frozenset({phone}), area, scan.place))
    return sightings[-MOST_SIGHTINGS:]


def _find_areas(scans: Sequence[Seen], near_km: float) -> list[str]:
    """Return the area of each scan, "" for a scan of another country or without a cell."""
    countries = Counter(scan.place.country for scan in scans if scan.place.cell)
    country = min(countries, key=lambda name: (-countries[name], name), default="")
    centres: list[Place] = []
    areas = []
    for scan in scans:
        if scan.place.country != country or not scan.place.cell:
            areas.append("")
            continue
        centre = next((other for other in centres if distance_km(other, scan.place) <= near_km), None)
        if centre is None:
            centre = scan.place
            centres.append(centre)
        areas.append(centre.cell)
    return areas


def _days(scans: Sequence[Seen]) -> int:
    return max(1, -(-(scans[-1].at - scans[0].at) // timedelta(days=1)))
