"""The detector: reads SIFT feature points from the lightness and three colour channels of a picture.

No other module runs a detector. Colour channels are separate from lightness because a print keeps its colours
where folds, shadows and fabric hide its edges (docs/adr/0009-local-features.md). A design is read twice: the
second time at half its size, as a small print shows the design.
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

DESIGN_DETAIL_PX = 256  # shorter side that `open_picture` should keep for `of_design`
PICTURE_DETAIL_PX = 480  # shorter side that `open_picture` should keep for `of_picture`
MOST_ENLARGED = 2.0
# A mask that shows a smaller share of the picture does not raise the number of requested points any further.
LEAST_SHOWN = 0.1
HALF_SIZE_BLUR_PX = 0.8
CHROMA_GAIN = 2.0  # the a and b channels of Lab seldom leave the middle half of their range
DARKEST_SATURATED = 32  # of 255: the saturation of a darker pixel is mostly sensor noise

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # mallopt(3)
KEPT_BYTES = 32 * 1024 * 1024  # the largest value that glibc accepts for M_MMAP_THRESHOLD

cv2.setNumThreads(1)  # requests and processes run in parallel already


def _keep_memory() -> None:
    """Make glibc keep the memory of SIFT's pyramids. Mapping it for each picture takes a quarter of the time.

    Other C libraries keep the memory by default, or have no such call.
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
    """One reading of a picture: its longer side in pixels, and the limit of points for each channel.

    The keys of `points` are places in CHANNELS.
    """

    side_px: int
    points: dict[int, int]
    blur_px: float = 0.0


DESIGN_PASSES = (
    Pass(256, {0: 120, 1: 60, 2: 60, 3: 60}),
    Pass(128, {0: 30, 1: 15, 2: 15, 3: 15}, HALF_SIZE_BLUR_PX),
)
PICTURE_PASSES = (Pass(640, {0: 700}), Pass(320, {1: 250, 2: 350, 3: 350}))


def of_design(image: Image.Image, mask: NDArray[np.bool_] | None = None) -> Features:
    """Return the feature points of a design, at most 375.

    `image` is RGB and upright. `mask` is `(H, W) bool` of any size and is stretched over the picture. Only
    points where the mask is True are kept.
    """
    return _read(image, DESIGN_PASSES, mask)


def of_picture(image: Image.Image) -> Features:
    """Return the feature points of a submitted picture, at most 1,650. `image` is RGB and upright."""
    return _read(image, PICTURE_PASSES, None)


def _read(image: Image.Image, passes: Sequence[Pass], mask: NDArray[np.bool_] | None) -> Features:
    pixels = np.asarray(image.convert("RGB"))
    parts: list[Part] = []
    for reading in passes:
        resized = fitted(pixels, reading)
        parts += [
            part
            for channel, limit in reading.points.items()
            if len((part := _find_points(channel_of(resized, channel), limit, channel, mask))[0])
        ]
    return joined(image.width, image.height, parts)


def fitted(pixels: NDArray[np.uint8], reading: Pass) -> NDArray[np.uint8]:
    """Return the picture at the size of a reading. Small pictures are enlarged by at most MOST_ENLARGED."""
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
    """Return one channel of an RGB picture as `(H, W) uint8`. `channel` is a place in CHANNELS."""
    if channel == 0:
        grey: Grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
        return grey
    if channel == 1:
        highest = pixels.max(axis=2).astype(np.float32)
        spread = highest - pixels.min(axis=2)
        values = spread * 255 / np.maximum(highest, DARKEST_SATURATED)
    else:
        lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
        values = lab[..., channel - 1] * CHROMA_GAIN + 128
    clipped: Grey = np.clip(values, 0, 255).astype(np.uint8)
    return clipped


def _find_points(grey: Grey, limit: int, channel: int, mask: NDArray[np.bool_] | None) -> Part:
    """Return the `limit` strongest points of one channel that the mask shows, strongest first."""
    shown_share = 1.0 if mask is None else max(float(mask.mean()), LEAST_SHOWN)
    # With a mask, request more points, so that points of the ground do not displace the design's points.
    places, sift = detect(grey, round(limit / shown_share))
    height_px, width_px = grey.shape
    if mask is not None and len(places):
        rows = np.clip(places[:, 1] / height_px * mask.shape[0], 0, mask.shape[0] - 1).astype(int)
        columns = np.clip(places[:, 0] / width_px * mask.shape[1], 0, mask.shape[1] - 1).astype(int)
        shown = np.nonzero(mask[rows, columns])[0][:limit]
        places, sift = places[shown], sift[shown]
    # In OpenCV, the centre of a pixel has whole coordinates. So the middle of a picture is at (size - 1) / 2.
    places[:, 0] -= (width_px - 1) / 2
    places[:, 1] -= (height_px - 1) / 2
    places[:, :3] /= max(height_px, width_px)
    return places, compress(sift), channel


def detect(grey: Grey, most: int) -> tuple[Places, NDArray[np.float32]]:
    """Find the `most` strongest SIFT points (Lowe 2004), strongest first.

    Returns `(n, 4) float32` of x, y and diameter in pixels and angle in radians, and descriptors `(n, 128)`.
    """
    detector = cv2.SIFT.create(nfeatures=most, contrastThreshold=0.02, edgeThreshold=12)
    keypoints, sift = detector.detectAndCompute(grey, None)
    if not keypoints:
        return np.empty((0, 4), np.float32), np.empty((0, 128), np.float32)
    places = np.array([(*point.pt, point.size, np.deg2rad(point.angle)) for point in keypoints], np.float32)
    order = np.argsort([-point.response for point in keypoints], kind="stable")[:most]
    return places[order], np.asarray(sift, np.float32)[order]
