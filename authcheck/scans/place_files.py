"""A local file that tells the place of an address: MMDB, as GeoLite2, DB-IP and IP2Location publish it.

No address leaves this machine, and no address is stored. The file is read from the disk as it is needed, so
a new file must take its place in one step (`mv`, which geoipupdate does too). The next start reads it.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from itertools import islice
from pathlib import Path
from typing import Any, Self

import maxminddb

from authcheck.errors import BadSetting
from authcheck.scans.places import NOWHERE, Place, cell_of, is_country

# The publisher's own estimate. A point in the middle of a whole country has a radius of up to 1000 km.
LARGEST_ERROR_KM = 100
TRIED_RECORDS = 1000
REGION = re.compile(r"[A-Z0-9]{1,3}")
# Addresses whose users are elsewhere.
ELSEWHERE = ("is_anycast", "is_anonymous_proxy", "is_satellite_provider")
log = logging.getLogger("authcheck.scans")


@dataclass(frozen=True, slots=True)
class PlaceFile:
    """An open file of places, or none. Any thread may read it."""

    _reader: maxminddb.Reader | None

    @classmethod
    def open(cls, path: Path | None) -> Self:
        """Open a file. Without a file, every place is unknown.

        Raises BadSetting (`places.unreadable`, `places.no_countries`).
        """
        if path is None:
            return cls(None)
        try:
            reader = maxminddb.open_database(path, maxminddb.MODE_AUTO)
            has_countries = any(place.country for place in _first_places(reader))
        except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
            raise BadSetting(
                f"AUTHCHECK_PLACES_FILE: {path} is missing, damaged or no MMDB file. Name a file such as"
                " GeoLite2-City.mmdb.",
                code="places.unreadable",
                place=str(path),
                detail=str(error),
            ) from error
        if not has_countries:
            reader.close()
            raise BadSetting(
                f"AUTHCHECK_PLACES_FILE: {path} does not tell the country of an address. Name a file of"
                " cities or countries, such as GeoLite2-City.mmdb.",
                code="places.no_countries",
                place=str(path),
            )
        return cls(reader)

    def find(self, address: IPv4Address | IPv6Address) -> Place:
        """Return the place of an address, or NOWHERE."""
        if self._reader is None:
            return NOWHERE
        try:
            return _read_place(self._reader.get(address))
        except maxminddb.InvalidDatabaseError:
            log.warning("The file of places is damaged. Replace it, and start again.")
        except ValueError:  # an IPv6 address in a file that has only IPv4
            pass
        return NOWHERE


def _first_places(reader: maxminddb.Reader) -> Iterator[Place]:
    return (_read_place(record) for _, record in islice(reader, TRIED_RECORDS))


def _read_place(record: Any) -> Place:
    """Return the place of a record. Publishers leave fields out, so any of them may be missing."""
    country = _text(record, "country", "iso_code")
    if not is_country(country) or any(_field(record, "traits", name) for name in ELSEWHERE):
        return NOWHERE
    subdivisions = _field(record, "subdivisions")
    first = subdivisions[0] if isinstance(subdivisions, list) and subdivisions else None
    region = _text(first, "iso_code")
    return Place(
        country,
        f"{country}-{region}" if REGION.fullmatch(region) else "",
        _read_cell(record, names_town=bool(first or _field(record, "city"))),
    )


def _read_cell(record: Any, *, names_town: bool) -> str:
    """Return the cell of a record whose point is exact enough, or "".

    A record that knows only its country has a point in the middle of the country.
    """
    point = [_field(record, "location", name) for name in ("latitude", "longitude")]
    error_km = _field(record, "location", "accuracy_radius")
    is_exact = names_town if error_km is None else isinstance(error_km, int) and error_km <= LARGEST_ERROR_KM
    if is_exact and all(isinstance(degrees, float | int) for degrees in point):
        with suppress(ValueError):
            return cell_of(*point)
    return ""


def _field(record: Any, *names: str) -> Any:
    """Return a field of nested maps, or None."""
    for name in names:
        record = record.get(name) if isinstance(record, Mapping) else None
    return record


def _text(record: Any, *names: str) -> str:
    value = _field(record, *names)
    return value if isinstance(value, str) else ""
