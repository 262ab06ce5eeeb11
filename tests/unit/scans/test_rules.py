"""Each clone rule finds its pattern in a synthetic stream of scans, and leaves the innocent ones alone."""

from datetime import UTC, date, datetime, timedelta

import pytest

from authcheck.scans import rules
from authcheck.scans.limits import CloneLimits
from authcheck.scans.places import NOWHERE, Place
from authcheck.scans.rules import Hit, Seen, UnitFacts

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
LIMITS = CloneLimits()
CN, US, DE = Place("CN"), Place("US"), Place("DE")


def stream(*scans: tuple[float, str, str, Place]) -> list[Seen]:
    """Scans after so many days: day, visitor, network, place."""
    return [
        Seen(START + timedelta(days=day), visitor, network, place) for day, visitor, network, place in scans
    ]


def strangers(countries: str, *, every_days: float = 3) -> list[Seen]:
    """Scans of another phone on another network each time: `C` in China, `U` in the United States."""
    places = {"C": CN, "U": US, "D": DE, "-": NOWHERE}
    return stream(*((n * every_days, f"v{n}", f"n{n}", places[c]) for n, c in enumerate(countries)))


def kinds(scans: list[Seen], **facts: object) -> dict[str, Hit]:
    """The hits of all rules, by kind."""
    return {hit.kind: hit for hit in rules.apply(scans, UnitFacts(**facts), LIMITS)}


def test_without_scans_nothing_is_said() -> None:
    """Without scans nothing is said."""
    assert kinds([], blocked="stolen") == {}


@pytest.mark.parametrize("countries", ["CUCUC", "CUUC", "CUCU", "CCUUC", "CUDCU", "CUUDDC"])
def test_scans_by_turns_in_two_countries_are_no_one_unit(countries: str) -> None:
    """Scans by turns in two countries are no one unit."""
    hit = kinds(strangers(countries))["places"]
    assert hit.is_grave
    assert hit.params["phones"] == len(countries)
    assert hit.params["places"] == len(set(countries))


@pytest.mark.parametrize(
    "countries",
    [
        "C" * 50,  # on a shelf
        "CCCCU",  # one tourist
        "CCCUU",  # and the family at home
        "CCUCC",  # one phone on a VPN
        "CCUCCDC",  # two, in two countries
        "CU",
        "CUC",
        "C-C-CU-U",
    ],
)
def test_innocent_journeys_are_believed(countries: str) -> None:
    """Innocent journeys are believed."""
    assert "places" not in kinds(strangers(countries))


def test_people_who_show_a_unit_to_each_other_are_one_sighting() -> None:
    """A traveller shows the unit to two friends abroad, and another phone scans it at home again."""
    scans = stream(
        (0, "a", "a", CN), (9, "b", "b", US), (9.01, "c", "c", US), (9.05, "d", "d", US), (30, "e", "e", CN)
    )
    assert kinds(scans) == {}
    assert len(rules.list_sightings(scans)) == 3


def test_towns_of_one_country_take_many_more_scans() -> None:
    """Maps of addresses often name a wrong town, so a few scans in the wrong town say nothing."""
    towns = Place("CN", "", "31,121"), Place("CN", "", "39,116"), Place("CN", "", "31,120")
    by_turns = [(n * 0.9, f"v{n}", f"n{n}", towns[n % 2]) for n in range(90)]
    assert kinds(stream(*by_turns[:30])) == {}
    assert kinds(stream(*by_turns))["places"].params["places"] == 2
    misplaced = [(n * 1.5, f"v{n}", f"n{n}", towns[n % 8 == 0]) for n in range(40)]
    assert kinds(stream(*misplaced)) == {}
    neighbours = [(n * 1.5, f"v{n}", f"n{n}", towns[2 * (n % 2)]) for n in range(40)]
    assert kinds(stream(*neighbours)) == {}


def test_one_phone_may_travel_with_its_unit_to_and_fro() -> None:
    """One phone may travel with its unit to and fro."""
    scans = stream(*((n * 5, "me", f"n{n}", (CN, US)[n % 2]) for n in range(8)))
    assert kinds(scans) == {}


def test_private_windows_on_one_network_are_one_phone() -> None:
    """Private windows on one network are one phone."""
    scans = stream(*((n, f"window{n}", ("home", "vpn")[n % 2], (CN, US)[n % 2]) for n in range(8)))
    assert kinds(scans) == {}


