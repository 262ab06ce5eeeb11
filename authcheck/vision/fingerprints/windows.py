"""The parts of a picture where a design may be: the whole, the inside of a plain border, plates, panels.

Pure geometry on a small grey copy, squashed to `SIDE` x `SIDE` pixels. Boxes are (left, top, right, bottom)
in pixels of this copy. This module knows nothing about hashes.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Grey = NDArray[np.uint8]
Box = tuple[int, int, int, int]

SIDE = 128
NAMES = ("whole", "trimmed", "plate", "panel")
PLATES = 2
PANELS = 4

# A line is plain if all but a share of STRAYS of its pixels are this near its mean. The tolerance is above
# JPEG noise and below a drawn edge.
TOLERANCE = 20
STRAYS = 0.02
LEAST_SIDE = 14
LEAST_GUTTER = 2  # a single plain line may be a hair in the drawing
SAME_BOX = 0.85  # intersection over union from which two boxes count as the same
DEEPEST_CUT = 4


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a picture that is compared on its own. `name` is one of NAMES."""

    name: str
    box: Box


@dataclass(frozen=True, slots=True)
class _Lines:
    """Rows or columns of a block: which are of one colour except for a few pixels, and their mean greys."""

    plain: NDArray[np.bool_]
    level: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Part:
    """A box without plain borders, with its rows and columns."""

    box: Box
    rows: _Lines
    columns: _Lines


WHOLE = Window("whole", (0, 0, SIDE, SIDE))


def find_windows(grey: Grey) -> list[Window]:
    """Return the windows of a `(SIDE, SIDE) uint8` grey picture: whole, trimmed, plates and panels.

    There are at most two plates and four panels. "trimmed" is second where there is a plain border. When two
    boxes nearly coincide, only the first is kept.
    """
    part = _trim(grey, WHOLE.box)
    windows = [WHOLE]
    if part and part.box != WHOLE.box:
        windows.append(Window("trimmed", part.box))
    candidates = [Window("plate", box) for box in _find_plates(grey)]
    candidates += [Window("panel", box) for box in _find_panels(grey, part)] if part else []
    for candidate in candidates:
        if all(_compute_overlap(candidate.box, window.box) < SAME_BOX for window in windows):
            windows.append(candidate)
    return windows


def _trim(grey: Grey, box: Box) -> _Part | None:
    """Return the box without its plain borders, also nested ones. Returns None when only a speck is left."""
    left, top, right, bottom = box
    while True:
        rows = _read_lines(grey[top:bottom, left:right])
        start, end = _find_inside(rows)
        top, bottom = top + start, top + end
        if bottom - top < LEAST_SIDE:
            return None
        columns = _read_lines(grey[top:bottom, left:right].T)
        first, last = _find_inside(columns)
        left, right = left + first, left + last
        if right - left < LEAST_SIDE:
            return None
        if (end - start, last - first) == (len(rows.level), len(columns.level)):
            return _Part((left, top, right, bottom), rows, columns)


def _read_lines(block: Grey) -> _Lines:
    """Return the rows of a block. All sums are of whole numbers, so every machine gives the same result."""
    pixels = block.astype(np.float32)
    ones = np.ones(pixels.shape[1], np.float32)
    level = (pixels @ ones) / np.float32(len(ones))
    strays = (np.abs(pixels - level[:, None]) > TOLERANCE).astype(np.float32) @ ones
    return _Lines(strays <= STRAYS * len(ones), level)


def _find_inside(lines: _Lines) -> tuple[int, int]:
    """Return the range of lines between the plain margins at both ends, each of its own colour."""
    start, end = _count_margin(lines.plain, lines.level), _count_margin(lines.plain[::-1], lines.level[::-1])
    return start, max(start, len(lines.level) - end)


def _count_margin(plain: NDArray[np.bool_], level: NDArray[np.float32]) -> int:
    """Return the number of leading lines that are plain and have the colour of the first line."""
    if not plain[0]:
        return 0
    is_inside = ~plain | (np.abs(level - level[0]) > TOLERANCE)
    return int(is_inside.argmax()) if is_inside.any() else len(is_inside)


