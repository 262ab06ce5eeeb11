"""The thumbnail of a design: size, mask, margins, and invalid bytes."""

import io

import make
import numpy as np
import pytest
from PIL import Image

from authcheck.vision.features.thumbnail import LEAST_PX, SIDE_PX, Thumbnail, thumbnail_bytes


@pytest.mark.parametrize(
    ("size", "small"),
    [((600, 400), (128, 85)), ((64, 64), (128, 128)), ((20_000, 16), (128, 8)), ((16, 3000), (8, 128))],
)
def test_the_longer_side_is_given(size: tuple[int, int], small: tuple[int, int]) -> None:
    """The longer side has 128 pixels and the shorter at least 8, however long the strip."""
    kept = Thumbnail.from_bytes(thumbnail_bytes(make.picture(1).resize(size), None))
    assert kept.pixels.shape == (small[1], small[0], 3)
    assert kept.counts.shape == (small[1], small[0])
    assert kept.counts.all()
    assert max(small) == SIDE_PX
    assert min(small) >= LEAST_PX


def test_it_looks_like_the_design_and_is_small() -> None:
    """The thumbnail differs by a few grey levels, takes some kilobytes, and has the same bytes each time."""
    image = make.fixture("nw-001")
    data = thumbnail_bytes(image, None)
    kept = Thumbnail.from_bytes(data)
    wanted = np.asarray(image.resize((128, 85), Image.Resampling.BOX), np.float64)
    assert np.abs(kept.pixels - wanted).mean() < 4
    assert len(data) < 6000
    assert thumbnail_bytes(image, None) == data


@pytest.mark.parametrize("shape", [(4, 6), (200, 300)])
def test_a_mask_of_any_size_says_what_counts(shape: tuple[int, int]) -> None:
    """The mask is exact to a pixel. The part outside the mask keeps its colours."""
    mask = np.zeros(shape, np.bool_)
    mask[:, : shape[1] // 2] = True
    image = make.fixture("nw-001")
    kept = Thumbnail.from_bytes(thumbnail_bytes(image, mask))
    assert kept.counts[:, :63].all()
    assert not kept.counts[:, 65:].any()
    plain = Thumbnail.from_bytes(thumbnail_bytes(image, None))
    assert np.abs(kept.pixels[:, 70:].astype(int) - plain.pixels[:, 70:]).mean() < 6


def test_margins_are_not_content() -> None:
    """A mark on white is cut out. A drawing that fills its sheet keeps it all."""
    sheet = Image.new("RGB", (400, 400), "white")
    sheet.paste(make.picture(3).resize((200, 100)), (100, 200))
    box = Thumbnail.from_bytes(thumbnail_bytes(sheet, None)).content()
    assert box == pytest.approx((0.25, 0.5, 0.75, 0.75), abs=0.03)
    assert Thumbnail.from_bytes(thumbnail_bytes(make.busy_ground(3), None)).content() == (0, 0, 1, 1)


def png() -> bytes:
    """Return a good picture of another format."""
    stream = io.BytesIO()
    make.picture(1).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize("data", [b"", b"RIFF\0\0\0\0WEBP", b"junk" * 20, png()])
def test_other_bytes_are_refused(data: bytes) -> None:
    """Only a complete WebP is accepted."""
    with pytest.raises(ValueError, match="damaged thumbnail"):
        Thumbnail.from_bytes(data)