def test_a_family_on_two_phones_is_no_copy() -> None:
    """A family on two phones is no copy."""
    scans = stream(
        (0, "mother", "home", CN), (0, "son", "home", CN), (1, "mother", "train", CN), (9, "son", "usa", US)
    )
    assert kinds(scans) == {}


def test_scans_before_the_window_do_not_count() -> None:
    """Scans before the window do not count."""
    assert "places" not in kinds(strangers("CUCUC", every_days=100))


def test_journeys_faster_than_an_aeroplane() -> None:
    """Journeys faster than an aeroplane."""
    scans = stream(*((n / 24, f"v{n}", f"n{n}", (CN, US)[n % 2]) for n in range(6)))
    hit = kinds(scans)["travel"]
    assert hit.params["phones"] == 6
    assert hit.params["hours"] == 1
    assert hit.params["km"] > 3000


def test_one_misplaced_phone_makes_no_two_journeys() -> None:
    """One misplaced phone makes no two journeys."""
    scans = stream((0, "a", "a", CN), (0.01, "b", "b", US), (0.02, "c", "c", CN), (0.03, "d", "d", CN))
    assert kinds(scans) == {}


def test_more_phones_than_a_shop_has() -> None:
    """More phones than a shop has."""
    assert kinds(strangers("C" * 99, every_days=0.5)) == {}
    assert kinds(strangers("C" * 100, every_days=0.5))["repeat"].params == {"phones": 100, "days": 50}


def test_outside_its_markets_a_unit_alerts_first_and_warns_later() -> None:
    """Outside its markets a unit alerts first and warns later."""
    markets = frozenset({"CN"})
    assert kinds(strangers("CUU"), markets=markets) == {}
    hit = kinds(strangers("CUUU"), markets=markets)["off_market"]
    assert (hit.params, hit.is_grave) == ({"phones": 3, "countries": ["US"]}, False)
    assert kinds(strangers("C" + "U" * 9), markets=markets)["off_market"].is_grave
    assert kinds(strangers("CUUU")) == {}


def test_after_the_sale_no_shelf_is_left() -> None:
    """After the sale no shelf is left."""
    sold_at = START - timedelta(days=1)
    assert kinds(strangers("C" * 11), sold_at=sold_at) == {}
    assert kinds(strangers("C" * 12), sold_at=sold_at)["after_sale"].params == {"phones": 12}
    assert kinds(strangers("C" * 12), sold_at=START + timedelta(days=60)) == {}


def test_after_the_claim_others_have_no_unit() -> None:
    """After the claim others have no unit."""
    claim = {"claimed_at": START, "owner": "me"}
    family = stream(
        (1, "me", "home", CN), (2, "son", "home", CN), (3, "me", "work", CN), (4, "x", "work", CN)
    )
    assert kinds(family, **claim) == {}
    others = stream(*((n + 5, f"v{n}", f"n{n}", CN) for n in range(5)))
    assert kinds(family + others[:4], **claim) == {}
    assert kinds(family + others, **claim)["after_claim"].params == {"phones": 5}


def test_past_its_date() -> None:
    """Past its date."""
    assert kinds(strangers("C"), use_by=date(2026, 3, 1)) == {}
    assert kinds(strangers("CC"), use_by=date(2026, 3, 1))["past_date"].params == {"date": "2026-03-01"}


@pytest.mark.parametrize("state", ["revoked", "unsigned"])
def test_an_inactive_unit_alerts_and_does_not_warn(state: str) -> None:
    """An inactive unit alerts and does not warn."""
    hit = kinds(strangers("C"), state=state)["inactive"]
    assert (hit.params, hit.is_grave) == ({"state": state}, False)


def test_a_blocked_unit_warns_at_once() -> None:
    """A blocked unit warns at once."""
    assert kinds(strangers("C"), blocked="stolen")["blocked"] == Hit("blocked", {"reason": "stolen"})


def test_a_phone_is_known_by_its_visitor_or_its_network() -> None:
    """A phone is known by its visitor or its network."""
    scans = stream((0, "a", "n1", CN), (1, "b", "n2", CN), (2, "a", "n2", CN), (3, "c", "n3", CN))
    assert rules.number_phones(scans) == [0, 0, 0, 3]
    assert rules.count_phones(scans) == 2


def test_the_work_is_bounded() -> None:
    """The work is bounded."""
    assert len(rules.list_sightings(strangers("CU" * 200, every_days=0.1))) == rules.MOST_SIGHTINGS
