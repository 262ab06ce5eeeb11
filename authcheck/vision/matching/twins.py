"""Twins: two registered pictures of one art, such as a print file and its version for the web.

A check finds a design however a picture of it is turned or mirrored. So a turned picture is a twin, too.

Sisters are other arts of one family. They share parts, and a part differs. The hashes of sisters can be as
near as the hashes of twins, so the small copies of both pictures are compared pixel by pixel. The figures
were tried on the sample designs: as JPEG, as CMYK and brighter, each of 73 designs is a twin of itself, and
no design is a twin of its sister.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from authcheck.vision.features.thumbnail import Thumbnail
from authcheck.vision.fingerprints.fingerprint import TILE_SIDE, Codes, codes_of, reference_codes
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


def near_records(
    record: bytes, thumbnail: Thumbnail, others: Sequence[bytes]
) -> list[tuple[int, list[Thumbnail]]]:
    """Return the places of the fingerprints among `others` that are near a picture, the nearest first.

    With each place, return the picture's `thumbnail` in the orientations in which the picture is near.
    `record` and `others` are references of registered pictures, upright. Raises ValueError for a record of
    another scheme.
    """
    if not others:
        return []
    other_codes = _as_words(reference_codes(others))
    turned_codes = _turned_codes(record, thumbnail)
    joint = np.stack([_joint_distances(windows, other_codes) for windows in turned_codes], axis=1)
    nearest_first = np.argsort(joint.min(axis=1), kind="stable")
    near = joint <= MOST_JOINT_BITS
    return [
        (int(place), [_turned(thumbnail, int(number)) for number in np.flatnonzero(near[place])])
        for place in nearest_first
        if near[place].any()
    ]


def _turned_codes(record: bytes, thumbnail: Thumbnail) -> NDArray[np.uint64]:
    """Return the codes of a picture in eight orientations: upright of its record, else of its small copy."""
    grey = Image.fromarray(thumbnail.pixels).convert("L")
    left, top, right, bottom = thumbnail.content()
    box = left * grey.width, top * grey.height, right * grey.width, bottom * grey.height
    size = TILE_SIDE, TILE_SIDE
    tiles = [grey.resize(size, Image.Resampling.BOX), grey.resize(size, Image.Resampling.BOX, box=box)]
    codes = codes_of(tiles).swapaxes(0, 1).copy()  # orientations, windows, families, bytes
    codes[0] = reference_codes([record])[0]
    return _as_words(codes)


def _as_words(codes: Codes) -> NDArray[np.uint64]:
    """Return codes in words of 64 bits, whose bits are counted eight times as fast."""
    return np.ascontiguousarray(codes).view(np.uint64)


def _joint_distances(windows: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Return the least joint distance of any two windows, for each of the others that may be near.

    The distance of the second family alone rules out almost all of them, in half the time.
    """
    distances = np.full(len(others), MOST_JOINT_BITS + 1, np.int32)
    second = _count_bits(others[:, None, :, 1] ^ windows[None, :, None, 1])
    rows = np.flatnonzero(second.min(axis=(1, 2), initial=MOST_JOINT_BITS + 1) <= MOST_JOINT_BITS)
    first = _count_bits(others[rows][:, None, :, 0] ^ windows[None, :, None, 0])
    distances[rows] = joint_bits(first, second[rows]).min(axis=(1, 2))
    return distances


def _count_bits(words: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Return the number of bits in the four words of each code."""
    counts = np.bitwise_count(words).astype(np.int32)
    bits = counts[..., 0] + counts[..., 1] + counts[..., 2] + counts[..., 3]  # faster than sum
    return np.asarray(bits, np.int32)


def _turned(thumbnail: Thumbnail, orientation: int) -> Thumbnail:
    """Return a small copy with the orientation at this place of ORIENTATIONS undone."""
    across, down = -1 if orientation & 1 else 1, -1 if orientation & 2 else 1
    pixels, counts = thumbnail.pixels, thumbnail.counts
    if orientation & 4:
        pixels, counts = pixels.swapaxes(0, 1), counts.swapaxes(0, 1)
    return Thumbnail(np.ascontiguousarray(pixels[::down, ::across]), counts[::down, ::across])


def show_one_art(turned: Sequence[Thumbnail], other: Thumbnail, *, in_colour: bool = True) -> bool:
    """Return whether a picture in one of these orientations shows the art of another picture.

    Plain margins do not matter. Colours do not matter unless `in_colour`. Lightness always does.
    """
    if not in_colour:
        turned, other = [_without_colour(thumbnail) for thumbnail in turned], _without_colour(other)
    return any(_agree(first, other) for first in turned)


def _without_colour(thumbnail: Thumbnail) -> Thumbnail:
    grey = Image.fromarray(thumbnail.pixels).convert("L").convert("RGB")
    return Thumbnail(np.asarray(grey), thumbnail.counts)


def _agree(first: Thumbnail, second: Thumbnail) -> bool:
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
