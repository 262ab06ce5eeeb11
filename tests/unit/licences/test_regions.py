"""Regions to choose countries from."""

from collections import Counter

from authcheck.licences.codes import COUNTRIES
from authcheck.licences.regions import REGIONS, in_regions


def test_each_country_is_in_one_region() -> None:
    """No country is missing, none is there twice, and no code is there that is no country."""
    counted = Counter(code for codes in REGIONS.values() for code in codes)
    assert set(counted) == COUNTRIES
    assert max(counted.values()) == 1


def test_a_region_has_its_countries() -> None:
    """Regions add up, and an unknown name adds nothing."""
    assert {"DE", "CH"} <= in_regions(["eu", "europe"])
    assert in_regions(["atlantis"]) == set()
