"""Fingerprints: imagehash's codes, in every orientation, of the parts of a picture that may be the design."""

import numpy as np
import pytest
from imagehash import dhash, phash
from make import encode, picture
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from authcheck.errors import ImageRejected
from authcheck.vision.fingerprints import fingerprint
from authcheck.vision.fingerprints.fingerprint import (
    FAMILIES,
    ORIENTATIONS,
    SCHEME,
    Fingerprint,
    reference_codes,
)
from authcheck.vision.pictures.decode import Picture

# How to make each orientation from an upright picture. Pillow turns counter-clockwise.
MAKE = {
    "mirror": (Image.Transpose.FLIP_LEFT_RIGHT,),
    "rot90": (Image.Transpose.ROTATE_270,),
    "rot180": (Image.Transpose.ROTATE_180,),
    "rot270": (Image.Transpose.ROTATE_90,),
    "mirror_rot90": (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_270),
    "mirror_rot180": (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180),
    "mirror_rot270": (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_90),
    "upright": (),
}


def turned(image: Image.Image, orientation: str) -> Image.Image:
    """Return the picture turned as `orientation` names."""
    for step in MAKE[orientation]:
        image = image.transpose(step)
    return image


def made(image: Image.Image) -> Fingerprint:
    """Return the fingerprint of a picture in memory."""
    return fingerprint.of(Picture(image.convert("RGB"), *image.size, "PNG", ""))


def joint(query: Fingerprint, reference: Fingerprint) -> NDArray[np.int64]:
    """Return `(windows, orientations)`: the least joint distance to either window of the reference."""
    bits = np.bitwise_count(query.codes[:, :, None] ^ reference.codes[:, 0]).sum(axis=(3, 4))
    return np.asarray(bits.min(axis=2), np.int64)


@pytest.mark.parametrize("seed", range(6))
def test_every_variant_is_what_imagehash_says(seed: int) -> None:
    """Each orientation's codes equal imagehash's own on the turned thumbnail, bit for bit."""
    tile = picture(seed).convert("L").resize((64, 64))
    codes = fingerprint.codes_of([tile, tile])
    for place, orientation in enumerate(ORIENTATIONS):
        undone = next(o for o in MAKE if turned(turned(tile, orientation), o).tobytes() == tile.tobytes())
        upright = turned(tile, undone)
        assert codes[1, place, 0].tobytes() == np.packbits(phash(upright, 16).hash).tobytes()
        assert codes[1, place, 1].tobytes() == np.packbits(dhash(upright, 16).hash).tobytes()
    assert (codes[0] == codes[1]).all()


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_each_orientation_is_recognised_and_named(orientation: str) -> None:
    """A turned or mirrored copy is nearest in the variant of that name."""
    image = picture(3)
    distances = joint(made(turned(image, orientation)), made(image).reference())
    _, best = np.unravel_index(distances.argmin(), distances.shape)
    assert ORIENTATIONS[best] == orientation
    assert distances.min() < 20


@pytest.mark.parametrize("border", ["white", (12, 200, 90), "black"])
def test_plain_borders_are_trimmed(border: str | tuple[int, int, int]) -> None:
    """A design on a wide border, saved as JPEG, is as near as the design itself."""
    image = picture(5)
    framed = ImageOps.expand(image, (140, 60, 20, 90), fill=border)
    query = fingerprint.read(encode(framed, "JPEG", quality=70))[1]
    assert "trimmed" in query.windows
    assert joint(query, made(image).reference()).min() < 60


def test_a_border_within_a_border_is_trimmed() -> None:
    """A logo on a white margin on a coloured pad is reduced to the logo."""
    logo = logo_on((240, 200), "white")
    padded = ImageOps.expand(ImageOps.expand(logo, 40, fill="white"), 70, fill="purple")
    assert joint(made(padded), made(logo).reference()).min() < 90


def test_a_design_on_a_plate_in_a_photo_is_found() -> None:
    """A sticker with its own ground, pasted anywhere on a busy picture, is compared as a part of its own."""
    logo = logo_on((160, 120), "white")
    busy = Image.effect_noise((420, 340), 90).convert("RGB")
    busy.paste(logo, (170, 130))
    query = made(busy)
    distances = joint(query, made(logo).reference())
    window, _ = np.unravel_index(distances.argmin(), distances.shape)
    assert query.windows[window] == "plate"
    assert distances.min() < 90


