"""The properties that make a design easy or hard to find, and what its owner is told about them."""

import json

import make
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from authcheck.vision.features.findability import best_of, findability_of


def mirrored() -> Image.Image:
    """Return a picture that is its own mirror image."""
    half = make.picture(2, (160, 256))
    whole = Image.new("RGB", (320, 256))
    whole.paste(half)
    whole.paste(ImageOps.mirror(half), (160, 0))
    return whole


def small_mark() -> Image.Image:
    """Return a small mark on white."""
    image = Image.new("RGB", (320, 256), "white")
    ImageDraw.Draw(image).polygon([(100, 90), (170, 110), (120, 160)], fill=(200, 30, 30))
    return image


@pytest.mark.parametrize(
    ("points", "grade"), [(0, "poor"), (74, "poor"), (75, "fair"), (129, "fair"), (130, "good")]
)
def test_the_grade_follows_the_points(points: int, grade: str) -> None:
    """A design with fewer than 75 points is hardly found. Below 130, small prints of it are missed."""
    found = findability_of(make.picture(1), points)
    assert found.grade == grade
    assert found.warnings == (("design.few_points",) if points < 75 else ())


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (mirrored(), "design.symmetric"),
        (ImageOps.exif_transpose(mirrored().transpose(Image.Transpose.ROTATE_90)), "design.symmetric"),
        (small_mark(), "design.mostly_ground"),
        (make.picture(1).point(lambda level: 120 + level // 20), "design.flat"),
    ],
    ids=["left and right", "top and bottom", "small", "flat"],
)
def test_a_weakness_is_named(image: Image.Image, code: str) -> None:
    """Each weakness gives one warning. A design with a warning is fair at best."""
    found = findability_of(image, 200)
    assert (found.warnings, found.grade) == ((code,), "fair")


def test_an_ordinary_picture_has_no_warning() -> None:
    """Coloured shapes on a gradient have no warning, and the numbers are within their ranges."""
    found = findability_of(make.picture(1), 200)
    assert (found.warnings, found.grade) == ((), "good")
    assert 0 < found.symmetry < 0.9
    assert found.contrast > 20
    assert found.colour > 20


def test_only_what_the_mask_leaves_is_measured() -> None:
    """Only the masked part is measured: a colourful floor or an asymmetric corner changes nothing."""
    image = make.picture(1)
    image.paste(mirrored().convert("L").convert("RGB").resize((160, 128)), (80, 64))
    mask = np.zeros((256, 320), np.bool_)
    mask[64:192, 80:240] = True
    whole, masked = findability_of(image, 200), findability_of(image, 200, mask)
    assert whole.colour > 10 > masked.colour
    assert whole.symmetry < 0.9 < masked.symmetry


def test_an_unknown_ground_is_said() -> None:
    """A photo whose product was not found gets the advice to upload a mask."""
    assert findability_of(make.picture(1), 200, ground_unknown=True).warnings == ("design.ground_counts",)


@pytest.mark.parametrize("size", [(16, 16), (16, 4000), (4000, 16)])
def test_any_size_is_measured(size: tuple[int, int]) -> None:
    """Pictures from 16 pixels a side are measured, however thin, also if the mask rounds to nothing."""
    mask = np.zeros((256, 256), np.bool_)
    mask[0, 0] = True
    for counted in (None, mask):
        found = findability_of(make.picture(1).resize(size), 3, counted)
        assert np.isfinite([found.contrast, found.symmetry, found.colour]).all()
        assert found.grade == "poor"


def test_a_blank_picture_is_as_symmetric_as_can_be() -> None:
    """A blank picture is symmetric and causes no division by zero."""
    found = findability_of(Image.new("RGB", (64, 64), "white"), 0)
    assert (found.symmetry, found.contrast, found.colour) == (1.0, 0.0, 0.0)


def test_it_is_stored_as_plain_values() -> None:
    """Numbers are rounded to their useful precision, and the codes are a list."""
    kept = findability_of(mirrored(), 20).to_json()
    assert json.loads(json.dumps(kept)) == kept
    assert (kept["grade"], kept["points"], round(kept["symmetry"], 2)) == ("poor", 20, 1.0)
    assert kept["warnings"] == ["design.few_points", "design.symmetric"]


def test_a_design_counts_as_its_best_picture() -> None:
    """The best picture of a design is chosen by grade, then by points."""
    poor, fair, good = (findability_of(make.picture(1), points) for points in (3, 90, 300))
    assert best_of([poor, good, fair]) == good
    assert best_of([poor, fair]) == fair
    assert best_of([good, findability_of(mirrored(), 900)]) == good
