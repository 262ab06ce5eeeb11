"""Where a design is in a picture: the outcome of the geometric stages."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
MARGIN = 0.05  # of a side: how far outside a design's border still counts as on it


@dataclass(frozen=True, slots=True)
class Alignment:
    """A design laid onto a picture.

    `homography` (3 x 3, row-major, float64) maps the unit square of the upright registered picture (x to the right, y
    down) to pixels of the upright original of the submission. `outline` is the border of what is drawn in those pixels
    (plain margins of the registered picture are nowhere to be seen on a product), cut at the picture's edges; `coverage` in [0, 1] the share of the design that is seen. `inverted` says that light and dark
    are swapped.
    """

    homography: tuple[float, ...]
    outline: tuple[tuple[float, float], ...]
    coverage: float
    mirrored: bool
    inverted: bool
    angle_deg: float
    scale: float

    def matrix(self) -> Matrix:
        """The homography as `(3, 3) float64`."""
        return np.array(self.homography, np.float64).reshape(3, 3)

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers, rounded to what they are worth."""
        return {
            "homography": [float(f"{value:.9g}") for value in self.homography],
            "outline": [[round(x, 1), round(y, 1)] for x, y in self.outline],
            "coverage": round(self.coverage, 3),
            "mirrored": self.mirrored,
            "inverted": self.inverted,
            "angle_deg": round(self.angle_deg, 1) % 360,
            "scale": float(f"{self.scale:.3g}"),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read `to_json` back. Raises KeyError, TypeError or ValueError for anything else."""
        outline = tuple((float(x), float(y)) for x, y in data["outline"])
        homography = tuple(float(value) for value in data["homography"])
        if len(homography) != 9 or not all(map(math.isfinite, homography)):  # noqa: PLR2004 - 3 x 3
            raise ValueError("a homography has nine finite numbers")
        return cls(
            homography=homography,
            outline=outline,
            coverage=float(data["coverage"]),
            mirrored=bool(data["mirrored"]),
            inverted=bool(data["inverted"]),
            angle_deg=float(data["angle_deg"]),
            scale=float(data["scale"]),
        )


def alignment_of(
    homography: Matrix,
    *,
    design_px: Sequence[int],
    picture_px: Sequence[int],
    coverage: float,
    inverted: bool,
    content: Sequence[float] = (0, 0, 1, 1),
) -> Alignment:
    """The Alignment of a homography from the unit square to picture pixels; sizes are (width, height).

    `content` is what is drawn of the registered picture, without plain margins: (left, top, right, bottom) in the unit square.
    `scale` is picture pixels a design pixel, `angle_deg` the clockwise turn of the design's right-hand direction at its
    centre (of its left-hand one where it is mirrored), in [0, 360).
    """
    centre = np.array([0.5, 0.5, 1.0])
    at = homography @ centre
    across = (homography[:2, 0] - at[:2] / at[2] * homography[2, 0]) / at[2] / design_px[0]
    down = (homography[:2, 1] - at[:2] / at[2] * homography[2, 1]) / at[2] / design_px[1]
    turn = float(across[0] * down[1] - across[1] * down[0])
    right = across if turn > 0 else -across
    return Alignment(
        homography=tuple(float(value) for value in (homography / homography[2, 2]).ravel()),
        outline=_outline(homography, picture_px, content),
        coverage=min(1.0, max(0.0, coverage)),
        mirrored=turn < 0,
        inverted=inverted,
        angle_deg=math.degrees(math.atan2(right[1], right[0])) % 360,
        scale=math.sqrt(abs(turn)),
    )


def in_one_place(one: Alignment, other: Alignment) -> bool:
    """Whether two designs lie on each other in a picture: the middle of one inside the other."""
    return _holds(one, other) or _holds(other, one)


def _holds(outer: Alignment, inner: Alignment) -> bool:
    middle = inner.matrix() @ np.array([0.5, 0.5, 1.0])
    x, y, scale = np.linalg.pinv(outer.matrix()) @ middle
    return bool(scale) and -MARGIN < x / scale < 1 + MARGIN and -MARGIN < y / scale < 1 + MARGIN


def _outline(
    homography: Matrix, picture_px: Sequence[int], content: Sequence[float]
) -> tuple[tuple[float, float], ...]:
    left, top, right, bottom = content
    box = np.array([[left, top, 1], [right, top, 1], [right, bottom, 1], [left, bottom, 1]], np.float64)
    corners = box @ homography.T
    if (corners[:, 2] <= 0).any():
        return ()
    polygon = [(float(x), float(y)) for x, y in corners[:, :2] / corners[:, 2:]]
    for axis, limit, sign in ((0, 0.0, 1), (0, picture_px[0], -1), (1, 0.0, 1), (1, picture_px[1], -1)):
        polygon = _cut(polygon, axis, float(limit), sign)
    return tuple(polygon)


def _cut(
    polygon: Sequence[tuple[float, float]], axis: int, limit: float, sign: int
) -> list[tuple[float, float]]:
    """The part of a polygon on the side of a line where `sign * (coordinate - limit) >= 0` (Sutherland and Hodgman)."""
    kept: list[tuple[float, float]] = []
    for start, end in zip(polygon, [*polygon[1:], *polygon[:1]], strict=True):
        before, after = sign * (start[axis] - limit), sign * (end[axis] - limit)
        if before >= 0:
            kept.append(start)
        if (before >= 0) != (after >= 0):
            share = before / (before - after)
            kept.append((start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])))
    return kept
