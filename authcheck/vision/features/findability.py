"""How well a design can be found again in photos, said when it is registered.

The local stages find a design by its points: places with a pattern of their own. Soft gradients and single-colour marks
have few. Hashes compare the picture as a whole: they say little of one that is its own mirror image, and see the ground
rather than the design where that fills the picture.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from authcheck.vision.features.foreground import Mask

WORK_PX = 128  # longer side of what is measured
FEW_POINTS = 75  # 5 % of designs: a fifth of their prints is told from 20 other designs, below 50 points none
SOME_POINTS = 130  # 15 % of designs: of their prints two thirds, of richer designs' five sixths
FLAT_CONTRAST = 10.0  # Lab units: standard deviation of lightness and colour together
SYMMETRIC = 0.97  # correlation with its mirror image from which a picture's hashes are mostly noise
GROUND_REACH = 6.0  # Lab units about the ground's colour
MOST_GROUND = 0.85  # share of the picture
MIRROR_SIDE = 64
GRADES = ("poor", "fair", "good")


@dataclass(frozen=True, slots=True)
class Findability:
    """What makes a design easy or hard to find.

    `points` counts its local features; `contrast` is in Lab units; `symmetry` is the correlation with its mirror image,
    in [-1, 1]; `colour` is Hasler and Suesstrunk's colourfulness, 0 for grey, about 100 for the gaudiest. `grade` is good,
    fair or poor; `warnings` are codes of docs/errors.md, the weightiest first.
    """

    points: int
    contrast: float
    symmetry: float
    colour: float
    grade: str
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values, rounded to what they are worth."""
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
    """The findability of a design with so many local features, in the part of an RGB picture that counts.

    `ground_unknown` says that a mask was wanted and none could be found: the ground counts as part of the design.
    """
    small = image.convert("RGB")
    small.thumbnail((WORK_PX, WORK_PX), Image.Resampling.BOX)
    pixels = np.asarray(small)
    counts = np.ones(pixels.shape[:2], np.bool_) if mask is None else _stretched(mask, small.size)
    lab = np.asarray(cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
    contrast = float(np.sqrt(lab[counts].var(axis=0).sum()))
    symmetry = _symmetry(lab[..., 0], counts)
    flat = contrast < FLAT_CONTRAST
    found = {
        "design.few_points": points < FEW_POINTS,
        "design.flat": flat,
        "design.ground_counts": ground_unknown,
        "design.mostly_ground": mask is None and not flat and _ground_share(lab) > MOST_GROUND,
        "design.symmetric": symmetry >= SYMMETRIC,
    }
    warnings = tuple(code for code, holds in found.items() if holds)
    return Findability(
        points, contrast, symmetry, _colourfulness(pixels[counts]), _grade(points, warnings), warnings
    )


def best_of(found: Iterable[Findability]) -> Findability:
    """The view by which a design of several is found best: by grade, then points."""
    return max(found, key=lambda one: (GRADES.index(one.grade), one.points))


def _grade(points: int, warnings: tuple[str, ...]) -> str:
    if points < FEW_POINTS:
        return "poor"
    return "fair" if warnings or points < SOME_POINTS else "good"


def _stretched(mask: Mask, size: tuple[int, int]) -> Mask:
    counts = np.asarray(cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)) > 0
    return counts if counts.any() else np.ones_like(counts)


def _symmetry(lightness: NDArray[np.float32], counts: Mask) -> float:
    """The larger correlation with the picture's two mirror images, within the box of what counts."""
    rows, columns = np.flatnonzero(counts.any(axis=1)), np.flatnonzero(counts.any(axis=0))
    box = np.where(counts, lightness, lightness[counts].mean())
    box = box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = MIRROR_SIDE, MIRROR_SIDE
    square = np.asarray(cv2.resize(box.astype(np.float32), side, interpolation=cv2.INTER_AREA), np.float64)
    square -= square.mean()
    power = float((square**2).sum())
    if power < 1:
        return 1.0
    return max(float((square * turned).sum()) / power for turned in (square[:, ::-1], square[::-1]))


def _colourfulness(pixels: NDArray[np.uint8]) -> float:
    """Hasler and Suesstrunk (2003), of `(n, 3) uint8` sRGB."""
    red, green, blue = pixels.T.astype(np.float64)
    across, along = red - green, (red + green) / 2 - blue
    spread = float(np.hypot(across.std(), along.std()))
    return spread + 0.3 * float(np.hypot(across.mean(), along.mean()))


def _ground_share(lab: NDArray[np.float32]) -> float:
    """The share of the picture that has its border's colour, 0 where the border has none."""
    border = np.concatenate([lab[0], lab[-1], lab[:, 0], lab[:, -1]])
    colour = np.median(border, axis=0)
    if (np.linalg.norm(border - colour, axis=1) < GROUND_REACH).mean() < MOST_GROUND:
        return 0.0
    return float((np.linalg.norm(lab - colour, axis=2) < GROUND_REACH).mean())
