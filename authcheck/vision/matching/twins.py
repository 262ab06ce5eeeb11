"""Twins: two registered pictures of one art, such as a print file and its version for the web.

Sisters are other arts of one family. They share parts, and a part differs. The hashes of sisters can be as
near as the hashes of twins, so the small copies of both pictures are compared pixel by pixel. The figures
were tried on the sample designs: as JPEG, as CMYK and brighter, each of 73 designs is a twin of itself, and
no design is a twin of its sister.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from authcheck.vision.features.thumbnail import Thumbnail
from authcheck.vision.fingerprints.fingerprint import reference_codes
from authcheck.vision.fingerprints.score import joint_bits

MOST_JOINT_BITS = 88  # the hashes alone call pictures up to this distance a match
SIDE_PX = 128  # both pictures are compared at this size
BLUR_PX = 0.8  # a sigma: the edges of two renderings are never equal
SHIFT_PX = 1  # how far a detail may be from its place
TRIMMED_SHIFT_PX = 2  # the same where plain margins were cut off, which is exact to a 64th of the picture
OTHER_COLOUR = 30.0  # of 255: pixels that differ more show something else
SMALLEST_PART = 0.0008  # of the picture: smaller differences are noise
LEAST_COMPARED = 0.5  # share of the design within both masks
BOX_SLACK = 1 / 64  # boxes of drawn parts that differ no more are the same box
WHOLE_PICTURE = (0.0, 0.0, 1.0, 1.0)

Box = Sequence[float]  # left, top, right, bottom as shares of width and height
Floats = NDArray[np.float32]


def near_records(record: bytes, others: Sequence[bytes]) -> list[int]:
    """Return the places of the fingerprints among `others` that are near `record`, the nearest first.

    All are references of registered pictures, upright. Raises ValueError for a record of another scheme.
    """
    if not others:
        return []
    windows, other_windows = reference_codes([record])[0], reference_codes(others)
    differing = other_windows[:, None] ^ windows[None, :, None]  # others, windows, windows, families, bytes
    bits = np.bitwise_count(differing).sum(axis=-1, dtype=np.int32)
    joint = joint_bits(bits[..., 0], bits[..., 1]).min(axis=(1, 2))
    nearest_first = np.argsort(joint, kind="stable")
    places: list[int] = nearest_first[joint[nearest_first] <= MOST_JOINT_BITS].tolist()
    return places


def show_one_art(first: Thumbnail, second: Thumbnail) -> bool:
    """Return whether two pictures show one art, whatever their plain margins are."""
    if _are_alike(first, second, (WHOLE_PICTURE, WHOLE_PICTURE), SHIFT_PX):
        return True
    boxes = first.content(), second.content()
    has_other_margins = max(abs(one - other) for one, other in zip(*boxes, strict=True)) > BOX_SLACK
    return has_other_margins and _are_alike(first, second, boxes, TRIMMED_SHIFT_PX)


def _are_alike(first: Thumbnail, second: Thumbnail, boxes: tuple[Box, Box], shift_px: int) -> bool:
    """Return whether no part of two pictures differs within these boxes."""
    pixels, counts = _cut(first, boxes[0])
    other_pixels, other_counts = _cut(second, boxes[1])
    compared = counts & other_counts
    if compared.mean() < LEAST_COMPARED * max(counts.mean(), other_counts.mean()):
        return False
    apart = np.minimum(
        _measure_distance(pixels, other_pixels, shift_px), _measure_distance(other_pixels, pixels, shift_px)
    )
    differs = ((apart > OTHER_COLOUR) & compared).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(differs)
    largest_part = int(stats[1:, cv2.CC_STAT_AREA].max(initial=0))
    return largest_part <= SMALLEST_PART * SIDE_PX**2


def _cut(thumbnail: Thumbnail, box: Box) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the pixels in the box and whether they count, both as a square of SIDE_PX."""
    height_px, width_px = thumbnail.counts.shape
    left, top = round(box[0] * width_px), round(box[1] * height_px)
    right, bottom = max(round(box[2] * width_px), left + 1), max(round(box[3] * height_px), top + 1)
    size = SIDE_PX, SIDE_PX
    pixels = cv2.resize(thumbnail.pixels[top:bottom, left:right], size, interpolation=cv2.INTER_AREA)
    counts = thumbnail.counts[top:bottom, left:right].astype(np.uint8)
    blurred = cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), BLUR_PX)
    return np.asarray(blurred, np.float32), cv2.resize(counts, size, interpolation=cv2.INTER_NEAREST).astype(
        np.bool_
    )


def _measure_distance(pixels: Floats, expected: Floats, shift_px: int) -> Floats:
    """Return how far the colour of each pixel is from all colours around its place in the other picture."""
    kernel = np.ones((2 * shift_px + 1, 2 * shift_px + 1), np.uint8)
    low, high = cv2.erode(expected, kernel), cv2.dilate(expected, kernel)
    outside = np.maximum(np.maximum(low - pixels, pixels - high), 0)
    return np.asarray(outside.max(axis=2), np.float32)
