"""Functions that read uploaded masks and store them as small PNG pictures of one bit a pixel."""

import io

import numpy as np
from PIL import Image

from authcheck.errors import ImageRejected, Rejected
from authcheck.vision.features.foreground import Mask
from authcheck.vision.pictures.decode import Limits, open_picture

STORED_PX = 256  # longer side of a stored mask
ASPECT_TOLERANCE = 0.02
LEAST_SHARE = 0.02  # share of the picture: a smaller mask is a mistake
COUNTS_FROM = 128  # of 255, in lightness or opacity


def read_mask(data: bytes, limits: Limits, width_px: int, height_px: int) -> Mask:
    """Read the mask in an uploaded picture. The mask's longer side has at most 256 px.

    `width_px` and `height_px` are the size of the upright picture that the mask belongs to. White pixels
    count. When part of the upload is transparent, opaque pixels of any colour count. Raises Rejected:
    `mask.unreadable` when the upload is not an accepted picture, `mask.size` when its shape is not the shape
    of the design's picture, `mask.empty` when almost no pixel counts.
    """
    try:
        upload = open_picture(data, limits, detail_px=STORED_PX, grey=True, opacity=True)
    except ImageRejected as error:
        raise Rejected(f"The mask cannot be read: {error}", code="mask.unreadable", why=error.code) from error
    aspect_ratio = upload.width_px * height_px / (upload.height_px * width_px)
    if max(aspect_ratio, 1 / aspect_ratio) > 1 + ASPECT_TOLERANCE:
        raise Rejected(
            f"The mask has {upload.width_px} x {upload.height_px} pixels. The picture has {width_px} x "
            f"{height_px} pixels. Send a mask of the same shape as the picture.",
            code="mask.size",
            mask_width_px=upload.width_px,
            mask_height_px=upload.height_px,
            width_px=width_px,
            height_px=height_px,
        )
    small = upload.image.copy()
    small.thumbnail((STORED_PX, STORED_PX), Image.Resampling.BOX)
    mask = np.asarray(small) >= COUNTS_FROM
    if mask.mean() < LEAST_SHARE:
        raise Rejected(
            "The mask leaves almost nothing of the picture. Paint the design white and the ground black.",
            code="mask.empty",
        )
    return mask


def mask_png(mask: Mask) -> bytes:
    """Return a mask as a PNG of one bit a pixel. White pixels count."""
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def stored_mask(png: bytes) -> Mask:
    """Return the mask in a PNG that `mask_png` wrote.

    Never pass bytes from outside.
    """
    with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
        return np.asarray(image.convert("1"))
