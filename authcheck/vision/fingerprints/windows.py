"""Where in a picture a design may stand: the whole of it, what its plain border encloses, plates and panels.

Pure geometry on a small grey copy, squashed to `SIDE` x `SIDE` pixels; boxes are (left, top, right, bottom) in its
units. Nothing here knows about hashes.
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

# A line is plain if all but a share of STRAYS of its pixels are this near its mean: above JPEG noise, below a drawn edge.
TOLERANCE = 20
STRAYS = 0.02
LEAST_SIDE = 14
LEAST_GUTTER = 2  # one line may be a hair in the drawing
SAME_BOX = 0.85  # overlap over union from which two boxes are one
DEEPEST_CUT = 4


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a picture to compare on its own; `name` is one of NAMES."""

    name: str
    box: Box


@dataclass(frozen=True, slots=True)
class _Lines:
    """Rows or columns of a block: which have one colour but for a few pixels, and the mean grey of each."""

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
    """The windows of a `(SIDE, SIDE) uint8` grey picture: whole, trimmed, at most two plates, at most four panels.

    "trimmed" comes second where there is a plain border. Of two boxes that nearly coincide the first is kept.
    """
    part = _trimmed(grey, WHOLE.box)
    windows = [WHOLE]
    if part and part.box != WHOLE.box:
        windows.append(Window("trimmed", part.box))
    found = [Window("plate", box) for box in _plates(grey)]
    found += [Window("panel", box) for box in _panels(grey, part)] if part else []
    for window in found:
        if all(_overlap(window.box, kept.box) < SAME_BOX for kept in windows):
            windows.append(window)
    return windows


def _trimmed(grey: Grey, box: Box) -> _Part | None:
    """The box without its plain borders, one inside another too; None where no more than a speck is left."""
    left, top, right, bottom = box
    while True:
        rows = _lines(grey[top:bottom, left:right])
        start, end = _inside(rows)
        top, bottom = top + start, top + end
        if bottom - top < LEAST_SIDE:
            return None
        columns = _lines(grey[top:bottom, left:right].T)
        first, last = _inside(columns)
        left, right = left + first, left + last
        if right - left < LEAST_SIDE:
            return None
        if (end - start, last - first) == (len(rows.level), len(columns.level)):
            return _Part((left, top, right, bottom), rows, columns)


def _lines(block: Grey) -> _Lines:
    """The rows of a block. All sums are of whole numbers, so every machine gives the same."""
    pixels = block.astype(np.float32)
    ones = np.ones(pixels.shape[1], np.float32)
    level = (pixels @ ones) / np.float32(len(ones))
    strays = (np.abs(pixels - level[:, None]) > TOLERANCE).astype(np.float32) @ ones
    return _Lines(strays <= STRAYS * len(ones), level)


def _inside(lines: _Lines) -> tuple[int, int]:
    """The range of lines between the plain margins at both ends, each margin of its own colour."""
    start, end = _margin(lines.plain, lines.level), _margin(lines.plain[::-1], lines.level[::-1])
    return start, max(start, len(lines.level) - end)


def _margin(plain: NDArray[np.bool_], level: NDArray[np.float32]) -> int:
    """How many lines from the first on are plain and of its colour."""
    if not plain[0]:
        return 0
    other = ~plain | (np.abs(level - level[0]) > TOLERANCE)
    return int(other.argmax()) if other.any() else len(other)


def _panels(grey: Grey, whole: _Part) -> list[Box]:
    """The parts that plain gutters separate (a recursive X-Y cut), largest first."""
    found: list[Box] = []
    pending = [(half, 1) for half in _halves(whole)]
    while pending:
        half, depth = pending.pop()
        part = _trimmed(grey, half)
        if part is None:
            continue
        found.append(part.box)
        if depth < DEEPEST_CUT:
            pending += [(half, depth + 1) for half in _halves(part)]
    return sorted(found, key=lambda box: (-_area(box), box))[:PANELS]


def _halves(part: _Part) -> list[Box]:
    """The two sides of the widest plain gutter across the part, as far as they are large enough to matter."""
    left, top, right, bottom = part.box
    across, down = _gutter(part.rows), _gutter(part.columns)
    wide, tall = down[1] - down[0], across[1] - across[0]
    if max(wide, tall) < LEAST_GUTTER:
        return []
    if tall >= wide:
        sides = [(left, top, right, top + across[0]), (left, top + across[1], right, bottom)]
    else:
        sides = [(left, top, left + down[0], bottom), (left + down[1], top, right, bottom)]
    return [side for side in sides if min(side[2] - side[0], side[3] - side[1]) >= LEAST_SIDE]


def _gutter(lines: _Lines) -> tuple[int, int]:
    """The longest run of plain lines of one colour that touches neither end; (0, 0) where there is none."""
    plain, level = lines.plain, lines.level
    if not plain.any():
        return 0, 0
    steps = (plain[1:] != plain[:-1]) | (np.abs(np.diff(level)) > TOLERANCE)
    breaks = [0, *(np.nonzero(steps)[0] + 1).tolist(), len(level)]
    runs = [
        (start, end) for start, end in pairwise(breaks) if plain[start] and start > 0 and end < len(level)
    ]
    return max(runs, key=lambda run: run[1] - run[0], default=(0, 0))


def _plates(grey: Grey) -> list[Box]:
    """What stands on a plate: a flat, even ground somewhere inside a picture, such as a sticker on a photo.

    A plate is the extent of the commonest flat colour, without its specks; its own plain margin is trimmed.
    """
    flat = np.zeros(grey.shape, np.bool_)
    level = grey.astype(np.int16)
    across, down = np.abs(np.diff(level, axis=1)) <= 6, np.abs(np.diff(level, axis=0)) <= 6  # noqa: PLR2004
    flat[:-1, :-1] = across[:-1] & across[1:] & down[:, :-1] & down[:, 1:]
    counts = np.bincount(grey[flat], minlength=256)
    boxes = []
    for _ in range(PLATES):
        near = np.convolve(counts, np.ones(9, np.int64), "same")
        colour = int(near.argmax())
        if near[colour] < 0.02 * SIDE * SIDE:
            break
        box = _extent(flat & (np.abs(level - colour) <= 10))  # noqa: PLR2004
        part = _trimmed(grey, box) if box else None
        if part:
            boxes.append(part.box)
        counts[max(0, colour - 12) : colour + 13] = 0
    return boxes


def _extent(mask: NDArray[np.bool_]) -> Box | None:
    """The box around the larger connected parts of the mask, where it is filled enough to be a plate."""
    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    kept = (sizes >= max(12, 0.05 * sizes.max()))[labels]
    rows, columns = np.nonzero(kept.any(axis=1))[0], np.nonzero(kept.any(axis=0))[0]
    if not len(rows):
        return None
    # A flat pixel speaks for its right and lower neighbour too; the seam itself stays outside.
    left, top, right, bottom = columns[0] + 1, rows[0] + 1, columns[-1] + 1, rows[-1] + 1
    area = (right - left) * (bottom - top)
    if min(right - left, bottom - top) < LEAST_SIDE or area > 0.88 * SIDE * SIDE or kept.sum() < 0.2 * area:
        return None
    return int(left), int(top), int(right), int(bottom)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0) * max(height, 0)
    return shared / (_area(one) + _area(other) - shared)
