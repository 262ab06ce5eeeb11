"""Guided matching: a rough map is enough to find the design's points again and to make the map exact."""

from dataclasses import replace

import make
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from authcheck.vision.features.extract import of_picture
from authcheck.vision.features.features import DIMENSIONS, Features
from authcheck.vision.matching.confirm import Confirmation, confirm
from authcheck.vision.matching.geometry import Fit
from authcheck.vision.matching.pairs import Pairs, Points
from authcheck.vision.matching.votes import Edit

EXTENT = (1.0, 0.8)  # of the ground, in its longer sides
NO_PAIRS = Pairs(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.float32))
EMPTY = Features(
    320, 256, np.empty((0, 4), np.uint16), np.empty((0, DIMENSIONS), np.uint8), np.empty(0, np.uint8)
)
DESIGN = make.fixture("nw-001")


def similarity(angle_deg: float, size: float, middle: tuple[float, float]) -> Fit:
    """Return a similarity as the rough map that was found."""
    turn = np.deg2rad(angle_deg)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return Fit(np.column_stack([size * turned, middle]), NO_PAIRS, np.empty(0), 0)


def looked_at(place: NDArray[np.float32], found: Fit) -> Confirmation:
    """Return the confirmed part of the design, printed at a place, under a map."""
    picture = of_picture(make.printed(DESIGN, place, make.busy_ground(1)))
    return confirm(Points.of(picture), Points.of(make.design_features(DESIGN)), found, extent=EXTENT)


def corners_off(confirmation: Confirmation, place: NDArray[np.float32]) -> float:
    """Return how far the map puts a corner from its true place, in pixels of the picture."""
    frame = np.array([[-0.5, -1 / 3, 1], [0.5, -1 / 3, 1], [0.5, 1 / 3, 1], [-0.5, 1 / 3, 1]])
    there = frame @ confirmation.homography.T
    pixels = there[:, :2] / there[:, 2:] * 800 + [400, 320]
    return float(np.hypot(*(pixels - place).T).max())


def test_a_rough_map_becomes_exact() -> None:
    """A map that is 2 % off in place and size and 4 degrees in angle leads to corners within a few pixels."""
    place = make.quad(DESIGN, (430, 300), 300, angle_deg=35)
    rough = similarity(39, 300 / 800 * 1.02, (30 / 800 + 0.005, -20 / 800))
    found = looked_at(place, rough)
    assert found.confirmed > 0.4
    assert found.likeness > 0.6
    assert found.channels == 4
    assert 0.2 < found.spread < 0.67  # the design is a rectangle of 1 by 2/3
    assert corners_off(found, place) < 6


def test_perspective_is_followed() -> None:
    """For a receding design, the projective map fits better than the affine map."""
    place = make.quad(DESIGN, (430, 300), 420, slant=0.12)
    rough = similarity(0, 420 / 800 * 0.94, (30 / 800, -20 / 800))
    found = looked_at(place, rough)
    plain = replace(found, homography=np.vstack([rough.affine, [0, 0, 1]]))
    assert np.abs(found.homography[2, :2]).max() > 0.01
    assert corners_off(found, place) < 0.5 * corners_off(plain, place)


@pytest.mark.parametrize(
    ("angle_deg", "size", "middle"),
    [(125, 0.375, (0.0375, -0.025)), (35, 0.1, (0.0375, -0.025)), (35, 0.375, (-0.3, 0.2))],
    ids=["turned otherwise", "too small", "elsewhere"],
)
def test_a_wrong_map_is_not_confirmed(angle_deg: float, size: float, middle: tuple[float, float]) -> None:
    """A map whose points have no partner is not confirmed, even though the picture shows the design."""
    place = make.quad(DESIGN, (430, 300), 300, angle_deg=35)
    found = looked_at(place, similarity(angle_deg, size, middle))
    assert found.visible > 20
    assert found.confirmed < 0.12


