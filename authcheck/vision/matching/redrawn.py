"""Whether a picture shows a copy of a design, or a redrawing that keeps parts of the design.

Feature points and pixels of a redrawing agree as well as those of a print, apart from the parts that were
redrawn. Five measurements tell the two apart (docs/adr/0032-copies-and-redrawings.md):

- A redrawing lies flat in the picture. A print in a photograph is seen at an angle.
- Its differences are within. One thing that reaches over the design's edge is a hand before a print.
- What was kept agrees almost exactly. In a photograph everything is noisy, so differences count in relation
  to the noise.
- A redrawing has colours of its own. Words or a sticker over a copy leave the colours of the rest alone.
- These colours follow from the design's colours by no common rule. Greying and a cast of light change all
  colours by one rule.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from authcheck.vision.matching.differences import Mask, Rgb, expect, mark
from authcheck.vision.matching.looks import Look
from authcheck.vision.matching.pixels import straighten
from authcheck.vision.matching.subjects import Submitted

FLAT = 0.04  # logarithm of the ratio of the map's two scales: the most of a redrawing
ALTERED, RECOLOURED, UNEVEN = 1.5, 0.05, 0.01  # the least values of a redrawing (`compare`)
ONE_SPOT = 0.8  # of all differences, in the largest spot
OVER_EDGE = 0.05  # of the design's edge, covered by that spot
LEAST_NOISE = 0.005
LEAST_CONTRAST = 0.05
STRUCTURE = 0.04  # standard deviation of light, of full brightness: a place of the design with structure
WINDOW_PX = 9
FLAT_SHARE = 0.6  # of the pixels: those with the softest colours are compared
FEWEST_PIXELS = 100
TONES = 8  # per channel: pixels of one tone of the design have one vote together
FEWEST_IN_A_TONE = 20
ROUNDS = 8
LEAST_SPREAD = 0.02
RIDGE = 1e-5
QUANTILES = 0.7, 0.85  # of the colour errors: RECOLOURED and UNEVEN are at these

Floats = NDArray[np.float32]


def rate_redrawing(submitted: Submitted, look: Look) -> float:
    """Return how clearly a picture shows a redrawing of a design: from 1 on it does.

    The rating is the least of three measurements, each in relation to its least value for a redrawing. It is
    0 for a design that is seen at an angle.
    """
    scales = np.linalg.svd(look.verified.fit.affine[:, :2], compute_uv=False)
    if scales[0] > scales[1] * np.exp(FLAT):
        return 0.0
    altered, recoloured, uneven = measure(submitted, look)
    return min(altered / ALTERED, recoloured / RECOLOURED, uneven / UNEVEN)


def measure(submitted: Submitted, look: Look) -> tuple[float, float, float]:
    """Return the three measurements of `compare`, zeros if the design's place cannot be cut out."""
    design = look.verified.known.read_thumbnail()
    cut = straighten(submitted.pixels, look.pixels.homography, design.pixels.shape)
    if cut is None:
        return 0.0, 0.0, 0.0
    seen, inside, density = cut
    registered = 255 - design.pixels if look.verified.edit.inverted else design.pixels
    softness_px = 0.5 * max(0.0, 1 / max(density, 1e-3) - 1)
    return compare(seen, registered, inside & design.counts, softness_px=softness_px)


