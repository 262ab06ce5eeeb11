"""Extraction: the same picture gives the same points at their places, within the mask, up to the limits."""

from collections.abc import Callable

import make
import numpy as np
import pytest
from PIL import Image, ImageOps

from authcheck.vision.features import extract
from authcheck.vision.features.features import Features


def points_near(found: Features, other: Features, moved: tuple[float, float], scale: float) -> float:
    """Return the share of one picture's points that the other picture has after a shift and a scale."""
    there = other.places()
    wanted = found.places()[:, :2] * scale + moved
    far = np.hypot(wanted[:, None, 0] - there[:, 0], wanted[:, None, 1] - there[:, 1])
    return float((far.min(axis=1) < 0.003).mean())


@pytest.mark.parametrize("read", [extract.of_design, extract.of_picture])
def test_the_same_pixels_give_the_same_record(read: Callable[[Image.Image], Features]) -> None:
    """The records are equal to the byte, so a registry rebuilt from its pictures is the same registry."""
    image = make.fixture("nw-001")
    assert read(image).to_bytes() == read(image.copy()).to_bytes()


def test_points_are_no_more_than_agreed() -> None:
    """The limits by channel and in total hold on the busiest picture there is."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (600, 800, 3)).astype(np.uint8))
    design, picture = extract.of_design(noise), extract.of_picture(noise)
    assert np.all(np.bincount(design.channels, minlength=4) <= [150, 75, 75, 75])
    assert np.all(np.bincount(picture.channels, minlength=4) <= [700, 250, 350, 350])
    assert (picture.channels == 0).sum() == 700


@pytest.mark.parametrize("scale", [1, 3], ids=["same size", "a mask of another size"])
def test_only_points_within_the_mask_are_kept(scale: int) -> None:
    """No point is outside the mask.

    More points are inside than without it, because the ground takes no places.
    """
    image = make.fixture("nw-001")
    mask = np.zeros((image.height * scale // 4, image.width * scale // 4), np.bool_)
    mask[:, : mask.shape[1] // 2] = True
    kept, every = extract.of_design(image, mask), extract.of_design(image)
    inside = every.places()[:, 0] < -0.003
    assert kept.places()[:, 0].max() < 0.003
    assert inside.sum() < len(kept) <= 375
    found = {tuple(step) for step in kept.steps.tolist()}
    assert sum(tuple(step) in found for step in every.steps[inside].tolist()) >= 0.95 * inside.sum()


@pytest.mark.parametrize("value", [False, True])
def test_a_mask_of_one_value(value: bool) -> None:
    """A mask of one value keeps the whole picture or nothing."""
    image = make.picture(1)
    kept = extract.of_design(image, np.full((10, 10), value))
    assert len(kept) == (len(extract.of_design(image)) if value else 0)


def test_places_are_told_from_the_middle() -> None:
    """At the left top of a canvas twice as large, points are a quarter left and up, and half as large."""
    image = make.busy_ground(5, (320, 240))
    canvas = Image.new("RGB", (640, 480), (128, 128, 128))
    canvas.paste(image)
    alone, pasted = extract.of_design(image), extract.of_picture(canvas)
    assert points_near(alone, pasted, (-0.25, -0.1875), 0.5) > 0.55
    for wrong in ((0, 0), (0.25, 0.1875), (-0.25, 0), (-0.26, -0.1875)):
        assert points_near(alone, pasted, wrong, 0.5) < 0.3


def test_a_mirrored_picture_has_its_points_on_the_other_side() -> None:
    """The middle stays the middle, to within the quarter pixel by which OpenCV's detector is off."""
    image = make.fixture("nw-001")
    plain, other = extract.of_picture(image), extract.of_picture(ImageOps.mirror(image))
    there, here = other.places(), plain.places()
    far = np.hypot(here[:, None, 0] + there[:, 0], here[:, None, 1] - there[:, 1]).min(axis=1)
    assert np.median(far) < 0.6 / 640  # twice the error, in pixels of the larger reading


@pytest.mark.slow
def test_a_grey_picture_has_no_point_of_colour() -> None:
    """A grey picture's colour channels are flat. The points of light are found."""
    grey = make.picture(1).convert("L").convert("RGB")
    for found in (extract.of_design(grey), extract.of_picture(grey)):
        assert len(found) > 20
        assert set(found.channels.tolist()) == {0}


@pytest.mark.slow
def test_colours_of_one_lightness_are_seen() -> None:
    """A red print on green of the same grey has points in the colour channels."""
    shapes = make.busy_ground(6, (320, 240)).convert("L").point(lambda level: 255 * (level > 140))
    image = Image.composite(
        Image.new("RGB", shapes.size, (200, 60, 60)), Image.new("RGB", shapes.size, (40, 136, 60)), shapes
    )
    found = extract.of_picture(image)
    assert (found.channels > 0).sum() > 100 + 5 * (found.channels == 0).sum()


@pytest.mark.parametrize("size", [(16, 4000), (20_000, 16), (16, 16), (3, 2000)])
def test_extreme_sizes_are_read(size: tuple[int, int]) -> None:
    """A strip less than a pixel wide when fitted gives few points or none, and no error."""
    image = make.picture(7).resize(size)
    for found in (extract.of_design(image), extract.of_picture(image)):
        places = found.places()
        assert (found.width_px, found.height_px) == size
        assert len(found) < 2200
        assert np.abs(places[:, :2]).max(initial=0) <= 0.5


@pytest.mark.parametrize("image", [Image.new("RGB", (300, 200), "white"), Image.linear_gradient("L")])
def test_a_picture_without_a_point(image: Image.Image) -> None:
    """A picture without points gives an empty record."""
    assert len(extract.of_design(image.convert("RGB"))) == 0


def test_small_pictures_are_enlarged_but_not_without_limit() -> None:
    """A thumbnail is enlarged to twice its size at most."""
    pixels = np.asarray(make.picture(1).resize((100, 80)))
    assert extract.fitted(pixels, extract.PICTURE_PASSES[0]).shape == (160, 200, 3)
    large = np.asarray(make.picture(1).resize((1000, 800)))
    assert extract.fitted(large, extract.PICTURE_PASSES[0]).shape == (512, 640, 3)
