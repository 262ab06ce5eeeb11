"""The place of a design that hashes found: it is right, or there is none."""

import evidence_scenes as scenes
import make
import numpy as np
import pytest
from PIL import Image, ImageOps

from authcheck.vision.matching.alignment import Alignment
from authcheck.vision.matching.placing import find_place

DESIGN = make.picture(4, (400, 320))
CORNERS = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], np.float64)


def corners(alignment: Alignment | None) -> np.ndarray:
    """Return where the corners of the design are in the picture."""
    assert alignment is not None
    seen = CORNERS @ alignment.matrix().T
    return seen[:, :2] / seen[:, 2:]


def test_a_copy_with_a_border_is_placed() -> None:
    """The design is where the border ends, in pixels of the full picture, and all of it is seen."""
    bordered = ImageOps.expand(DESIGN, 80, (250, 250, 245))
    place = find_place(bordered, (1120, 960), DESIGN)
    expected = [[160, 160], [960, 160], [960, 800], [160, 800]]
    assert corners(place) == pytest.approx(np.array(expected, float), abs=6)
    assert place is not None
    assert place.coverage > 0.99


def test_a_part_and_a_tilted_photo_are_placed() -> None:
    """A cut of the design, and a photo of it."""
    part = DESIGN.crop((120, 60, 400, 320))
    expected = [[-120, -60], [280, -60], [280, 260], [-120, 260]]
    assert corners(find_place(part, part.size, DESIGN)) == pytest.approx(np.array(expected, float), abs=6)
    photo = scenes.photo(DESIGN)
    assert corners(find_place(photo, photo.size, DESIGN)) == pytest.approx(np.array(scenes.SLANTED), abs=8)


@pytest.mark.parametrize(("mirrored", "inverted"), [(True, False), (False, True)])
def test_mirrored_and_inverted_copies_are_placed(mirrored: bool, inverted: bool) -> None:
    """The place says how the picture shows the design."""
    shown = ImageOps.mirror(DESIGN) if mirrored else ImageOps.invert(DESIGN)
    place = find_place(shown, shown.size, DESIGN, mirrored=mirrored, inverted=inverted)
    assert place is not None
    assert (place.mirrored, place.inverted) == (mirrored, inverted)
    left = corners(place)[0, 0]
    assert left == pytest.approx(400 if mirrored else 0, abs=4)


def test_a_soft_picture_without_points_is_placed_as_a_whole() -> None:
    """A gradient has no points. A copy of it has its sides."""
    soft = Image.linear_gradient("L").resize((300, 240)).convert("RGB")
    assert corners(find_place(soft.resize((600, 480)), (600, 480), soft)) == pytest.approx(
        np.array([[0, 0], [600, 0], [600, 480], [0, 480]], float), abs=1
    )


@pytest.mark.parametrize(
    "other", [make.picture(9, (400, 320)), Image.new("RGB", (400, 320), "red"), make.picture(9, (90, 300))]
)
def test_another_picture_has_no_place(other: Image.Image) -> None:
    """Nothing is laid over what does not fit."""
    assert find_place(other, other.size, DESIGN) is None
