"""Coarse places, and safe distances between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authcheck.scans.places import NOWHERE, Place, cell_of, country_circles, distance_km, is_country

COUNTRIES = sorted(country_circles())
CELLS = st.builds(cell_of, st.floats(-90, 90), st.floats(-180, 180))
PLACES = st.builds(
    Place, st.sampled_from([*COUNTRIES, "", "XX", "AQ"]), st.just(""), st.one_of(st.just(""), CELLS)
)


def test_neighbours_are_near() -> None:
    """A phone at a border shows one country or the other."""
    for first, second in [("DE", "FR"), ("CN", "HK"), ("CN", "KR"), ("US", "MX"), ("CN", "VN"), ("US", "CA")]:
        assert distance_km(Place(first), Place(second)) == 0


def test_other_sides_of_the_globe_are_far() -> None:
    """Nobody walks from China to America. The nearest coasts count, not the centres."""
    assert 3000 < distance_km(Place("CN"), Place("US")) < 9000
    assert 3500 < distance_km(Place("DE"), Place("CN")) < 7000
    assert distance_km(Place("ES"), Place("AR", "AR-B")) > 7000


def test_a_country_is_near_itself() -> None:
    """Two scans in a country of which no cell, or one, is known may be in one street."""
    assert distance_km(Place("CN"), Place("CN", "CN-GD")) == 0
    assert distance_km(Place("US", "US-HI", cell_of(21.3, -157.9)), Place("US")) == 0


def test_cells_of_one_country_can_be_far() -> None:
    """Beijing and Guangzhou are 1,900 km apart, Beijing and Tianjin are neighbours."""
    beijing, guangzhou = Place("CN", "", cell_of(39.9, 116.4)), Place("CN", "", cell_of(23.1, 113.3))
    assert 1600 < distance_km(beijing, guangzhou) < 1890
    assert distance_km(beijing, Place("CN", "", cell_of(39.1, 117.2))) == 0
    assert distance_km(beijing, beijing) == 0


def test_a_cell_is_compared_with_another_country() -> None:
    """A cell is more exact than its country, so a distance to it is larger."""
    pingxiang = Place("CN", "CN-GX", cell_of(22.1, 106.7))
    assert distance_km(pingxiang, Place("VN")) == 0
    assert distance_km(pingxiang, Place("JP")) > distance_km(Place("CN"), Place("JP"))


@pytest.mark.parametrize("unknown", [NOWHERE, Place("XX"), Place("AQ")])
def test_unknown_is_nowhere_far(unknown: Place) -> None:
    """Of an unknown place, nothing follows."""
    assert distance_km(unknown, Place("CN")) == distance_km(unknown, NOWHERE) == 0
    assert not is_country(unknown.country)


def test_the_edges_of_the_map_are_neighbours() -> None:
    """The date line and the poles have cells like other lines, and no place is cut off there."""
    assert cell_of(90, 180) == "89,179"
    assert cell_of(-33.5, -70.6) == "-34,-71"
    assert distance_km(Place("FJ", "", cell_of(-17, 179.9)), Place("FJ", "", cell_of(-17, -179.9))) == 0
    for point in [(90.1, 0), (0, 180.1), (float("nan"), 0)]:
        with pytest.raises(ValueError, match="latitudes"):
            cell_of(*point)


@given(PLACES, PLACES)
def test_a_distance_is_symmetric_and_possible(first: Place, second: Place) -> None:
    """No distance is negative, or longer than half the globe, or depends on who comes first."""
    assert 0 <= distance_km(first, second) == distance_km(second, first) <= 20_016
    assert distance_km(first, first) == 0


@given(PLACES, PLACES)
def test_who_knows_less_sees_less_distance(first: Place, second: Place) -> None:
    """Without the cells, the distance of two places of one country is 0."""
    if first.country == second.country:
        assert distance_km(Place(first.country), second) == 0


def test_the_table_has_the_inhabited_countries() -> None:
    """Each circle is on the globe, and none holds half of it."""
    assert len(COUNTRIES) >= 240
    for circle in country_circles().values():
        assert -90 <= circle.latitude <= 90
        assert -180 <= circle.longitude <= 180
        assert 1 <= circle.radius_km < 4500
