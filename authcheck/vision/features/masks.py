"""Foreground masks in files: read from what an owner uploads, kept as small PNG pictures of one bit a pixel."""

import io

import numpy as np
from PIL import Image

from authcheck.errors import ImageRejected, Rejected
from authcheck.vision.features.foreground import Mask
from authcheck.vision.pictures.decode import Limits, open_picture

STORED_PX = 256  # longer side of a stored mask
ASPECT_TOLERANCE = 0.02
LEAST_SHARE = 0.02  # of the picture: less is no mask but a mistake
COUNTS_FROM = 128  # of 255, in lightness or opacity


def read_mask(data: bytes, limits: Limits, width_px: int, height_px: int) -> Mask:
    """The mask in an uploaded picture for a design's picture of that (upright) size, the longer side at most 256 px.

    White counts; where part of the upload is transparent, what is opaque counts, whatever its colour. Raises Rejected:
    `mask.unreadable` where it is no picture that is accepted, `mask.size` where its shape is not the design picture's,
    `mask.empty` where (nearly) nothing counts.
    """
    try:
        picture = open_picture(data, limits, detail_px=STORED_PX, grey=True, opacity=True)
    except ImageRejected as error:
        raise Rejected(f"The mask cannot be read: {error}", code="mask.unreadable", why=error.code) from error
    aspect = picture.width_px * height_px / (picture.height_px * width_px)
    if max(aspect, 1 / aspect) > 1 + ASPECT_TOLERANCE:
        raise Rejected(
            f"The mask has {picture.width_px} x {picture.height_px} pixels and the picture {width_px} x {height_px}: "
            "they must be of the same shape.",
            code="mask.size",
            mask_width_px=picture.width_px,
            mask_height_px=picture.height_px,
            width_px=width_px,
            height_px=height_px,
        )
    small = picture.image.copy()
    small.thumbnail((STORED_PX, STORED_PX), Image.Resampling.BOX)
    mask = np.asarray(small) >= COUNTS_FROM
    if mask.mean() < LEAST_SHARE:
        raise Rejected("The mask leaves (nearly) nothing of the picture.", code="mask.empty")
    return mask


def mask_png(mask: Mask) -> bytes:
    """A mask as a PNG of one bit a pixel: white counts."""
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def stored_mask(png: bytes) -> Mask:
    """The mask in a PNG of `mask_png`; not for bytes of a stranger."""
    with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
        return np.asarray(image.convert("1"))
