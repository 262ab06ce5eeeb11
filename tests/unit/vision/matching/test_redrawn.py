"""Redrawings of a design, and copies of it that look as if parts were redrawn."""

from pathlib import Path

import make
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from authcheck.vision.matching.looks import Look, Verified, look_closer
from authcheck.vision.matching.matcher import verify
from authcheck.vision.matching.redrawn import compare, measure, rate_redrawing
from authcheck.vision.matching.subjects import Submitted
from authcheck.vision.matching.votes import Edit
from authcheck.vision.pictures.decode import open_picture

REDRAWN = {  # pictures of fixtures/listings that redraw a design: other colours, other parts
    "lookalike-owl-at-school.webp": "tt-005",
    "lookalike-arches-with-a-pot.jpg": "as-010",
    "lookalike-bear-with-honey.jpg": "tt-007",
    "lookalike-penguin-on-ice.png": "tt-009",
    "lookalike-robot-on-wheels.png": "tt-004",
    "lookalike-lighthouse-with-a-cottage.jpg": "hl-001",
}
NAMES = ("nw-001", "as-011", "hl-003", "tt-006")


def looked(picture: Submitted, image: Image.Image) -> Look:
    """Verify a design in a picture and look closer at it."""
    design = make.known(image)
    fit = verify(picture, design.features, Edit())
    assert fit is not None
    (only,) = look_closer(picture, [Verified(design, Edit(), fit)])
    return only


def rating(image: Image.Image, design: Image.Image) -> float:
    """Return the rating of a picture of a design."""
    picture = make.submitted(image)
    return rate_redrawing(picture, looked(picture, design))


@pytest.mark.parametrize("name", REDRAWN)
def test_a_redrawing_is_told_from_a_copy(name: str) -> None:
    """Other parts in other colours, everything else exact: a redrawing."""
    data = (Path(make.__file__).parents[1] / "fixtures" / "listings" / name).read_bytes()
    assert rating(open_picture(data, detail_px=480).image, make.fixture(REDRAWN[name])) >= 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["words", "sticker", "filter", "grey and sticker"])
def test_a_copy_with_something_over_it_is_a_copy(name: str, kind: str) -> None:
    """Words and stickers leave the colours of the rest alone, and greying changes all colours by one rule."""
    design = make.fixture(name)
    image = design.convert("RGB")
    if "grey" in kind:
        image = ImageOps.grayscale(image).convert("RGB")
    if "filter" in kind:
        image = ImageEnhance.Color(ImageEnhance.Brightness(image).enhance(0.85)).enhance(0.5)
    pen = ImageDraw.Draw(image)
    width_px, height_px = image.size
    if "words" in kind:
        pen.text((width_px / 10, height_px / 2), "HALF PRICE", fill="red", font_size=height_px // 7)
    if "sticker" in kind:
        pen.ellipse([width_px * 0.5, height_px * 0.1, width_px * 0.8, height_px * 0.4], "gold", "black", 6)
    assert rating(image, design) < 1


@pytest.mark.parametrize("name", NAMES)
def test_a_print_is_a_copy(name: str) -> None:
    """In a photograph of a print the light falls off, a part is hidden, and nothing agrees exactly."""
    design = make.fixture(name)
    scene = make.printed(
        design, make.quad(design, (430, 300), 380, angle_deg=12, slant=0.08), make.busy_ground(1)
    )
    pixels = np.asarray(scene.filter(ImageFilter.GaussianBlur(1)), np.float64)
    light = np.linspace(0.6, 1.15, pixels.shape[1])[None, :, None]
    noise = np.random.default_rng(3).normal(0, 9, pixels.shape)
    dimmed = Image.fromarray(np.clip(pixels * light + noise, 0, 255).astype(np.uint8))
    ImageDraw.Draw(dimmed).rectangle([380, 260, 440, 330], "saddlebrown")
    assert rating(dimmed, design) < 1


def test_a_hand_before_a_print_makes_no_redrawing() -> None:
    """One thing that reaches over the design's edge hides a part. The same thing within the design alters it."""
    design = make.fixture("tt-006")
    scene = make.printed(design, make.quad(design, (400, 320), 360), make.busy_ground(1))
    rated = []
    for left in (200, 330):
        covered = scene.copy()
        covered.paste(make.busy_ground(8).crop((0, 0, 140, 140)), (left, 300))
        rated.append(rating(covered, design))
    assert rated[0] == 0 < rated[1]


def test_a_design_at_the_edge_of_the_picture_cannot_be_rated() -> None:
    """Too little of the design can be compared: not a redrawing, as far as we can tell."""
    design = make.fixture("nw-001")
    picture = make.submitted(design)
    look = looked(picture, design)
    outside = np.array([[1, 0, 5000], [0, 1, 5000], [0, 0, 1]], np.float64)
    pixels = type(look.pixels)(
        **{name: getattr(look.pixels, name) for name in look.pixels.__slots__} | {"homography": outside}
    )
    moved = Look(look.verified, look.confirmation, pixels, look.alignment)
    assert measure(picture, moved) == (0, 0, 0)


@pytest.mark.parametrize("shape", [(8, 128), (15, 128), (16, 128), (24, 128), (128, 8), (128, 24), (9, 9)])
def test_a_narrow_design_ends_no_process(shape: tuple[int, int]) -> None:
    """OpenCV's flow crashes on pictures under 16 pixels. A banner's thumbnail is 128 by 8."""
    seen, registered = np.random.default_rng(5).integers(0, 256, (2, *shape, 3)).astype(np.uint8)
    values = compare(seen, registered, np.ones(shape, np.bool_), softness_px=0.0)
    assert np.isfinite(values).all()
    assert min(shape) >= 24 or values == (0, 0, 0)


def test_a_banner_is_rated_not_at_all() -> None:
    """A match with a design ten times as wide as high gets its answer."""
    banner = make.fixture("hl-003").resize((1200, 900)).crop((0, 300, 1200, 420))
    picture = make.submitted(banner)
    assert rate_redrawing(picture, looked(picture, banner)) == 0
