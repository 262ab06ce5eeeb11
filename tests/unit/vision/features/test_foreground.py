"""A product is separated from its ground, or the function reports that it cannot."""

import random
from concurrent.futures import ThreadPoolExecutor

import make
import numpy as np
import pytest
from PIL import Image, ImageDraw

from authcheck.vision.features.foreground import Mask, foreground_of

BOARD = (60, 50, 260, 210)  # of make.product_photo


def overlap(mask: Mask, box: tuple[int, int, int, int], size: tuple[int, int]) -> float:
    """Return the intersection over union of a mask and a box."""
    found = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
    wanted = np.zeros(size[::-1], np.bool_)
    wanted[box[1] : box[3], box[0] : box[2]] = True
    return float((found & wanted).sum() / (found | wanted).sum())


@pytest.mark.parametrize(
    "ground", [(150, 120, 90), (20, 20, 25), (90, 130, 90)], ids=["wood", "dark", "green"]
)
@pytest.mark.parametrize("seed", range(3))
def test_a_product_is_told_from_a_grainy_ground(seed: int, ground: tuple[int, int, int]) -> None:
    """The board is cut out along its edge, including its print."""
    mask = foreground_of(make.product_photo(seed, ground))
    assert mask is not None
    assert overlap(mask, BOARD, (320, 256)) > 0.9


def test_a_product_is_told_from_a_studio_gradient() -> None:
    """A ground that fades from light to dark counts as one ground."""
    image = Image.linear_gradient("L").resize((320, 256)).point(lambda level: 150 + level // 4).convert("RGB")
    ImageDraw.Draw(image).ellipse((90, 60, 230, 200), fill=(170, 30, 40))
    mask = foreground_of(image)
    assert mask is not None
    assert overlap(mask, (90, 60, 230, 200), (320, 256)) > 0.7, "a disc fills 0.79 of its box"


def test_a_print_in_the_grounds_own_colour_is_no_hole() -> None:
    """A part within the product counts, even where it looks like the floor."""
    image = make.product_photo(0, (90, 130, 90))
    ImageDraw.Draw(image).ellipse((130, 100, 190, 160), fill=(90, 130, 90))
    mask = foreground_of(image)
    assert mask is not None
    assert mask[round(130 / 256 * mask.shape[0]), round(160 / 320 * mask.shape[1])]


def _clutter() -> Image.Image:
    dice = random.Random(3)
    image = Image.new("RGB", (320, 256))
    draw = ImageDraw.Draw(image)
    for _ in range(900):
        x, y = dice.randrange(320), dice.randrange(256)
        draw.rectangle((x, y, x + 14, y + 14), fill=tuple(dice.randrange(256) for _ in range(3)))
    return image


@pytest.mark.parametrize(
    "image",
    [
        _clutter(),
        Image.new("RGB", (300, 300), "white"),
        Image.linear_gradient("L").convert("RGB"),
        make.product_photo().resize((320, 16)),
        make.product_photo().resize((16, 3000)),
    ],
    ids=["shelf", "blank", "gradient", "strip", "tower"],
)
def test_where_there_is_no_telling_there_is_no_mask(image: Image.Image) -> None:
    """A crowded, empty or extremely thin picture has no mask and counts as a whole."""
    assert foreground_of(image) is None


def test_a_speck_is_no_product() -> None:
    """An area below a twentieth of the picture is dirt or a label, not the product."""
    image = Image.new("RGB", (320, 256), "white")
    image.paste((200, 0, 0), (150, 120, 170, 140))
    assert foreground_of(image) is None


@pytest.mark.slow
def test_threads_find_the_same_mask() -> None:
    """GrabCut uses random numbers.

    They are the same for the same picture, whichever other threads use them.
    """
    photos = [make.product_photo(seed) for seed in range(4)] * 4
    alone = [foreground_of(photo) for photo in photos[:4]] * 4
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(foreground_of, photos))
    for one, other in zip(alone, together, strict=True):
        assert one is not None
        assert other is not None
        assert (one == other).all()


@pytest.mark.parametrize("seed", range(12))
def test_no_picture_is_too_odd(seed: int) -> None:
    """Any picture from 16 pixels a side with any few colours gives a mask of its shape, or None."""
    dice = random.Random(seed)
    small = Image.new("RGB", (dice.randrange(1, 9), dice.randrange(1, 9)))
    small.putdata(
        [tuple(dice.choice([0, 1, 128, 255]) for _ in range(3)) for _ in range(small.width * small.height)]
    )
    size = (dice.randrange(16, 400), dice.randrange(16, 400))
    mask = foreground_of(
        small.resize(size, dice.choice([Image.Resampling.NEAREST, Image.Resampling.BICUBIC]))
    )
    if mask is not None:
        assert 0.05 <= mask.mean() <= 0.95
        assert mask.shape[1] / mask.shape[0] == pytest.approx(size[0] / size[1], rel=0.1)
