"""A phone's time zone tells where it is, when its address seems to be elsewhere."""

import pytest

from authcheck.scans.places import NOWHERE, Place
from authcheck.scans.zones import believe, country_of


@pytest.mark.parametrize(
    ("zone", "country"),
    [("Asia/Shanghai", "CN"), ("Asia/Calcutta", "IN"), ("Europe/Berlin", "DE"), ("UTC", "ZZ"), ("Mars/Olympus", ""),
     ("", ""), ("A" * 10_000, "")],
)  # fmt: skip
def test_zones_have_countries(zone: str, country: str) -> None:
    """Zones have countries."""
    assert country_of(zone) == country


def test_a_phone_on_a_vpn_is_nowhere() -> None:
    """A phone on a VPN is nowhere."""
    assert believe(Place("US", "US-CA", "37,-122"), "Asia/Shanghai") == NOWHERE
    assert believe(Place("CN", "CN-GD"), "Asia/Shanghai") == Place("CN", "CN-GD")
    assert believe(Place("US"), "UTC") == NOWHERE
    assert believe(Place("US"), "Mars/Olympus") == Place("US")
    assert believe(Place("US"), "") == Place("US")
    assert believe(NOWHERE, "Asia/Shanghai") == NOWHERE
