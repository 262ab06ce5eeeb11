"""Coarse places of scans: a country, a region, or a cell of one degree, and how far two of them are apart."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

EARTH_RADIUS_KM = 6371.0
# Half the diagonal of a cell at the equator, where cells are largest.
CELL_RADIUS_KM = 79.0
COUNTRIES_FILE = Path(__file__).with_name("countries.csv")


@dataclass(frozen=True, slots=True)
class Place:
    """A coarse place. "" means unknown.

    `country` is an ISO 3166-1 alpha-2 code, `CN`, and `region` an ISO 3166-2 code, `CN-GD`. `cell` is the
    latitude and longitude of the south-western corner of a cell, in whole degrees: `39,116`.
    """

    country: str
    region: str = ""
    cell: str = ""


NOWHERE = Place("")


@dataclass(frozen=True, slots=True)
class Circle:
    """A circle on the globe: degrees of its centre, and kilometres."""

    latitude: float
    longitude: float
    radius_km: float


@cache
def country_circles() -> Mapping[str, Circle]:
    """Return a circle for each inhabited country that holds nearly all of its inhabitants."""
    with COUNTRIES_FILE.open(encoding="ascii", newline="") as file:
        return {
            row["country"]: Circle(float(row["latitude"]), float(row["longitude"]), float(row["radius_km"]))
            for row in csv.DictReader(file)
        }


def is_country(code: str) -> bool:
    """Return whether we know where this country is. `XX` and `T1` (Tor) are no countries."""
    return code in country_circles()


def cell_of(latitude: float, longitude: float) -> str:
    """Return the cell of a point, `39,116`. Raises ValueError for a point that is not on the globe."""
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):  # noqa: PLR2004 - degrees
        raise ValueError("latitudes are from -90 to 90, longitudes from -180 to 180")
    return f"{min(math.floor(latitude), 89)},{min(math.floor(longitude), 179)}"


def distance_km(first: Place, second: Place) -> float:
    """Return how far two places are apart at least, in kilometres.

    The distance is between the nearest points of two cells. Without a cell, a place may be anywhere in its
    country. 0 also means that we do not know. The error of the source that named the place is not deducted.
    """
    if first.country == second.country and not (first.cell and second.cell):
        return 0.0
    here, there = _circle_of(first), _circle_of(second)
    if here is None or there is None:
        return 0.0
    return max(0.0, _between_centres_km(here, there) - (here.radius_km + there.radius_km))


def _circle_of(place: Place) -> Circle | None:
    if not place.cell:
        return country_circles().get(place.country)
    latitude, longitude = map(int, place.cell.split(","))
    return Circle(latitude + 0.5, longitude + 0.5, CELL_RADIUS_KM)


def _between_centres_km(first: Circle, second: Circle) -> float:
    """Return the length of the great circle between two centres (haversine formula)."""
    north, other_north = math.radians(first.latitude), math.radians(second.latitude)
    east = math.radians(first.longitude - second.longitude)
    half_chord_squared = (
        math.sin((north - other_north) / 2) ** 2
        + math.cos(north) * math.cos(other_north) * math.sin(east / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(half_chord_squared)))
