"""A closer look: where a printed design is, how much of it is seen, and which designs get a closer look."""

from dataclasses import replace
from typing import Any

import make
import numpy as np
import pytest
from evidence_scenes import homography
from PIL import Image, ImageOps

from authcheck.vision.matching.alignment import in_one_place
from authcheck.vision.matching.geometry import Fit
from authcheck.vision.matching.looks import CLOSER_LOOKS, Look, Verified, assume, look_closer
from authcheck.vision.matching.matcher import verify
from authcheck.vision.matching.pairs import Pairs
from authcheck.vision.matching.pixels import NOTHING
from authcheck.vision.matching.subjects import Known
from authcheck.vision.matching.votes import Edit

NAMES = ("nw-001", "as-011", "hl-003", "tt-006")  # these designs fill their sheets
NONE = np.empty(0, np.intp)


def look(image: Image.Image, design: Known, edit: Edit = Edit()) -> Look:  # noqa: B008 - frozen
    """Verify a design in a picture and look closer at it."""
    picture = make.submitted(image)
    fit = verify(picture, design.features, edit)
    assert fit is not None
    (only,) = look_closer(picture, [Verified(design, edit, fit)])
    return only


def kept(design: Known, points: bool) -> Known:
    """Return the design, or a design of its name without points."""
    few = replace(
        design.features, **{n: getattr(design.features, n)[:0] for n in ("steps", "descriptors", "channels")}
    )
    return design if points else replace(design, features=few)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        {"angle_deg": 0},
        {"angle_deg": 130},
        {"angle_deg": 30, "mirrored": True},
        {"angle_deg": -20, "slant": 0.12},
        {"middle": (90, 300)},
        {"middle": (760, 120), "angle_deg": 200, "mirrored": True},
        {"longer_px": 130, "angle_deg": 15},
    ],
    ids=["upright", "turned", "mirrored", "perspective", "outside", "outside and mirrored", "small"],
)
@pytest.mark.parametrize("name", NAMES)
def test_the_outline_is_where_the_design_is(name: str, words: dict[str, Any]) -> None:
    """The found outline and the true one share four fifths of their area.

    Mirroring, turn and size are correct.
    """
    image = make.fixture(name)
    given = {"middle": (430, 300), "longer_px": 280, **words}
    place = make.quad(image, **given)
    scene, design = make.printed(image, place, make.busy_ground(1)), make.known(image)
    found = look(scene, design, Edit(mirrored=given.get("mirrored", False))).alignment
    assert make.overlap(make.outline_of(found.homography), place) > 0.8
    drawn = make.outline_of(homography(place).ravel(), design.read_thumbnail().content())
    assert make.overlap(found.outline, drawn) > 0.8
    assert found.mirrored == given.get("mirrored", False)
    assert abs((found.angle_deg - given.get("angle_deg", 0) + 180) % 360 - 180) < 6
    assert found.scale == pytest.approx(given["longer_px"] / max(image.size), rel=0.12)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_half_a_design_is_half_covered(name: str) -> None:
    """With its right half covered, about half of the design is seen, and the whole is still outlined."""
    image = make.fixture(name)
    place = make.quad(image, (400, 320), 400)
    whole = make.printed(image, place, make.busy_ground(1))
    half = whole.copy()
    half.paste(make.busy_ground(9).crop((0, 0, 400, 640)), (400, 0))
    design = make.known(image)
    full, part = look(whole, design), look(half, design)
    assert full.alignment.coverage > 0.9
    assert 0.3 < part.alignment.coverage < 0.8
    assert make.overlap(make.outline_of(part.alignment.homography), place) > 0.7


def test_an_inverted_print_is_told() -> None:
    """With light and dark swapped the design is placed, and its pixels agree after undoing the swap."""
    image = make.fixture("nw-001")
    place = make.quad(image, (430, 300), 300, angle_deg=30)
    scene = ImageOps.invert(make.printed(image, place, make.busy_ground(1)))
    found = look(scene, make.known(image), Edit(inverted=True))
    assert found.alignment.inverted
    assert make.overlap(make.outline_of(found.alignment.homography), place) > 0.8
    assert found.pixels.blocks > 0.8


@pytest.mark.slow
def test_two_prints_lie_in_places_of_their_own() -> None:
    """Two prints side by side have different places. A print laid on the other has the same place."""
    one, other = make.fixture("nw-001"), make.fixture("tt-006")
    alone = make.printed(one, make.quad(one, (210, 300), 300), make.busy_ground(1))
    both = make.printed(other, make.quad(other, (600, 330), 280), alone)
    beside = [look(both, make.known(image)).alignment for image in (one, other)]
    assert not in_one_place(*beside)
    on_it = make.printed(other, make.quad(other, (210, 300), 120), alone)
    assert in_one_place(look(on_it, make.known(one)).alignment, look(on_it, make.known(other)).alignment)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("angle_deg", [0, 90, 180, 270])
