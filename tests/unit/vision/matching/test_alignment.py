"""An alignment: what a homography says in words and numbers, and which parts of pictures share a place."""

import json
from typing import Any

import make
import numpy as np
import pytest
from evidence_scenes import homography
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from authcheck.vision.matching.alignment import Alignment, alignment_of, in_one_place

SIZE = (800, 640)
DESIGN = make.picture(1)  # 320 x 256


def laid(place: NDArray[np.float32], *, coverage: float = 0.5, inverted: bool = False) -> Alignment:
    """Return the alignment of the design at a place."""
    return alignment_of(
        homography(place), design_px=DESIGN.size, picture_px=SIZE, coverage=coverage, inverted=inverted
    )


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("angle_deg", [0, 30, 90, 200, 359])
@pytest.mark.parametrize("longer_px", [40, 320])
def test_turn_size_and_mirroring_are_read_off(mirrored: bool, angle_deg: float, longer_px: float) -> None:
    """The turn is clockwise, and the size is in picture pixels a design pixel."""
    found = laid(make.quad(DESIGN, (400, 320), longer_px, angle_deg=angle_deg, mirrored=mirrored))
    assert found.mirrored == mirrored
    assert abs((found.angle_deg - angle_deg + 180) % 360 - 180) < 0.1
    assert found.scale == pytest.approx(longer_px / 320, rel=1e-3)
    assert 0 <= found.angle_deg < 360


@pytest.mark.parametrize(
    ("middle", "corners", "share"),
    [((400, 320), 4, 1), ((0, 320), 4, 0.5), ((0, 0), 4, 0.25), ((800, 640), 4, 0.25), ((-900, 320), 0, 0)],
)
def test_the_outline_is_cut_at_the_edges(middle: tuple[float, float], corners: int, share: float) -> None:
    """The outline is cut at the picture's edges. A design outside the picture has no outline."""
    found = laid(make.quad(DESIGN, middle, 200))
    assert len(found.outline) == corners
    x, y = np.array([*found.outline, (0, 0)]).T
    assert x.min() >= 0
    assert y.min() >= 0
    area = abs(np.dot(x[:-1], np.roll(y[:-1], -1)) - np.dot(y[:-1], np.roll(x[:-1], -1))) / 2
    assert area == pytest.approx(share * 200 * 160, rel=1e-3)


def test_a_turned_design_across_a_corner_has_more_corners() -> None:
    """A cut quadrilateral has up to eight corners, all within the picture."""
    found = laid(make.quad(DESIGN, (400, 320), 900, angle_deg=45))
    assert len(found.outline) > 4
    assert all(0 <= x <= 800 and 0 <= y <= 640 for x, y in found.outline)


def test_a_design_behind_the_horizon_has_no_outline() -> None:
    """A homography that folds the design over gives no outline."""
    folded = np.array([[400.0, 0, 100], [0, 300, 100], [-3, 0, 1]])
    found = alignment_of(folded, design_px=(320, 256), picture_px=SIZE, coverage=0.5, inverted=False)
    assert found.outline == ()


def test_coverage_is_a_share() -> None:
    """Coverage is clipped to [0, 1]."""
    place = make.quad(DESIGN, (400, 320), 200)
    assert [laid(place, coverage=value).coverage for value in (-0.2, 0.3, 1.4)] == [0, 0.3, 1]


@given(st.floats(0, 360), st.floats(20, 900), st.floats(-100, 900), st.floats(-100, 700), st.floats(0, 0.4))
@example(359.98, 300, 400, 320, 0)
def test_json_reads_back(angle_deg: float, longer_px: float, x: float, y: float, slant: float) -> None:
    """Numbers are plain and rounded.

    Reading and writing them again gives the same, and an angle stays below 360.
    """
    found = laid(make.quad(DESIGN, (x, y), longer_px, angle_deg=angle_deg, slant=slant), inverted=True)
    data = json.loads(json.dumps(found.to_json(), allow_nan=False))
    again = Alignment.from_json(data)
    assert again.to_json() == data
    assert (again.mirrored, again.inverted) == (found.mirrored, True)
    assert 0 <= again.angle_deg < 360
    assert np.allclose(make.outline_of(again.homography), make.outline_of(found.homography), atol=0.05)


@pytest.mark.parametrize(
    "change",
    [
        {"homography": [1.0] * 8},
        {"homography": [1.0] * 8 + [float("nan")]},
        {"homography": None},
        {"outline": [[1]]},
        {"coverage": "much"},
    ],
)
def test_what_is_no_alignment_is_refused(change: dict[str, Any]) -> None:
    """A stored alignment that somebody edited is refused."""
    data = laid(make.quad(DESIGN, (400, 320), 200)).to_json() | change
    with pytest.raises((ValueError, TypeError, KeyError)):
        Alignment.from_json(data)


def test_one_place_is_where_a_middle_lies() -> None:
    """A part shares the place of its whole, in either order.

    A neighbour and a design that only overlaps at an edge have another place.
    """
    whole = laid(make.quad(DESIGN, (400, 320), 300))
    part = laid(make.quad(DESIGN, (480, 380), 80, angle_deg=40, mirrored=True))
    beside = laid(make.quad(DESIGN, (720, 320), 300))
    touching = laid(make.quad(DESIGN, (400, 560), 300))
    assert in_one_place(whole, part)
    assert in_one_place(part, whole)
    assert in_one_place(whole, whole)
    for other in (beside, touching):
        assert not in_one_place(whole, other)
        assert not in_one_place(other, whole)


def test_a_degenerate_alignment_is_nowhere() -> None:
    """A design flattened to a line raises no error."""
    flat = Alignment(
        (1.0, 0, 0, 1, 0, 0, 0, 0, 1), (), 0.0, mirrored=False, inverted=False, angle_deg=0, scale=0
    )
    whole = laid(make.quad(DESIGN, (400, 320), 300))
    assert not in_one_place(flat, whole)
    assert not in_one_place(whole, flat)
