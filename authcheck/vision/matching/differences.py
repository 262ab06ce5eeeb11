"""Where a picture differs from the design it shows, beyond light, colour cast, blur, a small shift and a soft bend."""

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
STIFFNESS = (
    1e-4,
    3e-3,
    3e-3,
    1e-4,
    *[1e-3] * 7,
)  # of the terms of the model of the light: its own channel comes first
RARITY = 0.6
LEAST_SPREAD = 0.05
SLACK = 0.016  # of the longer side: how far a thing may lie from where it should
DRIFT = 0.06  # of the longer side: how far a corner may move when the alignment is settled
BEND = 0.04  # of the longer side: how far cloth may shift a part of the design
SHADOW = 0.12  # of full brightness: how much of a soft residual passes as a fold or a shadow
THRESHOLD = 0.09
THRESHOLD_OF_CONTRAST = 0.2
NOISE_FACTOR = 3.0
SMALLEST_SHARE = 0.0008  # of the picture: smaller spots are noise


def differing(submitted: Rgb, registered: Rgb, inside: Mask, *, softness_px: float = 0.0) -> Mask:
    """Which pixels show something else, `(H, W) bool`.

    Both pictures are `(H, W, 3) uint8 sRGB`, laid onto each other; `inside` says where the submission has pixels at all:
    outside nothing differs, nor in a narrow border, where a small shift lets in what surrounds the design.
    `softness_px` is how blurred the submission is compared with the design (a sigma).
    """
    height_px, width_px = inside.shape
    slack_px = max(1, round(SLACK * max(width_px, height_px)))
    counted = _eroded(inside, slack_px + 2)
    if not counted.any():
        return np.zeros_like(inside)
    design = _blurred(registered, (1.0 + softness_px**2) ** 0.5)
    taken = _blurred(submitted, 1.0)
    expected = _as_taken(taken, design, counted)
    unbent = _unbent(
        taken, expected
    )  # flow goes astray where there is nothing to hold on to: both ways must differ
    rest = np.minimum(_unexplained(taken, expected, slack_px), _unexplained(unbent, expected, slack_px))
    light = expected @ LIGHT
    low, high = np.percentile(light[counted], (5, 95))
    noise = 1.48 * float(np.median(np.abs(taken - expected)[counted]))
    threshold = max(THRESHOLD, THRESHOLD_OF_CONTRAST * float(high - low), NOISE_FACTOR * noise)
    return _cleaned((rest > threshold) & counted, slack_px) & inside


def settled(submitted: Rgb, registered: Rgb, inside: Mask) -> Matrix | None:
    """The small homography, in pixels, that leads from the design to where it really lies in the submission.

    Matching is good to a percent or so; this takes the rest out by maximising the correlation (Evangelidis and Psarakis
    2008). None where it does not settle, or wanders off further than DRIFT of the longer side.
    """
    height_px, width_px = inside.shape
    design, seen = _without_light(registered), _without_light(submitted)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)
    start = np.eye(3, dtype=np.float32)
    counted = inside.astype(np.uint8)
    try:
        _, found = cv2.findTransformECC(design, seen, start, cv2.MOTION_HOMOGRAPHY, criteria, counted, 5)
    except cv2.error:  # flat, or not alike at all
        return None
    corners = np.array([[0, 0, 1], [width_px, 0, 1], [width_px, height_px, 1], [0, height_px, 1]], np.float64)
    moved = corners @ found.astype(np.float64).T
    if not np.isfinite(moved).all() or (moved[:, 2] <= 0).any():
        return None
    far_px = np.abs(moved[:, :2] / moved[:, 2:] - corners[:, :2]).max()
    return found.astype(np.float64) if far_px <= DRIFT * max(width_px, height_px) else None


def boxes(mask: Mask, most: int) -> list[tuple[int, int, int, int]]:
    """The connected parts of a mask as (left, top, right, bottom) in pixels, right and bottom excluded; largest first."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    parts = sorted(stats[1:].tolist(), key=lambda part: -part[cv2.CC_STAT_AREA])[:most]
    return [(left, top, left + width, top + height) for left, top, width, height, _ in parts]


def _without_light(picture: Rgb) -> Floats:
    """The grey picture without what changes softly, `(H, W)`: a shadow must not pull the alignment."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return (grey - cv2.GaussianBlur(grey, (0, 0), max(grey.shape) / 12)).astype(np.float32)


def _blurred(picture: Rgb, sigma_px: float) -> Floats:
    return cv2.GaussianBlur(picture.astype(np.float32) / np.float32(255), (0, 0), sigma_px).astype(np.float32)


