"""The findability of a design: how well it can be found in photos. The owner gets it at registration.

The local stages find a design by its feature points: places with a distinctive pattern. Soft gradients and
single-colour marks have few feature points. Hashes compare whole pictures. A hash says little about a picture
that equals its mirror image. When the ground fills most of the picture, the hash describes the ground.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from authcheck.vision.features.foreground import Mask

WORK_PX = 128  # longer side of the measured picture
# 5 % of designs have fewer. A fifth of their prints is told from 20 other designs, below 50 points no print.
FEW_POINTS = 75
# 15 % of designs have fewer. Two thirds of their prints are told apart, and five sixths of richer designs'.
SOME_POINTS = 130
FLAT_CONTRAST = 10.0  # Lab units: standard deviation of lightness and colour together
SYMMETRIC = 0.97  # correlation with the mirror image: from here on, a picture's hashes are mostly noise
GROUND_REACH = 6.0  # Lab units: distance from the ground's colour
MOST_GROUND = 0.85  # share of the picture
MIRROR_SIDE = 64
GRADES = ("poor", "fair", "good")


@dataclass(frozen=True, slots=True)
class Findability:
    """The properties that make a design easy or hard to find.

    `points` is the number of feature points. `contrast` is in Lab units. `symmetry` is the correlation with
    the mirror image, in [-1, 1]. `colour` is Hasler and Suesstrunk's colourfulness: 0 for grey, about 100 for
    the most colourful pictures. `grade` is good, fair or poor. `warnings` are codes of api/errors.md, most
    important first.
    """

    points: int
    contrast: float
    symmetry: float
    colour: float
    grade: str
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values, rounded to their meaningful digits."""
        return {
            "points": self.points,
            "contrast": round(self.contrast, 1),
            "symmetry": round(self.symmetry, 3),
            "colour": round(self.colour, 1),
            "grade": self.grade,
            "warnings": list(self.warnings),
        }


def findability_of(
    image: Image.Image, points: int, mask: Mask | None = None, *, ground_unknown: bool = False
) -> Findability:
    """Measure the findability of a design in an RGB picture, within the mask.

    `points` is the number of feature points of the design. `ground_unknown` is True when a mask was wanted
    but product and ground could not be told apart. Then the ground counts as part of the design.
    """
    small = image.convert("RGB")
    small.thumbnail((WORK_PX, WORK_PX), Image.Resampling.BOX)
    pixels = np.asarray(small)
    shown = np.ones(pixels.shape[:2], np.bool_) if mask is None else _resize_mask(mask, small.size)
    lab = np.asarray(cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
    contrast = float(np.sqrt(lab[shown].var(axis=0).sum()))
    symmetry = _measure_symmetry(lab[..., 0], shown)
    is_flat = contrast < FLAT_CONTRAST
    is_warned = {
        "design.few_points": points < FEW_POINTS,
        "design.flat": is_flat,
        "design.ground_counts": ground_unknown,
        "design.mostly_ground": mask is None and not is_flat and _measure_ground(lab) > MOST_GROUND,
        "design.symmetric": symmetry >= SYMMETRIC,
    }
    warnings = tuple(code for code, warned in is_warned.items() if warned)
    colour = _measure_colourfulness(pixels[shown])
    return Findability(points, contrast, symmetry, colour, _grade_of(points, warnings), warnings)


def best_of(found: Iterable[Findability]) -> Findability:
    """Return the findability of the view that is easiest to find: best grade, then most points."""
    return max(found, key=lambda view: (GRADES.index(view.grade), view.points))


def _grade_of(points: int, warnings: tuple[str, ...]) -> str:
    if points < FEW_POINTS:
        return "poor"
    return "fair" if warnings or points < SOME_POINTS else "good"


def _resize_mask(mask: Mask, size: tuple[int, int]) -> Mask:
    """Return the mask at `size` (width, height). An empty mask becomes a mask that shows everything."""
    resized = np.asarray(cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)) > 0
    return resized if resized.any() else np.ones_like(resized)


def _measure_symmetry(lightness: NDArray[np.float32], shown: Mask) -> float:
    """Return the larger correlation with the picture's two mirror images, within the mask's bounding box."""
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    box = np.where(shown, lightness, lightness[shown].mean())
    box = box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = MIRROR_SIDE, MIRROR_SIDE
    square = np.asarray(cv2.resize(box.astype(np.float32), side, interpolation=cv2.INTER_AREA), np.float64)
    square -= square.mean()
    power = float((square**2).sum())
    if power < 1:
        return 1.0
    return max(float((square * mirrored).sum()) / power for mirrored in (square[:, ::-1], square[::-1]))


def _measure_colourfulness(pixels: NDArray[np.uint8]) -> float:
    """Return the colourfulness of `(n, 3) uint8` sRGB pixels by Hasler and Suesstrunk (2003)."""
    red, green, blue = pixels.T.astype(np.float64)
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = float(np.hypot(red_green.std(), yellow_blue.std()))
    return spread + 0.3 * float(np.hypot(red_green.mean(), yellow_blue.mean()))


def _measure_ground(lab: NDArray[np.float32]) -> float:
    """Return the share of the picture in the colour of its border, or 0 if the border has several colours."""
    border = np.concatenate([lab[0], lab[-1], lab[:, 0], lab[:, -1]])
    colour = np.median(border, axis=0)
    if (np.linalg.norm(border - colour, axis=1) < GROUND_REACH).mean() < MOST_GROUND:
        return 0.0
    return float((np.linalg.norm(lab - colour, axis=2) < GROUND_REACH).mean())
