"""The place of a design in a picture: the result of the geometric stages."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
MARGIN = 0.05  # of a side: a point this far outside a design's border still counts as inside


@dataclass(frozen=True, slots=True)
class Alignment:
    """The place of a design in a picture.

    `homography` (3 x 3, row-major, float64) maps the unit square of the upright registered picture (x to the
    right, y down) to pixels of the upright original of the submission. `outline` is the border of the drawn
    part of the design, in the same pixels, cut at the picture's edges. The drawn part excludes plain margins
    of the registered picture, because a product does not show them. `coverage` in [0, 1] is the share of the
    design that is seen. `inverted` says that light and dark are swapped.
    """

    homography: tuple[float, ...]
    outline: tuple[tuple[float, float], ...]
    coverage: float
    mirrored: bool
    inverted: bool
    angle_deg: float
    scale: float

    def matrix(self) -> Matrix:
        """Return the homography as `(3, 3) float64`."""
        return np.array(self.homography, np.float64).reshape(3, 3)

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and numbers, rounded to their useful precision."""
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
        """Read the result of `to_json`. Raises KeyError, TypeError or ValueError for any other data."""
        outline = tuple((float(x), float(y)) for x, y in data["outline"])
        homography = tuple(float(value) for value in data["homography"])
        if len(homography) != 9 or not all(map(math.isfinite, homography)):  # noqa: PLR2004 - 3 x 3
            raise ValueError("a homography must have nine finite numbers")
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
    """Return the Alignment of a homography from the unit square to picture pixels. Sizes are (width, height).

    `content` is the drawn part of the registered picture, without plain margins: (left, top, right, bottom)
    in the unit square. `scale` is the number of picture pixels per design pixel. `angle_deg` in [0, 360) is
    the clockwise turn of the design's right-hand direction at its centre. For a mirrored design it is the
    turn of the left-hand direction.
    """
    centre = np.array([0.5, 0.5, 1.0])
    centre_px = homography @ centre
    across = (
        (homography[:2, 0] - centre_px[:2] / centre_px[2] * homography[2, 0]) / centre_px[2] / design_px[0]
    )
    down = (homography[:2, 1] - centre_px[:2] / centre_px[2] * homography[2, 1]) / centre_px[2] / design_px[1]
    turn = float(across[0] * down[1] - across[1] * down[0])
    right = across if turn > 0 else -across
    return Alignment(
        homography=tuple(float(value) for value in (homography / homography[2, 2]).ravel()),
        outline=_compute_outline(homography, picture_px, content),
        coverage=min(1.0, max(0.0, coverage)),
        mirrored=turn < 0,
        inverted=inverted,
        angle_deg=math.degrees(math.atan2(right[1], right[0])) % 360,
        scale=math.sqrt(abs(turn)),
    )


def in_one_place(first: Alignment, second: Alignment) -> bool:
    """Return whether two designs cover the same place in a picture: the centre of one is inside the other."""
    return _covers_centre(first, second) or _covers_centre(second, first)


def _covers_centre(outer: Alignment, inner: Alignment) -> bool:
    centre = inner.matrix() @ np.array([0.5, 0.5, 1.0])
    x, y, scale = np.linalg.pinv(outer.matrix()) @ centre
    return bool(scale) and -MARGIN < x / scale < 1 + MARGIN and -MARGIN < y / scale < 1 + MARGIN


def _compute_outline(
    homography: Matrix, picture_px: Sequence[int], content: Sequence[float]
) -> tuple[tuple[float, float], ...]:
    left, top, right, bottom = content
    content_corners = np.array(
        [[left, top, 1], [right, top, 1], [right, bottom, 1], [left, bottom, 1]], np.float64
    )
    corners = content_corners @ homography.T
    if (corners[:, 2] <= 0).any():
        return ()
    polygon = [(float(x), float(y)) for x, y in corners[:, :2] / corners[:, 2:]]
    for axis, limit, sign in ((0, 0.0, 1), (0, picture_px[0], -1), (1, 0.0, 1), (1, picture_px[1], -1)):
        polygon = _clip_polygon(polygon, axis, float(limit), sign)
    return tuple(polygon)


def _clip_polygon(
    polygon: Sequence[tuple[float, float]], axis: int, limit: float, sign: int
) -> list[tuple[float, float]]:
    """Return the part of a polygon where `sign * (coordinate - limit) >= 0` (Sutherland and Hodgman)."""
    clipped: list[tuple[float, float]] = []
    for start, end in zip(polygon, [*polygon[1:], *polygon[:1]], strict=True):
        start_side, end_side = sign * (start[axis] - limit), sign * (end[axis] - limit)
        if start_side >= 0:
            clipped.append(start)
        if (start_side >= 0) != (end_side >= 0):
            share = start_side / (start_side - end_side)
            clipped.append((start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])))
    return clipped
