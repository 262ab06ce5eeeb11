"""Differences between a picture and its design, beyond light, colour cast, blur, small shifts and bends."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Rgb = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]
Matrix = NDArray[np.float64]

LIGHT = np.array([0.3, 0.59, 0.11], np.float32)  # of red, green, blue
FIT_PX = 48  # the model of the light is fitted at this size
ROUNDS = 10
# By term of the model of the light, in the order of `_build_terms`: the channel itself comes first.
STIFFNESS = (1e-4, 3e-3, 3e-3, 1e-4, *[1e-3] * 7)
RARITY = 0.6
LEAST_SPREAD = 0.05
SLACK = 0.016  # of the longer side: how far a detail may be from its expected place
DRIFT = 0.06  # of the longer side: how far a corner may move when the alignment is refined
BEND = 0.04  # of the longer side: how far cloth may shift a part of the design
SHADOW = 0.12  # of full brightness: how much of a soft residual passes as a fold or a shadow
THRESHOLD = 0.09
THRESHOLD_OF_CONTRAST = 0.2
NOISE_FACTOR = 3.0
SMALLEST_PX = 24  # pictures with a shorter side are not compared: OpenCV's flow ends the process below 16
SMALLEST_SHARE = 0.0008  # of the picture: smaller spots are noise


@dataclass(frozen=True, slots=True)
class Expectation:
    """A design as it should look in a picture, beside the picture.

    `photo` and `expected` are `(H, W, 3)` in [0, 1]. `compared` `(H, W)` says which pixels can be compared.
    `contrast` is the spread of the expected light, and `noise` the usual error of a pixel, both in [0, 1].
    """

    photo: Floats
    expected: Floats
    compared: Mask
    contrast: float
    noise: float
    slack_px: int


def expect(submitted: Rgb, registered: Rgb, inside: Mask, *, softness_px: float = 0.0) -> Expectation | None:
    """Return how a design should look in the light of a picture, or None if too little can be compared.

    Both pictures are `(H, W, 3) uint8 sRGB`, aligned with each other. `inside` says where the submission has
    pixels. `softness_px` is how blurred the submission is compared with the design (a sigma).
    """
    slack_px = max(1, round(SLACK * max(inside.shape)))
    compared = _erode(inside, slack_px + 2)
    if min(inside.shape) < SMALLEST_PX or not compared.any():
        return None
    design = _blur(registered, (1.0 + softness_px**2) ** 0.5)
    photo = _blur(submitted, 1.0)
    expected = _relight(photo, design, compared)
    low, high = np.percentile((expected @ LIGHT)[compared], (5, 95))
    noise = 1.48 * float(np.median(np.abs(photo - expected)[compared]))
    return Expectation(photo, expected, compared, float(high - low), noise, slack_px)


def mark(expectation: Expectation) -> Mask:
    """Return which pixels show something else than expected, `(H, W) bool`.

    No pixel that cannot be compared differs. No pixel in a narrow border differs either, because a small
    shift brings in what surrounds the design.
    """
    photo, expected, slack_px = expectation.photo, expectation.expected, expectation.slack_px
    # Flow goes astray in areas without structure, so a pixel must differ with it and without it.
    unbent = _unbend(photo, expected)
    residual = np.minimum(
        _measure_unexplained(photo, expected, slack_px), _measure_unexplained(unbent, expected, slack_px)
    )
    threshold = max(THRESHOLD, THRESHOLD_OF_CONTRAST * expectation.contrast, NOISE_FACTOR * expectation.noise)
    return _clean((residual > threshold) & expectation.compared, slack_px)


def differing(submitted: Rgb, registered: Rgb, inside: Mask, *, softness_px: float = 0.0) -> Mask:
    """Return which pixels show something else, `(H, W) bool`. The arguments are those of `expect`."""
    expectation = expect(submitted, registered, inside, softness_px=softness_px)
    return np.zeros_like(inside) if expectation is None else mark(expectation) & inside


def settled(submitted: Rgb, registered: Rgb, inside: Mask) -> Matrix | None:
    """Return the small homography, in pixels, from the design to its exact place in the submission, or None.

    Matching is exact to about one percent. This function removes the rest by maximising the correlation
    (Evangelidis and Psarakis 2008). Returns None when the search does not converge, or when a corner moves
    further than DRIFT of the longer side.
    """
    height_px, width_px = inside.shape
    design, seen = _remove_light(registered), _remove_light(submitted)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)
    start = np.eye(3, dtype=np.float32)
    compared = inside.astype(np.uint8)
    try:
        _, homography = cv2.findTransformECC(
            design, seen, start, cv2.MOTION_HOMOGRAPHY, criteria, compared, 5
        )
    except cv2.error:  # a picture is flat, or the two are not similar at all
        return None
    corners = np.array([[0, 0, 1], [width_px, 0, 1], [width_px, height_px, 1], [0, height_px, 1]], np.float64)
    moved = corners @ homography.astype(np.float64).T
    if not np.isfinite(moved).all() or (moved[:, 2] <= 0).any():
        return None
    far_px = np.abs(moved[:, :2] / moved[:, 2:] - corners[:, :2]).max()
    return homography.astype(np.float64) if far_px <= DRIFT * max(width_px, height_px) else None


def boxes(mask: Mask, most: int) -> list[tuple[int, int, int, int]]:
    """Return the largest connected parts of a mask as (left, top, right, bottom) in pixels, largest first.

    Right and bottom are excluded.
    """
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    parts = sorted(stats[1:].tolist(), key=lambda part: -part[cv2.CC_STAT_AREA])[:most]
    return [(left, top, left + width, top + height) for left, top, width, height, _ in parts]


def _remove_light(picture: Rgb) -> Floats:
    """Return the grey picture without soft changes, `(H, W)`: a shadow must not move the alignment."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return (grey - cv2.GaussianBlur(grey, (0, 0), max(grey.shape) / 12)).astype(np.float32)