def test_what_hashes_say_is_assumed(angle_deg: int, mirrored: bool) -> None:
    """A copy mirrored left to right, then turned clockwise, has matching corners and pixels."""
    image = make.fixture("nw-001")
    shown = ImageOps.mirror(image) if mirrored else image
    shown = shown.rotate(-angle_deg, expand=True)
    submitted, design = make.submitted(shown), make.known(image)
    (found,) = look_closer(submitted, [], [assume(submitted, design, angle_deg=angle_deg, mirrored=mirrored)])
    frame = [(0, 0), (shown.width, 0), shown.size, (0, shown.height)]
    assert make.overlap(make.outline_of(found.alignment.homography), frame) > 0.95
    assert (found.alignment.mirrored, round(found.alignment.angle_deg) % 360) == (mirrored, angle_deg)
    assert min(found.pixels.grey, found.pixels.blocks, found.confirmation.confirmed) > 0.7
    assert found.alignment.coverage > 0.9


def test_another_format_is_assumed_stretched() -> None:
    """A squeezed copy covers the whole picture all the same."""
    image = make.fixture("nw-001")
    squeezed = image.resize((400, 400))
    submitted = make.submitted(squeezed)
    (found,) = look_closer(submitted, [], [assume(submitted, make.known(image), angle_deg=0, mirrored=False)])
    assert found.pixels.grey > 0.9
    assert found.pixels.seen == pytest.approx(1, abs=0.02)


def fitted(design: Known, votes: float) -> Verified:
    """Return a design that this many votes agree on, over the whole picture."""
    rows = np.arange(4)
    pairs = Pairs(rows, rows, np.full(4, votes / 4, np.float32))
    return Verified(design, Edit(), Fit(np.eye(2, 3), pairs, np.zeros(4), 4))


@pytest.mark.slow
def test_only_the_best_are_looked_at() -> None:
    """The four designs with most votes are examined, none far behind, then those that only hashes propose."""
    submitted = make.submitted(make.busy_ground(1))
    designs = [make.known(make.picture(seed), 2 * seed) for seed in range(7)]
    few = look_closer(
        submitted, [fitted(one, votes) for one, votes in zip(designs, (5, 50, 40, 1), strict=False)]
    )
    assert [one.verified.known.key for one in few] == [2, 4]
    many = look_closer(submitted, [fitted(one, 10) for one in designs[::-1]])
    assert [one.verified.known.key for one in many] == [0, 2, 4, 6]
    assert len(many) == CLOSER_LOOKS
    guess = assume(submitted, designs[5], angle_deg=0, mirrored=False)
    again = assume(submitted, designs[1], angle_deg=0, mirrored=False)
    both = look_closer(submitted, [fitted(designs[1], 50)], [guess, again])
    assert [one.verified.known.key for one in both] == [2, 10]
    assert look_closer(submitted, [fitted(designs[0], 0.9)]) == []


@pytest.mark.parametrize("points", [False, True])
def test_what_lies_outside_is_not_covered(points: bool) -> None:
    """If the map leads out of the picture, there is no outline, no coverage, and no infinite number."""
    image = make.fixture("nw-001")
    design = kept(make.known(image), points)
    submitted = make.submitted(make.busy_ground(1))
    far = replace(
        fitted(design, 10), fit=replace(fitted(design, 10).fit, affine=np.add(np.eye(2, 3), [0, 0, 9]))
    )
    (found,) = look_closer(submitted, [far])
    assert (found.alignment.coverage, found.alignment.outline, found.pixels.seen) == (0, (), 0)
    assert np.isfinite(found.alignment.homography).all()


@pytest.mark.slow
def test_a_sliver_is_not_the_whole() -> None:
    """A visible point does not count as coverage of a design that is almost completely outside."""
    image = make.busy_ground(8, (480, 480))
    scene = make.printed(image, make.quad(image, (-274, 320), 600), make.busy_ground(1))
    affine = np.array([[0.75, 0, (-274 - 400) / 800], [0, 0.75, 0]])
    given = fitted(make.known(image), 10)
    (found,) = look_closer(make.submitted(scene), [replace(given, fit=replace(given.fit, affine=affine))])
    assert found.pixels is NOTHING
    assert len(found.confirmation.pairs) > 0
    assert found.alignment.coverage < 0.1
