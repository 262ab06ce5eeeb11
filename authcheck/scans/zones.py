"""Phones that seem to be in another country than the one where they are."""

from functools import cache

from babel.core import get_global

from authcheck.scans.places import NOWHERE, Place

LONGEST_ZONE_CHARS = 64
NO_COUNTRY = "ZZ"  # CLDR's code for zones such as UTC


def believe(place: Place, zone: str) -> Place:
    """Return the place of a phone, or NOWHERE when its time zone belongs to another country.

    A VPN, and a foreign SIM card, show the address of another country. The phone's clock follows the place
    where it is: `Asia/Shanghai`. A clock on UTC is that of a program, or of a browser that hides its place.
    Without a zone, or with one that nobody knows, the place stays.
    """
    country = country_of(zone)
    if not country or not place.country:
        return place
    return place if place.country == country else NOWHERE


def country_of(zone: str) -> str:
    """Return the country of a time zone: `CN` for `Asia/Shanghai`, NO_COUNTRY for `UTC`, "" for no zone."""
    return _territories().get(zone, "") if len(zone) <= LONGEST_ZONE_CHARS else ""


@cache
def _territories() -> dict[str, str]:
    territories = dict(get_global("zone_territories"))
    for alias, zone in get_global("zone_aliases").items():
        if zone in territories:
            territories.setdefault(alias, territories[zone])
    return {zone: NO_COUNTRY if country == "001" else country for zone, country in territories.items()}