def _blur(picture: Rgb, sigma_px: float) -> Floats:
    return cv2.GaussianBlur(picture.astype(np.float32) / np.float32(255), (0, 0), sigma_px).astype(np.float32)


def _erode(mask: Mask, by_px: int) -> Mask:
    kernel = np.ones((2 * by_px + 1, 2 * by_px + 1), np.uint8)
    eroded = cv2.erode(mask.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return eroded.astype(bool)


def _relight(photo: Floats, design: Floats, compared: Mask) -> Floats:
    """Return the design as the camera would see it: with the light and colours that fit most of the photo.

    Uses iteratively reweighted least squares (Geman-McClure), so that altered parts do not bend the model of
    the light.
    """
    height_px, width_px = compared.shape
    scale = min(1.0, FIT_PX / min(height_px, width_px))
    size = (max(2, round(width_px * scale)), max(2, round(height_px * scale)))
    small_photo, small_design = _resize(photo, size), _resize(design, size)
    is_compared = _resize(compared.astype(np.float32), size).ravel() > 0.5  # noqa: PLR2004 - more than half
    if is_compared.sum() < FIT_PX:
        return design
    rarity = _weigh_by_rarity(small_design.reshape(-1, 3)[is_compared])
    channels = []
    for channel in range(3):
        terms = _build_terms(small_design, channel).reshape(is_compared.size, -1)[is_compared]
        weights = _fit_light(terms, small_photo[..., channel].ravel()[is_compared], rarity)
        channels.append(_build_terms(design, channel) @ weights)
    expected = np.clip(np.stack(channels, axis=-1), 0, 1).astype(np.float32)
    return np.asarray(np.clip(expected + _estimate_shadows(photo - expected, compared), 0, 1), np.float32)


def _build_terms(design: Floats, channel: int) -> Floats:
    """Return the terms that make up one channel of the photo, `(H, W, 11)`: the design, and soft light."""
    height_px, width_px, _ = design.shape
    across, down = np.meshgrid(np.linspace(-1, 1, width_px), np.linspace(-1, 1, height_px))
    light = design @ LIGHT
    constant = np.ones_like(light)
    terms = [design[..., channel], light, light**2, constant, across, down, across**2, across * down, down**2]
    return np.stack([*terms, light * across, light * down], axis=-1).astype(np.float32)


def _unbend(photo: Floats, expected: Floats) -> Floats:
    """Return the submission without the soft part of its shift against the design: cloth bends, paper curls.

    Computes dense flow (Kroeger et al. 2016). A median of the flow keeps only what large areas share, so a
    detail that was moved on its own stays moved. BEND limits the shift.
    """
    height_px, width_px, _ = photo.shape
    greys = [(picture @ LIGHT * 255).astype(np.uint8) for picture in (expected, photo)]
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(*greys, None)  # type: ignore[call-overload]
    grid = _resize(np.asarray(flow, np.float32), (max(2, width_px // 8), max(2, height_px // 8)))
    soft_flow = cv2.GaussianBlur(ndimage.median_filter(grid, size=(5, 5, 1), mode="nearest"), (0, 0), 1.0)
    most_px = BEND * max(height_px, width_px)
    shift = np.clip(
        cv2.resize(soft_flow, (width_px, height_px), interpolation=cv2.INTER_LINEAR), -most_px, most_px
    )
    across, down = np.meshgrid(np.arange(width_px, dtype=np.float32), np.arange(height_px, dtype=np.float32))
    maps = (across + shift[..., 0]).astype(np.float32), (down + shift[..., 1]).astype(np.float32)
    return np.asarray(cv2.remap(photo, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _resize(picture: Floats, size_px: tuple[int, int]) -> Floats:
    return np.asarray(cv2.resize(picture, size_px, interpolation=cv2.INTER_AREA), np.float32)


def _weigh_by_rarity(colours: Floats) -> Floats:
    """Return a weight for each pixel, so that two large plain areas do not decide the light of all others."""
    bins = np.clip(colours * 5, 0, 4).astype(np.int64) @ np.array([25, 5, 1])
    counts = np.bincount(bins)[bins].astype(np.float32)
    return np.asarray((counts.max() / counts) ** RARITY, np.float32)


def _fit_light(terms: Floats, values: Floats, rarity: Floats) -> Floats:
    """Return the weights of the terms that fit the values best, with little influence of altered pixels."""
    ridge = np.diag(np.array(STIFFNESS, np.float32) * rarity.sum())
    weights = rarity
    term_weights = np.zeros(terms.shape[1], np.float32)
    for _ in range(ROUNDS):
        weighted = terms * weights[:, None]
        term_weights = np.linalg.solve(weighted.T @ terms + ridge, weighted.T @ values).astype(np.float32)
        errors = values - terms @ term_weights
        spread = max(LEAST_SPREAD, 1.48 * float(np.median(np.abs(errors))))
        weights = (rarity / (1 + (errors / (2 * spread)) ** 2) ** 2).astype(np.float32)
    return term_weights


def _estimate_shadows(residual: Floats, compared: Mask) -> Floats:
    """Return the soft, bounded part that the light does not explain: folds, shadows. A median keeps edits."""
    height_px, width_px, _ = residual.shape
    compared_residual = np.where(compared[..., None], residual, 0).astype(np.float32)
    size = (max(2, width_px // 8), max(2, height_px // 8))
    grid = _resize(compared_residual, size)
    shadow = ndimage.median_filter(grid, size=(9, 9, 1), mode="nearest")
    shadow = np.clip(cv2.GaussianBlur(shadow, (0, 0), 1.5), -SHADOW, SHADOW)
    return np.asarray(cv2.resize(shadow, (width_px, height_px), interpolation=cv2.INTER_LINEAR), np.float32)


def _measure_unexplained(photo: Floats, expected: Floats, slack_px: int) -> Floats:
    """Return how far each pixel is from all pixels near it in the other picture, both ways, `(H, W)`."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * slack_px + 1, 2 * slack_px + 1))
    worst = np.zeros(photo.shape[:2], np.float32)
    for picture, reference in ((photo, expected), (expected, photo)):
        excess = np.maximum(picture - cv2.dilate(reference, kernel), cv2.erode(reference, kernel) - picture)
        distance = np.sqrt((np.maximum(excess, 0) ** 2).mean(axis=-1))
        worst = np.maximum(worst, distance)
    return worst


def _clean(mask: Mask, slack_px: int) -> Mask:
    """Remove specks, join the spots of one edit, and grow them by what the slack took from them."""
    marks = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (4 * slack_px + 1, 4 * slack_px + 1))
    joined = cv2.morphologyEx(marks, cv2.MORPH_CLOSE, disc)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    smallest = max(12.0, SMALLEST_SHARE * mask.size)
    is_large = stats[:, cv2.CC_STAT_AREA] >= smallest
    is_large[0] = False
    grown = cv2.dilate(
        is_large[labels].astype(np.uint8), np.ones((3, 3), np.uint8), iterations=max(1, slack_px // 2)
    )
    return grown.astype(bool)
