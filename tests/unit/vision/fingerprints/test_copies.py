"""Distances between copies of one picture."""

from collections.abc import Callable

import make
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from authcheck.vision.fingerprints import copies, fingerprint
from authcheck.vision.fingerprints.fingerprint import FAMILIES, Fingerprint


def seen(image: Image.Image, quality: int = 90) -> Fingerprint:
    """Return the fingerprint of a picture that was saved as a JPEG."""
    return fingerprint.read(make.encode(image, "JPEG", quality=quality))[1]


def distance(picture: Image.Image, first: Image.Image) -> int:
    """Return the distance of a picture to another one that is stored."""
    return int(copies.measure(seen(picture), [seen(first).reference().to_bytes()])[0])


def photograph(seed: int) -> Image.Image:
    """Return a photograph of one print. Every seed gives another place and ground."""
    design, middle = make.picture(3), (380 + 20 * seed, 320 - 10 * seed)
    place = make.quad(design, middle, 420, angle_deg=5 * seed)
    return make.printed(design, place, make.busy_ground(seed), seed=seed).resize((320, 256))


def marked(image: Image.Image) -> Image.Image:
    """Return a copy with a badge in the corner and a banner at the bottom."""
    copy = image.copy()
    draw = ImageDraw.Draw(copy)
    draw.ellipse((5, 5, 55, 55), "red")
    draw.rectangle((0, 235, 320, 256), "navy")
    return copy


def thing_on_white(seed: int) -> Image.Image:
    """Return a small thing on a pure white ground. Every seed gives another thing."""
    ground = Image.new("RGB", (500, 500), "white")
    ground.paste(make.picture(seed).resize((110, 90)), (195, 205))
    return ground


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "saved again": lambda image: image,
    "smaller": lambda image: image.resize((130, 104)),
    "lit": lambda image: ImageEnhance.Contrast(ImageEnhance.Brightness(image).enhance(1.15)).enhance(0.85),
    "grey": lambda image: image.convert("L"),
    "marked": marked,
    "bordered": lambda image: ImageOps.expand(image, 30, "white"),
    "mirrored": ImageOps.mirror,
    "turned": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "cropped": lambda image: image.crop((4, 3, 317, 254)),
}


@pytest.mark.parametrize("edit", EDITS)
def test_copies_are_within_the_radius(edit: str) -> None:
    """A copy of a picture is near the picture, whichever of the two came first."""
    photo = photograph(1)
    copy = EDITS[edit](photo)
    assert max(distance(copy, photo), distance(photo, copy)) <= copies.RADIUS_BITS


def test_two_photographs_of_one_product_are_no_copies() -> None:
    """The same print on other grounds, turned and moved, is another photograph."""
    photos = [photograph(seed) for seed in range(3)]
    assert all(distance(one, other) > 50 for one in photos for other in photos if one is not other)


def test_a_white_ground_makes_no_copies() -> None:
    """Two small things on white have nearly the same bits, because white gives none. They are no copies."""
    one, other = seen(thing_on_white(3)), seen(thing_on_white(4))
    family = FAMILIES.index("dhash")
    assert np.bitwise_count(one.codes[0, 0, family] ^ other.codes[0, 0, family]).sum() < 10
    assert copies.measure(one, [other.reference().to_bytes()])[0] > 2 * copies.RADIUS_BITS
    saved_again = seen(thing_on_white(3), 60)
    assert copies.measure(saved_again, [one.reference().to_bytes()])[0] <= copies.RADIUS_BITS


def test_a_large_plain_ground_counts_less() -> None:
    """A difference in the thing weighs as much as in a picture without a ground."""
    one, other = (ImageOps.expand(make.picture(seed), 90, "white") for seed in (1, 2))
    codes = [seen(image).codes[0, 0, FAMILIES.index("dhash")] for image in (one, other)]
    raw_bits = int(np.bitwise_count(codes[0] ^ codes[1]).sum())
    whole_alone = [Fingerprint("", ("whole",), seen(image).codes[:1]) for image in (one, other)]
    assert copies.measure(whole_alone[0], [whole_alone[1].reference().to_bytes()])[0] > 1.3 * raw_bits


def test_a_picture_without_slopes_has_no_copies() -> None:
    """A picture of one tone from left to right gives dhash nothing, and is not near even itself."""
    stripes = Image.fromarray(np.repeat(np.arange(256, dtype=np.uint8)[:, None], 256, axis=1))
    flat = Fingerprint("", ("whole",), np.zeros((1, 8, 2, 32), np.uint8))
    assert copies.measure(flat, [flat.reference().to_bytes()]).tolist() == [256]
    assert distance(stripes, stripes) == 0  # turned by a quarter it has slopes


def test_many_are_measured_as_one_by_one() -> None:
    """The order of the records is that of the distances."""
    query = seen(ImageOps.expand(make.picture(1), 20, "white"))
    records = [seen(make.picture(seed)).reference().to_bytes() for seed in range(5)]
    together = copies.measure(query, records)
    assert together.tolist() == [int(copies.measure(query, [record])[0]) for record in records]
    assert together.argmin() == 1
    assert together[1] <= copies.RADIUS_BITS < np.delete(together, 1).min()


def test_a_whole_fingerprint_is_no_record() -> None:
    """Only reference records are stored in clusters."""
    picture = seen(make.picture())
    with pytest.raises(ValueError, match="registered pictures"):
        copies.measure(picture, [picture.to_bytes()])