def compare(seen: Rgb, registered: Rgb, inside: Mask, *, softness_px: float) -> tuple[float, float, float]:
    """Return the three measurements of two aligned pictures. Zeros: too little to compare, or covered.

    The share of the design's structure that differs, in relation to the noise of the rest. The distance of
    the rest's colours from the design's colours. Their distance from the colours that one rule for all makes
    of the design's. Distances are of Lab, in hundredths of its unit.
    """
    expectation = expect(seen, registered, inside, softness_px=softness_px)
    if expectation is None:
        return 0.0, 0.0, 0.0
    marks = mark(expectation)
    if _reach_over_edge(marks, expectation.compared):
        return 0.0, 0.0, 0.0
    structure = _find_structure(registered) & expectation.compared
    noise = max(expectation.noise / max(expectation.contrast, LEAST_CONTRAST), LEAST_NOISE)
    altered = float((marks & structure).sum() / max(structure.sum(), 1)) / noise
    beside = cv2.dilate(marks.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return altered, *_compare_colours(seen, registered, expectation.compared & ~beside)


def _reach_over_edge(marks: Mask, compared: Mask) -> bool:
    """Return whether nearly all of the differences are one spot that covers a part of the design's edge."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(marks.astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    if not len(areas) or areas.max() < ONE_SPOT * areas.sum():
        return False
    inner = cv2.erode(
        compared.astype(np.uint8), np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    edge = compared & (inner == 0)
    return bool((labels[edge] == 1 + areas.argmax()).mean() > OVER_EDGE)


def _find_structure(registered: Rgb) -> Mask:
    light = cv2.cvtColor(registered, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    window = WINDOW_PX, WINDOW_PX
    variance = cv2.blur(light**2, window) - cv2.blur(light, window) ** 2
    return np.asarray(variance > STRUCTURE**2)


def _compare_colours(submitted: Rgb, registered: Rgb, where: Mask) -> tuple[float, float]:
    """Return how far the colours of flat places are from those of the design, plainly and after one rule."""
    if where.sum() < FEWEST_PIXELS:
        return 0.0, 0.0
    soft = [
        cv2.GaussianBlur(pixels.astype(np.float32) / 255, (0, 0), 1.0) for pixels in (submitted, registered)
    ]
    labs = [_to_lab(pixels) for pixels in soft]
    slopes = np.zeros(where.shape, np.float32)
    for lab in labs:
        for across in (0, 1):
            slopes += np.abs(cv2.Sobel(lab, cv2.CV_32F, across, 1 - across)).sum(axis=2)
    flat = where & (slopes <= np.quantile(slopes[where], FLAT_SHARE))
    seen, drawn = (pixels[flat].astype(np.float32) for pixels in soft)
    tones = np.clip(drawn * TONES, 0, TONES - 1).astype(np.int64) @ np.array([TONES * TONES, TONES, 1])
    votes = 1 / np.maximum(np.bincount(tones)[tones], FEWEST_IN_A_TONE)
    plain = np.sqrt(((labs[0][flat] - labs[1][flat]) ** 2).sum(axis=1))
    ruled = _measure_unruled(seen, drawn, votes)
    return _quantile(plain, votes, QUANTILES[0]), _quantile(ruled, votes, QUANTILES[1])


def _to_lab(pixels: NDArray[np.generic]) -> Floats:
    """Return sRGB in [0, 1] as Lab in hundredths."""
    return np.asarray(cv2.cvtColor(pixels.astype(np.float32), cv2.COLOR_RGB2Lab), np.float32) / np.float32(
        100
    )


def _measure_unruled(seen: Floats, drawn: Floats, votes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far colours are from the affine map of the design's colours that fits most of them, `(n,)`.

    Uses iteratively reweighted least squares (Geman-McClure), over sRGB `(n, 3)`.
    """
    terms = np.column_stack([drawn, np.ones(len(drawn))])
    ridge = np.diag([RIDGE, RIDGE, RIDGE, 0]) * votes.sum()
    target = _to_lab(seen[None])[0]
    weights, distances = votes, np.zeros(len(seen))
    for _ in range(ROUNDS):
        weighted = terms * weights[:, None]
        rule = np.linalg.solve(weighted.T @ terms + ridge, weighted.T @ seen)
        ruled = _to_lab(np.clip(terms @ rule, 0, 1)[None])[0]
        distances = np.sqrt(((target - ruled) ** 2).sum(axis=1)).astype(np.float64)
        spread = max(LEAST_SPREAD, 1.48 * _quantile(distances, votes, 0.5))
        weights = votes / (1 + (distances / (2 * spread)) ** 2) ** 2
    return distances


def _quantile(values: NDArray[np.floating], votes: NDArray[np.float64], share: float) -> float:
    """Return the weighted quantile."""
    order = np.argsort(values)
    place = np.searchsorted(np.cumsum(votes[order]), share * votes.sum())
    return float(values[order][min(int(place), len(values) - 1)])