def test_what_lies_outside_is_not_counted() -> None:
    """Points outside the picture are not counted. The visible half of a design's points is enough."""
    place = make.quad(DESIGN, (0, 320), 300)
    found = looked_at(place, similarity(0, 0.375, (-0.5, 0)))
    assert 0.3 * len(make.design_features(DESIGN)) < found.visible < 0.65 * len(make.design_features(DESIGN))
    assert found.confirmed > 0.4
    assert corners_off(found, place) < 12


def test_a_point_is_confirmed_once() -> None:
    """Each of the design's points has at most one partner, the most similar point near its place."""
    place = make.quad(DESIGN, (400, 320), 500)
    found = looked_at(place, similarity(0, 500 / 800, (0, 0)))
    assert len(np.unique(found.pairs.known)) == len(found.pairs)
    assert np.all((found.pairs.weights > 0) & (found.pairs.weights <= 1))


@pytest.mark.parametrize(
    "affine",
    [
        np.zeros((2, 3)),
        np.array([[1e-12, 0, 0], [0, 1e-12, 0]]),
        np.array([[1.0, 1, 0], [1, 1, 0]]),
        np.array([[1e6, 0, 0], [0, 1e6, 0]]),
        np.array([[1.0, 0, 99], [0, 1, 99]]),
    ],
    ids=["nothing", "a point", "a line", "huge", "far off"],
)
@pytest.mark.parametrize("points", [EMPTY, make.design_features(DESIGN)], ids=["no point", "points"])
def test_degenerate_maps_confirm_nothing_badly(affine: NDArray[np.float64], points: Features) -> None:
    """Numbers are in their ranges and finite for degenerate maps too."""
    picture = Points.of(of_picture(make.busy_ground(2)))
    for seen in (picture, Points.of(EMPTY)):
        found = confirm(seen, Points.of(points), Fit(affine, NO_PAIRS, np.empty(0), 0), extent=EXTENT)
        assert 0 <= found.confirmed <= 1
        assert 0 <= found.likeness <= 1
        assert 0 <= found.spread <= 1
        assert np.isfinite(found.homography).all()


def test_an_inverted_picture_is_confirmed_with_the_edit_undone() -> None:
    """The points of an inverted picture match only once the inversion is undone."""
    place = make.quad(DESIGN, (400, 320), 300)
    scene = make.printed(DESIGN, place, make.busy_ground(1))
    inverted = of_picture(Image.fromarray(255 - np.asarray(scene)))
    design, found = Points.of(make.design_features(DESIGN)), similarity(0, 0.375, (0, 0))
    undone, plain = (
        confirm(Points.of(inverted, edit), design, found, extent=EXTENT)
        for edit in (Edit(inverted=True), Edit())
    )
    grey = [int(np.isin(one.pairs.known, design.rows[0]).sum()) for one in (undone, plain)]
    assert grey[0] > 5 * grey[1]
    assert grey[0] > 40


def test_explained_points_are_neither_visible_nor_seen() -> None:
    """Points that something else explains are left out. Points that it explains badly stay."""
    place = make.quad(DESIGN, (430, 300), 300, angle_deg=35)
    found = similarity(35, 300 / 800, (30 / 800, -20 / 800))
    picture = Points.of(of_picture(make.printed(DESIGN, place, make.busy_ground(1))))
    design = Points.of(make.design_features(DESIGN))
    free = confirm(picture, design, found, extent=EXTENT)
    elsewhere = np.zeros(len(picture.places), np.float32)
    elsewhere[free.pairs.seen[::2]] = 1
    rest = confirm(picture, design, found, extent=EXTENT, explained=elsewhere)
    assert (elsewhere[rest.pairs.seen] == 0).all()
    assert len(rest.away) == len(free.pairs) - len(rest.pairs) == (elsewhere[free.pairs.seen] > 0).sum() > 20
    assert rest.visible == free.visible - len(rest.away)
    elsewhere[elsewhere > 0] = 0.01
    assert len(confirm(picture, design, found, extent=EXTENT, explained=elsewhere).away) < len(rest.away) / 4
