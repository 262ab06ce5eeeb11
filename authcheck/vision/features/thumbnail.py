"""The small copy of a design's picture, for comparisons of pixels."""

import io
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from authcheck.vision.fingerprints.windows import SIDE, find_windows

SIDE_PX = 128  # longer side
LEAST_PX = 8  # least shorter side
QUALITY = 85
OPAQUE = 255

Rgb = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small copy: `pixels` is `(h, w, 3) uint8` sRGB. `counts` is `(h, w) bool`, True within the design."""

    pixels: Rgb
    counts: NDArray[np.bool_]

    def content(self) -> tuple[float, float, float, float]:
        """Return the box without plain margins: left, top, right, bottom as shares of width and height."""
        grey = Image.fromarray(self.pixels).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
        trimmed = [window.box for window in find_windows(np.asarray(grey)) if window.name == "trimmed"]
        left, top, right, bottom = trimmed[0] if trimmed else (0, 0, SIDE, SIDE)
        return left / SIDE, top / SIDE, right / SIDE, bottom / SIDE

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read the bytes of `thumbnail_bytes`. Raises ValueError for other bytes."""
        try:
            with Image.open(io.BytesIO(data), formats=("WEBP",)) as image:
                rgba = np.asarray(image.convert("RGBA"))
        except OSError as error:
            raise ValueError("This is a damaged thumbnail.") from error
        return cls(np.ascontiguousarray(rgba[..., :3]), rgba[..., 3] > OPAQUE // 2)


def thumbnail_bytes(image: Image.Image, mask: NDArray[np.bool_] | None) -> bytes:
    """Return a picture as a WebP of about 3 KB. A mask `(H, W)` of any size becomes the alpha channel."""
    factor = SIDE_PX / max(image.size)
    size = max(LEAST_PX, round(image.width * factor)), max(LEAST_PX, round(image.height * factor))
    small = image.convert("RGB").resize(
        size, Image.Resampling.BOX if factor < 1 else Image.Resampling.BILINEAR
    )
    if mask is not None:
        small.putalpha(Image.fromarray(mask.astype(np.uint8) * OPAQUE).resize(size, Image.Resampling.NEAREST))
    file = io.BytesIO()
    small.save(file, "WEBP", quality=QUALITY, exact=True)
    return file.getvalue()
