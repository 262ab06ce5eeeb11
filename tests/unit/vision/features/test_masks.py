"""Mask files, as the drawing programmes of owners write them."""

import io

import make
import numpy as np
import pytest
from PIL import Image

from authcheck.errors import Rejected
from authcheck.vision.features.masks import mask_png, read_mask, stored_mask
from authcheck.vision.pictures.decode import Limits

BOX = (30, 20, 90, 60)
WANTED = np.zeros((100, 150), np.bool_)
WANTED[20:60, 30:90] = True


def cut_out() -> Image.Image:
    """Return a black product on transparent ground."""
    image = Image.new("RGBA", (150, 100))
    image.paste((5, 5, 5, 255), BOX)
    return image


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P", "I;16"])
def test_white_counts_in_every_mode(mode: str) -> None:
    """Light pixels are the design in one bit, grey, colour, palette and 16 bits."""
    image = Image.fromarray(WANTED).convert("L")
    image = (
        image.point(lambda level: level * 257, "I").convert("I;16") if mode == "I;16" else image.convert(mode)
    )
    assert (read_mask(make.encode(image), Limits(), 1500, 1000) == WANTED).all()


def test_what_is_opaque_counts_whatever_its_colour() -> None:
    """A cut-out product is its own mask, even if it is black."""
    assert (read_mask(make.encode(cut_out()), Limits(), 150, 100) == WANTED).all()


def test_an_opaque_alpha_channel_says_nothing() -> None:
    """A grey mask with a full alpha channel is read by its lightness."""
    image = Image.fromarray(WANTED).convert("RGBA")
    assert (read_mask(make.encode(image), Limits(), 150, 100) == WANTED).all()


def test_a_large_jpeg_mask_is_made_small() -> None:
    """At most 256 pixels a side are stored. JPEG's noise does not matter."""
    image = Image.fromarray(WANTED).convert("L").resize((3000, 2000))
    mask = read_mask(make.encode(image, "JPEG", quality=60), Limits(), 150, 100)
    assert max(mask.shape) == 256
    assert mask.mean() == pytest.approx(WANTED.mean(), rel=0.05)


def test_a_mask_taken_with_a_turned_camera_is_upright() -> None:
    """EXIF orientation turns the mask like the picture."""
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(np.rot90(WANTED)).convert("L")
    assert (read_mask(make.encode(image, exif=exif), Limits(), 150, 100) == WANTED).all()


@pytest.mark.parametrize(("size", "fits"), [((150, 101), True), ((150, 104), False), ((100, 150), False)])
def test_the_shape_must_be_the_pictures(size: tuple[int, int], fits: bool) -> None:
    """A difference of 2 % is rounding. A larger one means another picture's mask, or a turned one."""
    data = make.encode(Image.new("L", size, 255))
    if fits:
        assert read_mask(data, Limits(), 150, 100).all()
        return
    with pytest.raises(Rejected) as refused:
        read_mask(data, Limits(), 150, 100)
    assert refused.value.code == "mask.size"
    assert refused.value.params["mask_width_px"] == size[0]


@pytest.mark.parametrize("box", [(0, 0, 0, 0), (0, 0, 15, 15)])
def test_a_mask_that_leaves_nothing_is_refused(box: tuple[int, int, int, int]) -> None:
    """An all black or less than 2 % white mask is refused. It would make a design unfindable."""
    data = make.mask_bytes(box, (150, 100))
    with pytest.raises(Rejected) as refused:
        read_mask(data, Limits(), 150, 100)
    assert refused.value.code == "mask.empty"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "image.empty"),
        (b"<html/>", "image.unreadable"),
        (make.mask_bytes(size=(12, 12)), "image.too_small"),
        (make.mask_bytes()[:-40], "image.truncated"),
    ],
)
def test_a_file_that_is_no_picture_is_the_masks_fault(data: bytes, why: str) -> None:
    """The error names the mask, so that nobody searches for a fault in the design's picture."""
    with pytest.raises(Rejected) as refused:
        read_mask(data, Limits(), 150, 100)
    assert (refused.value.code, refused.value.params["why"]) == ("mask.unreadable", why)


def test_the_limits_of_pictures_hold_for_masks() -> None:
    """The limits on bytes and pixels of pictures apply to masks."""
    for limits in (Limits(bytes=100), Limits(pixels=1000)):
        with pytest.raises(Rejected) as refused:
            read_mask(make.mask_bytes(), limits, 320, 256)
        assert refused.value.code == "mask.unreadable"


def test_a_stored_mask_has_one_bit_a_pixel() -> None:
    """A mask is read back unchanged from a few hundred bytes."""
    png = mask_png(WANTED)
    assert (stored_mask(png) == WANTED).all()
    with Image.open(io.BytesIO(png)) as image:
        assert (image.mode, image.format) == ("1", "PNG")
    assert len(png) < 500