def _find_panels(grey: Grey, whole: _Part) -> list[Box]:
    """Return the parts that plain gutters separate (a recursive X-Y cut), largest first."""
    boxes: list[Box] = []
    pending = [(half, 1) for half in _split(whole)]
    while pending:
        half, depth = pending.pop()
        part = _trim(grey, half)
        if part is None:
            continue
        boxes.append(part.box)
        if depth < DEEPEST_CUT:
            pending += [(half, depth + 1) for half in _split(part)]
    return sorted(boxes, key=lambda box: (-_compute_area(box), box))[:PANELS]


def _split(part: _Part) -> list[Box]:
    """Return the two sides of the widest plain gutter across the part, without sides that are too small."""
    left, top, right, bottom = part.box
    across, down = _find_gutter(part.rows), _find_gutter(part.columns)
    wide, tall = down[1] - down[0], across[1] - across[0]
    if max(wide, tall) < LEAST_GUTTER:
        return []
    if tall >= wide:
        sides = [(left, top, right, top + across[0]), (left, top + across[1], right, bottom)]
    else:
        sides = [(left, top, left + down[0], bottom), (left + down[1], top, right, bottom)]
    return [side for side in sides if min(side[2] - side[0], side[3] - side[1]) >= LEAST_SIDE]


def _find_gutter(lines: _Lines) -> tuple[int, int]:
    """Return the longest run of plain lines of one colour that touches neither end, or (0, 0)."""
    plain, level = lines.plain, lines.level
    if not plain.any():
        return 0, 0
    steps = (plain[1:] != plain[:-1]) | (np.abs(np.diff(level)) > TOLERANCE)
    breaks = [0, *(np.nonzero(steps)[0] + 1).tolist(), len(level)]
    runs = [
        (start, end) for start, end in pairwise(breaks) if plain[start] and start > 0 and end < len(level)
    ]
    return max(runs, key=lambda run: run[1] - run[0], default=(0, 0))


def _find_plates(grey: Grey) -> list[Box]:
    """Return the boxes of plates: flat, even grounds inside a picture, such as a sticker on a photo.

    A plate is the extent of the most common flat colour, without specks. The plate's own plain margin is
    trimmed.
    """
    flat = np.zeros(grey.shape, np.bool_)
    grey_levels = grey.astype(np.int16)
    across, down = np.abs(np.diff(grey_levels, axis=1)) <= 6, np.abs(np.diff(grey_levels, axis=0)) <= 6  # noqa: PLR2004
    flat[:-1, :-1] = across[:-1] & across[1:] & down[:, :-1] & down[:, 1:]
    counts = np.bincount(grey[flat], minlength=256)
    boxes = []
    for _ in range(PLATES):
        near = np.convolve(counts, np.ones(9, np.int64), "same")
        colour = int(near.argmax())
        if near[colour] < 0.02 * SIDE * SIDE:
            break
        box = _find_extent(flat & (np.abs(grey_levels - colour) <= 10))  # noqa: PLR2004
        part = _trim(grey, box) if box else None
        if part:
            boxes.append(part.box)
        counts[max(0, colour - 12) : colour + 13] = 0
    return boxes


def _find_extent(mask: NDArray[np.bool_]) -> Box | None:
    """Return the box around the larger connected parts of the mask, or None when the box is no plate.

    A plate has a minimum size, does not fill the picture, and its colour fills a minimum share of its box.
    """
    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    is_large = (sizes >= max(12, 0.05 * sizes.max()))[labels]
    rows, columns = np.nonzero(is_large.any(axis=1))[0], np.nonzero(is_large.any(axis=0))[0]
    if not len(rows):
        return None
    # A flat pixel also covers its right and lower neighbour. The edge of the plate itself stays outside.
    left, top, right, bottom = columns[0] + 1, rows[0] + 1, columns[-1] + 1, rows[-1] + 1
    area = (right - left) * (bottom - top)
    if (
        min(right - left, bottom - top) < LEAST_SIDE
        or area > 0.88 * SIDE * SIDE
        or is_large.sum() < 0.2 * area
    ):
        return None
    return int(left), int(top), int(right), int(bottom)


def _compute_area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _compute_overlap(first: Box, second: Box) -> float:
    """Return intersection over union."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(width, 0) * max(height, 0)
    return shared / (_compute_area(first) + _compute_area(second) - shared)
