"""Picture -> Features: SIFT points on the lightness and on three colour channels; the only file that runs a detector.

Colour is looked at apart from light because prints keep their colours where folds, shadows and fabric hide their
edges (docs/adr/0009-local-features.md). A design is read twice, the second time at half its size, as a small print
shows it.
"""

import ctypes
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from authcheck.vision.features.features import Descriptors, Features, Places, joined
from authcheck.vision.features.vocabulary import compress

DESIGN_DETAIL_PX = 256  # of the shorter side: what `open_picture` should keep for `of_design`
PICTURE_DETAIL_PX = 480  # and for `of_picture`
MOST_ENLARGED = 2.0
LEAST_SHOWN = 0.1  # share of a picture that its mask shows: below it no more points are looked for
HALF_SIZE_BLUR_PX = 0.8
CHROMA_GAIN = 2.0  # the opponent channels of Lab seldom leave the middle half of their range
DARKEST_SATURATED = 32  # of 255: below it a saturation is mostly noise of the sensor

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # mallopt(3)
KEPT_BYTES = 32 * 1024 * 1024  # the most that glibc takes for the second one

cv2.setNumThreads(1)  # requests and processes are what runs beside each other here


def _keep_memory() -> None:
    """Let glibc keep the memory of SIFT's pyramids: mapping it anew for each picture costs a quarter of the time.

    Other C libraries do so by themselves or have no such call.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(M_TRIM_THRESHOLD, 4 * KEPT_BYTES)


_keep_memory()

Grey = NDArray[np.uint8]
Part = tuple[Places, Descriptors, int]


@dataclass(frozen=True, slots=True)
class Pass:
    """One reading of a picture: its longer side in pixels, and the most points by channel (place in CHANNELS)."""

    side_px: int
    points: dict[int, int]
    blur_px: float = 0.0


DESIGN_PASSES = (
    Pass(256, {0: 120, 1: 60, 2: 60, 3: 60}),
    Pass(128, {0: 30, 1: 15, 2: 15, 3: 15}, HALF_SIZE_BLUR_PX),
)
PICTURE_PASSES = (Pass(640, {0: 1000}), Pass(320, {1: 400, 2: 400, 3: 400}))


def of_design(image: Image.Image, mask: NDArray[np.bool_] | None = None) -> Features:
    """The at most 300 points of a design by which it is found.

    `image` is RGB and upright. `mask` is `(H, W) bool` of any size, laid over the picture: only points where it is
    True are kept.
    """
    return _read(image, DESIGN_PASSES, mask)


def of_picture(image: Image.Image) -> Features:
    """The at most 2,200 points of a submission; `image` is RGB and upright."""
    return _read(image, PICTURE_PASSES, None)


def _read(image: Image.Image, passes: Sequence[Pass], mask: NDArray[np.bool_] | None) -> Features:
    pixels = np.asarray(image.convert("RGB"))
    parts: list[Part] = []
    for reading in passes:
        small = fitted(pixels, reading)
        parts += [
            part
            for channel, most in reading.points.items()
            if len((part := _points(channel_of(small, channel), most, channel, mask))[0])
        ]
    return joined(image.width, image.height, parts)


def fitted(pixels: NDArray[np.uint8], reading: Pass) -> NDArray[np.uint8]:
    """The picture at the size of a reading; small pictures are enlarged, but not without limit."""
    height_px, width_px = pixels.shape[:2]
    factor = min(reading.side_px / max(height_px, width_px), MOST_ENLARGED)
    size = max(1, round(width_px * factor)), max(1, round(height_px * factor))
    if size != (width_px, height_px):
        pixels = cv2.resize(
            pixels, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        ).astype(np.uint8, copy=False)
    return (
        cv2.GaussianBlur(pixels, (0, 0), reading.blur_px).astype(np.uint8, copy=False)
        if reading.blur_px
        else pixels
    )


def channel_of(pixels: NDArray[np.uint8], channel: int) -> Grey:
    """One channel of an RGB picture as `(H, W) uint8`."""
    if channel == 0:
        grey: Grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
        return grey
    if channel == 1:
        high = pixels.max(axis=2).astype(np.float32)
        spread = high - pixels.min(axis=2)
        wide = spread * 255 / np.maximum(high, DARKEST_SATURATED)
    else:
        lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
        wide = lab[..., channel - 1] * CHROMA_GAIN + 128
    narrow: Grey = np.clip(wide, 0, 255).astype(np.uint8)
    return narrow


def _points(grey: Grey, most: int, channel: int, mask: NDArray[np.bool_] | None) -> Part:
    """The `most` strongest points of one channel, strongest first."""
    shown = 1.0 if mask is None else max(float(mask.mean()), LEAST_SHOWN)
    raw, sift = detect(
        grey, round(most / shown)
    )  # so that points of the ground take no place from the design's
    height_px, width_px = grey.shape
    if mask is not None and len(raw):
        rows = np.clip(raw[:, 1] / height_px * mask.shape[0], 0, mask.shape[0] - 1).astype(int)
        columns = np.clip(raw[:, 0] / width_px * mask.shape[1], 0, mask.shape[1] - 1).astype(int)
        kept = np.nonzero(mask[rows, columns])[0][:most]
        raw, sift = raw[kept], sift[kept]
    # OpenCV's pixel centres are whole numbers, so the middle of the picture is half a pixel before half its size.
    raw[:, 0] -= (width_px - 1) / 2
    raw[:, 1] -= (height_px - 1) / 2
    raw[:, :3] /= max(height_px, width_px)
    return raw, compress(sift), channel


def detect(grey: Grey, most: int) -> tuple[Places, NDArray[np.float32]]:
    """SIFT (Lowe 2004): x, y, diameter in pixels and angle in radians `(n, 4)`, descriptors `(n, 128)`; strongest first."""
    found, sift = cv2.SIFT.create(nfeatures=most, contrastThreshold=0.02, edgeThreshold=12).detectAndCompute(
        grey, None
    )
    if not found:
        return np.empty((0, 4), np.float32), np.empty((0, 128), np.float32)
    raw = np.array([(*k.pt, k.size, np.deg2rad(k.angle)) for k in found], np.float32)
    order = np.argsort([-k.response for k in found], kind="stable")[:most]
    return raw[order], np.asarray(sift, np.float32)[order]