def test_a_design_in_a_page_is_found() -> None:
    """A picture between plain gutters, as in a screenshot, is compared as a part of its own."""
    page = Image.new("RGB", (360, 640), "white")
    page.paste(picture(8, (320, 60)), (20, 20))
    page.paste(picture(9, (300, 260)), (30, 110))
    page.paste(picture(10, (120, 200)), (20, 400))
    query = made(page)
    distances = joint(query, made(picture(9, (300, 260))).reference())
    window, _ = np.unravel_index(distances.argmin(), distances.shape)
    assert query.windows[window] == "panel"
    assert distances.min() < 90


def test_a_picture_without_a_border_has_one_window() -> None:
    """The stored trimmed codes equal the codes of the whole picture, so no window is searched twice."""
    query = made(Image.effect_noise((300, 240), 80))
    assert query.windows == ("whole",)
    stored = query.reference()
    assert stored.windows == ("whole", "trimmed")
    assert (stored.codes[0] == stored.codes[1]).all()


@pytest.mark.parametrize("shade", [0, 127, 255])
def test_flat_pictures_are_refused(shade: int) -> None:
    """One colour, with or without faint noise, is refused. Otherwise it would match everything like it."""
    flat = Image.new("L", (300, 200), shade)
    noise = Image.effect_noise((300, 200), 6)
    faint = Image.blend(flat, noise, 0.5)
    for image in (flat, faint):
        with pytest.raises(ImageRejected) as refused:
            made(image)
        assert refused.value.code == "image.flat"


def test_the_record_reads_back() -> None:
    """`to_bytes` and `from_bytes` are inverse for queries and references. A reference's record is small."""
    query = made(logo_on((300, 200), "white"))
    for whole in (query, query.reference()):
        again = Fingerprint.from_bytes(whole.to_bytes())
        assert again.scheme == SCHEME
        assert again.windows == whole.windows
        assert (again.codes == whole.codes).all()
    assert len(query.reference().to_bytes()) == 135


def test_many_references_are_read_at_once() -> None:
    """`reference_codes` gives the codes of each record, in order."""
    known = [made(picture(seed)).reference() for seed in range(3)]
    codes = reference_codes([one.to_bytes() for one in known])
    assert codes.shape == (3, 2, len(FAMILIES), 32)
    assert (codes == np.stack([one.codes[:, 0] for one in known])).all()
    assert reference_codes([]).shape == (0, 2, len(FAMILIES), 32)


def test_other_records_are_refused() -> None:
    """Bytes of another scheme, cut bytes, and the bytes of a checked picture are refused as a reference."""
    query = made(picture(2))
    record = query.reference().to_bytes()
    for data in (b"", b"AF0" + record[3:], record[:-1], record[:4]):
        with pytest.raises(ValueError, match="fingerprint"):
            Fingerprint.from_bytes(data)
    for data in (b"AF0" + record[3:], record[:-1], query.to_bytes()):
        with pytest.raises(ValueError, match="fingerprint"):
            reference_codes([data])


@pytest.mark.parametrize("size", [(16, 16), (4000, 20), (20, 3000)])
def test_odd_shapes_have_a_fingerprint(size: tuple[int, int]) -> None:
    """Tiny and very long pictures are compared like others."""
    assert made(picture(4, (200, 200)).resize(size)).codes.shape[1:] == (8, 2, 32)


def logo_on(size: tuple[int, int], ground: str) -> Image.Image:
    """Return a mirror-symmetric drawing on a plain ground with a small margin."""
    width, height = size
    image = Image.new("RGB", size, ground)
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.2, height * 0.08, width * 0.8, height * 0.92), fill="navy")
    draw.polygon(
        [(width / 2, height * 0.2), (width * 0.3, height * 0.7), (width * 0.7, height * 0.7)], fill="gold"
    )
    draw.rectangle((width * 0.08, height * 0.4, width * 0.92, height * 0.5), fill="crimson")
    return image
