"""The local file of places: what publishers write in it, what is damaged, and what is left out."""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from places_made import BERLIN, write_places

from authcheck.errors import BadSetting
from authcheck.scans.place_files import PlaceFile
from authcheck.scans.places import NOWHERE, Place

HERE, THERE = ip_address("203.0.113.9"), ip_address("2001:db8:7::9")


def find(path: Path, record: Any) -> Place:
    """Return the place of an address with this record, in a file of its own."""
    written = write_places(path / "places.mmdb", {"203.0.113.0/24": record, "198.51.100.0/24": BERLIN})
    return PlaceFile.open(written).find(HERE)


def test_an_address_has_a_place(tmp_path: Path) -> None:
    """Both kinds of addresses are found, and an address outside every network is nowhere."""
    path = write_places(tmp_path / "a.mmdb", {"203.0.113.0/24": BERLIN, "2001:db8:7::/48": BERLIN})
    places = PlaceFile.open(path)
    assert places.find(HERE) == places.find(THERE) == Place("DE", "DE-BE", "52,13")
    assert places.find(ip_address("203.0.114.1")) == places.find(ip_address("2001:db8:8::")) == NOWHERE


def test_without_a_file_every_place_is_unknown() -> None:
    """Nothing is asked from another host."""
    assert PlaceFile.open(None).find(HERE) == NOWHERE


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"location": {"latitude": -33.45, "longitude": -70.66, "accuracy_radius": 100}}, Place("DE", "DE-BE", "-34,-71")),
        ({"location": {"latitude": 51.0, "longitude": 9.0, "accuracy_radius": 200}}, Place("DE", "DE-BE")),
        ({"location": {"latitude": 51.0, "longitude": 9.0}}, Place("DE", "DE-BE", "51,9")),  # DB-IP, IP2Location
        ({"location": {"latitude": 951.0, "longitude": 9.0}}, Place("DE", "DE-BE")),
        ({"location": {"latitude": float("nan"), "longitude": 9.0}}, Place("DE", "DE-BE")),
        ({"location": {"latitude": "51", "longitude": 9.0}}, Place("DE", "DE-BE")),
        ({"location": {}}, Place("DE", "DE-BE")),
        ({"subdivisions": [{"names": {"en": "Berlin"}}]}, Place("DE", "", "52,13")),  # DB-IP has no codes
        ({"subdivisions": []}, Place("DE", "", "52,13")),
        ({"subdivisions": [{"iso_code": "<script>"}]}, Place("DE", "", "52,13")),
        ({"subdivisions": "Berlin"}, Place("DE", "", "52,13")),
        ({"country": {}}, NOWHERE),
        ({"country": {"iso_code": "XX"}}, NOWHERE),
        ({"country": "DE"}, NOWHERE),
        ({"traits": {"is_anycast": True}}, NOWHERE),
        ({"traits": {"is_anonymous_proxy": True}}, NOWHERE),
        ({"traits": {"user_type": "cellular"}}, Place("DE", "DE-BE", "52,13")),
    ],
)  # fmt: skip
def test_each_shape_of_a_record(tmp_path: Path, changes: Mapping[str, Any], place: Place) -> None:
    """A place is never more exact than its source, and a field of another type is as good as none."""
    assert find(tmp_path, BERLIN | changes) == place


def test_the_middle_of_a_country_is_no_cell(tmp_path: Path) -> None:
    """Publishers put addresses of which only the country is known on a point in its middle."""
    only_country = {"country": {"iso_code": "US"}, "location": {"latitude": 37.751, "longitude": -97.822}}
    assert find(tmp_path, only_country) == Place("US")


@pytest.mark.parametrize("record", ["DE", 4, ["DE"], {}])
def test_a_record_of_another_kind_is_nowhere(tmp_path: Path, record: Any) -> None:
    """A record need not be a map."""
    assert find(tmp_path, record) == NOWHERE


@pytest.mark.parametrize(
    "content", [b"", b"no places", b"\xab\xcd\xefMaxMind.com", b"\xab\xcd\xefMaxMind.com\xe1\x41"]
)
def test_a_file_of_another_kind_stops_the_start(tmp_path: Path, content: bytes) -> None:
    """The error names the setting and the file, and says which files we read."""
    path = tmp_path / "places.mmdb"
    path.write_bytes(content)
    with pytest.raises(BadSetting, match=r"AUTHCHECK_PLACES_FILE: .*places\.mmdb .*GeoLite2-City") as caught:
        PlaceFile.open(path)
    assert caught.value.code == "places.unreadable"


@pytest.mark.parametrize("missing", ["none.mmdb", ".", "none/none.mmdb"])
def test_a_missing_file_stops_the_start(tmp_path: Path, missing: str) -> None:
    """A service whose scans have no places finds copies too late, so it does not start without its file."""
    with pytest.raises(BadSetting) as caught:
        PlaceFile.open(tmp_path / missing)
    assert caught.value.code == "places.unreadable"


def test_half_a_file_stops_the_start(tmp_path: Path) -> None:
    """A download that broke off lacks the end of the file."""
    path = write_places(tmp_path / "a.mmdb", {"203.0.113.0/24": BERLIN})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(BadSetting) as caught:
        PlaceFile.open(path)
    assert caught.value.code == "places.unreadable"


def test_a_file_without_countries_stops_the_start(tmp_path: Path) -> None:
    """A file of network operators has the right format and tells no place."""
    path = write_places(tmp_path / "a.mmdb", {"203.0.113.0/24": {"autonomous_system_number": 64496}})
    with pytest.raises(BadSetting) as caught:
        PlaceFile.open(path)
    assert caught.value.code == "places.no_countries"


def test_a_damaged_record_is_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Damage that only one address meets does not stop that scan. The log says so."""
    path = write_places(
        tmp_path / "a.mmdb", {"198.51.100.0/24": BERLIN, "203.0.113.0/24": {"city": "x" * 20}}
    )
    # The record becomes a string that is longer than the file.
    path.write_bytes(path.read_bytes().replace(b"\xe1\x44city", b"\x5f\xff\xff\xff\xff\xff"))
    places = PlaceFile.open(path)
    assert places.find(HERE) == NOWHERE
    assert places.find(ip_address("198.51.100.1")) == Place("DE", "DE-BE", "52,13")
    assert "damaged" in caplog.text
    assert str(HERE) not in caplog.text


def test_a_new_file_is_read_at_the_next_start(tmp_path: Path) -> None:
    """A file that takes the old one's place disturbs nobody who reads the old one."""
    path = write_places(tmp_path / "a.mmdb", {"203.0.113.0/24": BERLIN})
    running = PlaceFile.open(path)
    paris = {"country": {"iso_code": "FR"}}
    write_places(tmp_path / "b.mmdb", {"203.0.113.0/24": paris}).replace(path)
    assert running.find(HERE).country == "DE"
    assert PlaceFile.open(path).find(HERE) == Place("FR")