def _eroded(mask: Mask, by_px: int) -> Mask:
    kernel = np.ones((2 * by_px + 1, 2 * by_px + 1), np.uint8)
    eroded = cv2.erode(mask.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return eroded.astype(bool)


def _as_taken(taken: Floats, design: Floats, counted: Mask) -> Floats:
    """The design as the camera would have seen it: under the light and with the colours that fit most of the picture.

    Iteratively reweighted least squares (Geman-McClure): what was altered must not bend the model of the light.
    """
    height_px, width_px = counted.shape
    scale = min(1.0, FIT_PX / min(height_px, width_px))
    size = (max(2, round(width_px * scale)), max(2, round(height_px * scale)))
    small_taken, small_design = _resized(taken, size), _resized(design, size)
    used = _resized(counted.astype(np.float32), size).ravel() > 0.5  # noqa: PLR2004 - more than half
    if used.sum() < FIT_PX:
        return design
    rarity = _rarity(small_design.reshape(-1, 3)[used])
    channels = []
    for channel in range(3):
        terms = _terms(small_design, channel).reshape(used.size, -1)[used]
        weights = _fit(terms, small_taken[..., channel].ravel()[used], rarity)
        channels.append(_terms(design, channel) @ weights)
    expected = np.clip(np.stack(channels, axis=-1), 0, 1).astype(np.float32)
    return np.asarray(np.clip(expected + _shadows(taken - expected, counted), 0, 1), np.float32)


def _terms(design: Floats, channel: int) -> Floats:
    """What one channel of the picture may be made of, `(H, W, 11)`: the design, and light that changes softly."""
    height_px, width_px, _ = design.shape
    across, down = np.meshgrid(np.linspace(-1, 1, width_px), np.linspace(-1, 1, height_px))
    light = design @ LIGHT
    one = np.ones_like(light)
    terms = [design[..., channel], light, light**2, one, across, down, across**2, across * down, down**2]
    return np.stack([*terms, light * across, light * down], axis=-1).astype(np.float32)


def _unbent(taken: Floats, expected: Floats) -> Floats:
    """The submission with the soft part of what moves it away from the design taken out: cloth bends, paper curls.

    Dense flow (Kroeger et al. 2016), of which a median leaves what large areas share, so that what was moved by itself stays
    moved; BEND bounds it.
    """
    height_px, width_px, _ = taken.shape
    greys = [(picture @ LIGHT * 255).astype(np.uint8) for picture in (expected, taken)]
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(*greys, None)  # type: ignore[call-overload]
    grid = _resized(np.asarray(flow, np.float32), (max(2, width_px // 8), max(2, height_px // 8)))
    soft = cv2.GaussianBlur(ndimage.median_filter(grid, size=(5, 5, 1), mode="nearest"), (0, 0), 1.0)
    most_px = BEND * max(height_px, width_px)
    moved = np.clip(
        cv2.resize(soft, (width_px, height_px), interpolation=cv2.INTER_LINEAR), -most_px, most_px
    )
    across, down = np.meshgrid(np.arange(width_px, dtype=np.float32), np.arange(height_px, dtype=np.float32))
    maps = (across + moved[..., 0]).astype(np.float32), (down + moved[..., 1]).astype(np.float32)
    return np.asarray(cv2.remap(taken, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _resized(picture: Floats, size_px: tuple[int, int]) -> Floats:
    return np.asarray(cv2.resize(picture, size_px, interpolation=cv2.INTER_AREA), np.float32)


def _rarity(colours: Floats) -> Floats:
    """A weight for each pixel, so that two large plain areas do not decide alone what becomes of all other colours."""
    bins = np.clip(colours * 5, 0, 4).astype(np.int64) @ np.array([25, 5, 1])
    counts = np.bincount(bins)[bins].astype(np.float32)
    return np.asarray((counts.max() / counts) ** RARITY, np.float32)


def _fit(terms: Floats, values: Floats, rarity: Floats) -> Floats:
    ridge = np.diag(np.array(STIFFNESS, np.float32) * rarity.sum())
    weights = rarity
    solution = np.zeros(terms.shape[1], np.float32)
    for _ in range(ROUNDS):
        weighted = terms * weights[:, None]
        solution = np.linalg.solve(weighted.T @ terms + ridge, weighted.T @ values).astype(np.float32)
        errors = values - terms @ solution
        spread = max(LEAST_SPREAD, 1.48 * float(np.median(np.abs(errors))))
        weights = (rarity / (1 + (errors / (2 * spread)) ** 2) ** 2).astype(np.float32)
    return solution


def _shadows(rest: Floats, counted: Mask) -> Floats:
    """The soft part of what the light does not explain: folds and shadows, bounded, by a median that spares edits."""
    height_px, width_px, _ = rest.shape
    known = np.where(counted[..., None], rest, 0).astype(np.float32)
    size = (max(2, width_px // 8), max(2, height_px // 8))
    grid = _resized(known, size)
    soft = ndimage.median_filter(grid, size=(9, 9, 1), mode="nearest")
    soft = np.clip(cv2.GaussianBlur(soft, (0, 0), 1.5), -SHADOW, SHADOW)
    return np.asarray(cv2.resize(soft, (width_px, height_px), interpolation=cv2.INTER_LINEAR), np.float32)


def _unexplained(taken: Floats, expected: Floats, slack_px: int) -> Floats:
    """How far each pixel is from all that lies near it in the other picture, in both directions, `(H, W)`."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * slack_px + 1, 2 * slack_px + 1))
    worst = np.zeros(taken.shape[:2], np.float32)
    for one, other in ((taken, expected), (expected, taken)):
        over = np.maximum(one - cv2.dilate(other, kernel), cv2.erode(other, kernel) - one)
        distance = np.sqrt((np.maximum(over, 0) ** 2).mean(axis=-1))
        worst = np.maximum(worst, distance)
    return worst


def _cleaned(mask: Mask, slack_px: int) -> Mask:
    """Without specks; spots of one edit joined, and grown back by what the slack took from them."""
    marks = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    ball = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (4 * slack_px + 1, 4 * slack_px + 1))
    joined = cv2.morphologyEx(marks, cv2.MORPH_CLOSE, ball)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    smallest = max(12.0, SMALLEST_SHARE * mask.size)
    large = stats[:, cv2.CC_STAT_AREA] >= smallest
    large[0] = False
    grown = cv2.dilate(
        large[labels].astype(np.uint8), np.ones((3, 3), np.uint8), iterations=max(1, slack_px // 2)
    )
    return grown.astype(bool)
