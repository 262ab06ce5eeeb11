"""Pixel evidence: warp the picture onto the design, align the grey levels, and compare the pixels."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from authcheck.vision.features.thumbnail import Rgb, Thumbnail

ECC_STEPS = 30
ECC_GAIN = 1e-3
ECC_BLUR_PX = 5
LEAST_SEEN = 0.05  # share of the design that must be inside the picture
LEAST_PART_PX = 8
LEAST_COLOUR = 6.0  # standard deviation of the opponent channels from which a design counts as coloured
BLOCK_PX = 16
BLOCK_CONTRAST = 6.0  # grey levels: a block of the design with less contrast is no evidence
BLOCK_AGREES = 0.5  # correlation from which a block counts as seen
NOT_SEEN = -1.0
MOST_DRIFT = 0.08  # of the longer side: an alignment that moves a corner farther is rejected

Matrix = NDArray[np.float64]
Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PixelEvidence:
    """The likeness of a design and the part of a picture that it covers.

    `homography` maps design thumbnail pixels to picture pixels. `seen` is the share of the design inside the
    picture. `grey`, `gradient` and `colour` are correlations in [-1, 1] of grey levels, of edge directions
    and of the opponent colour channels. `colour` is 0 where the design has no colours. `blocks` is the share
    of the seen blocks that agree. For each block of the design, `speaking` says whether it has contrast, and
    `alike` is its correlation with the picture, -1 where the block is not seen.
    """

    homography: Matrix
    seen: float
    grey: float
    gradient: float
    colour: float
    blocks: float
    aligned: bool
    speaking: Mask
    alike: Plane


NOTHING = PixelEvidence(
    np.eye(3),
    0.0,
    0.0,
    0.0,
    0.0,
    0.0,
    aligned=False,
    speaking=np.zeros((1, 1), np.bool_),
    alike=np.full((1, 1), NOT_SEEN, np.float32),
)


def compare(
    design: Thumbnail, picture: Rgb, homography: Matrix, *, inverted: bool, hidden: Mask | None = None
) -> PixelEvidence:
    """Compare a design with a picture `(H, W, 3)` under a map from thumbnail pixels to picture pixels.

    First refines the map so that the grey levels agree best (Evangelidis and Psarakis 2008). Where `hidden`
    is true, in pixels of the thumbnail, the picture counts as not seen.
    """
    thumbnail = design.pixels
    crop = _crop(picture, homography, thumbnail.shape)
    if crop is None:
        return NOTHING
    part, to_part = crop
    expected = _split_planes(thumbnail, inverted=inverted)
    counts = design.counts if hidden is None else design.counts & ~hidden
    seen = _warp(np.ones(part.shape[:2], np.uint8), to_part, thumbnail.shape, cv2.INTER_NEAREST)
    if seen.mean() < LEAST_SEEN:
        return NOTHING
    drift = _refine_map(expected[0], _split_planes(_warp(part, to_part, thumbnail.shape))[0], seen)
    if drift is not None:
        to_part, homography = to_part @ drift, homography @ drift
        seen = _warp(np.ones(part.shape[:2], np.uint8), to_part, thumbnail.shape, cv2.INTER_NEAREST)
    observed = _split_planes(_warp(part, to_part, thumbnail.shape))
    inside = (seen > 0) & counts
    if inside.sum() < LEAST_PART_PX**2:
        return NOTHING
    speaking, alike = _compare_blocks(expected[0], observed[0], inside)
    is_compared = speaking & (alike > NOT_SEEN)
    gradients = _compute_gradient(expected[0]), _compute_gradient(observed[0])
    return PixelEvidence(
        homography,
        float(inside.sum() / design.counts.sum()),
        _correlate(expected[:1], observed[:1], inside),
        _correlate(*gradients, inside, centre=False),
        _correlate(expected[1:], observed[1:], inside) if expected[1:, inside].std() > LEAST_COLOUR else 0.0,
        float((alike[is_compared] > BLOCK_AGREES).mean()) if is_compared.any() else 0.0,
        aligned=drift is not None,
        speaking=speaking,
        alike=alike,
    )


def straighten(picture: Rgb, homography: Matrix, shape: tuple[int, ...]) -> tuple[Rgb, Mask, float] | None:
    """Cut a design's place out of a picture, in the shape of the thumbnail.

    Returns the pixels, where they are inside the picture, and the pixels of the picture per pixel of the
    thumbnail, along a side. Returns None when the map is not usable.
    """
    crop = _crop(picture, homography, shape)
    if crop is None:
        return None
    part, to_part = crop
    seen = _warp(np.ones(part.shape[:2], np.uint8), to_part, shape, cv2.INTER_NEAREST)
    density = math.sqrt(abs(float(np.linalg.det(to_part[:2, :2]))))
    return _warp(part, to_part, shape), seen > 0, density


def _crop(picture: Rgb, homography: Matrix, shape: tuple[int, ...]) -> tuple[Rgb, Matrix] | None:
    """Return the part of a picture under the design, in the thumbnail's resolution, and the map onto it."""
    height_px, width_px = shape[:2]
    corners = (
        np.array([[0, 0, 1], [width_px, 0, 1], [width_px, height_px, 1], [0, height_px, 1]]) @ homography.T
    )
    if (corners[:, 2] <= 0).any() or not np.isfinite(corners).all():
        return None
    corners = corners[:, :2] / corners[:, 2:]
    margin = MOST_DRIFT * np.ptp(corners, axis=0).max()
    left, top = np.maximum(np.floor(corners.min(axis=0) - margin), 0).astype(int)
    right, bottom = np.minimum(np.ceil(corners.max(axis=0) + margin), picture.shape[1::-1]).astype(int)
    if right - left < LEAST_PART_PX or bottom - top < LEAST_PART_PX:
        return None
    part = picture[top:bottom, left:right]
    x, y = corners.T
    area = abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2
    shrink = min(1.0, math.sqrt(width_px * height_px / max(area, 1.0)) * 1.25)
    to_part = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]], np.float64) @ homography
    if shrink < 1:
        size = max(1, round(part.shape[1] * shrink)), max(1, round(part.shape[0] * shrink))
        to_part = np.diag([size[0] / part.shape[1], size[1] / part.shape[0], 1.0]) @ to_part
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return part, to_part


def _warp(part: Rgb, to_part: Matrix, shape: tuple[int, ...], flags: int = cv2.INTER_LINEAR) -> Rgb:
    """Return the part of a picture that the thumbnail covers."""
    size = shape[1], shape[0]
    return cv2.warpPerspective(part, to_part, size, flags=flags | cv2.WARP_INVERSE_MAP).astype(
        np.uint8, copy=False
    )


def _split_planes(rgb: Rgb, *, inverted: bool = False) -> Plane:
    """Return grey, red against green, yellow against blue: `(3, h, w) float32`. Negates if `inverted`."""
    red, green, blue = ((255 - rgb if inverted else rgb)[..., n].astype(np.float32) for n in range(3))
    return np.stack([0.299 * red + 0.587 * green + 0.114 * blue, red - green, (red + green) / 2 - blue])


def _refine_map(design: Plane, picture: Plane, seen: NDArray[np.uint8]) -> Matrix | None:
    """Return the small homography under which the grey levels agree best.

    Returns None when the search does not converge or a corner moves too far.
    """
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, ECC_STEPS, ECC_GAIN)
    start = np.eye(3, dtype=np.float32)
    try:
        _, refined = cv2.findTransformECC(
            np.clip(design, 0, 255).astype(np.uint8),
            np.clip(picture, 0, 255).astype(np.uint8),
            start,
            cv2.MOTION_HOMOGRAPHY,
            criteria,
            seen,
            ECC_BLUR_PX,
        )
    except cv2.error:  # the search does not converge
        return None
    drift = np.asarray(refined, np.float64)
    height_px, width_px = design.shape
    corners = np.array([[0, 0, 1], [width_px, 0, 1], [width_px, height_px, 1], [0, height_px, 1]], np.float64)
    moved = corners @ drift.T
    if not np.isfinite(moved).all() or (moved[:, 2] <= 0).any():
        return None
    farthest_px = np.hypot(*(moved[:, :2] / moved[:, 2:] - corners[:, :2]).T).max()
    return drift if farthest_px <= MOST_DRIFT * max(design.shape) else None


def _correlate(first: Plane, second: Plane, inside: NDArray[np.bool_], *, centre: bool = True) -> float:
    """Return the correlation of planes `(n, h, w)` over `inside`. `centre` first subtracts plane means."""
    left, right = first[:, inside].astype(np.float64), second[:, inside].astype(np.float64)
    if centre:
        left, right = (values - values.mean(axis=1, keepdims=True) for values in (left, right))
    scale = math.sqrt(float((left**2).sum() * (right**2).sum()))
    return float((left * right).sum() / scale) if scale > 0 else 0.0


def _compute_gradient(grey: Plane) -> Plane:
    """Return edges as unit-free vectors `(2, h, w)`. Strong edges weigh more, but no single edge rules."""
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.0)
    across, along = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    strength = np.hypot(across, along)
    soft = np.maximum(strength + float(strength.mean()), 1e-6)
    return np.stack([across / soft, along / soft]).astype(np.float32)


def _compare_blocks(
    design: Plane, picture: Plane, inside: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], Plane]:
    """Return whether each block of the design has contrast, and its correlation (NOT_SEEN if outside)."""
    rows, columns = (max(1, round(side / BLOCK_PX)) for side in design.shape)
    speaking = np.zeros((rows, columns), np.bool_)
    alike = np.full((rows, columns), NOT_SEEN, np.float32)
    for row in range(rows):
        for column in range(columns):
            block = np.s_[row * BLOCK_PX : (row + 1) * BLOCK_PX, column * BLOCK_PX : (column + 1) * BLOCK_PX]
            speaking[row, column] = design[block].std() >= BLOCK_CONTRAST
            if speaking[row, column] and inside[block].all():
                alike[row, column] = _correlate(design[block][None], picture[block][None], inside[block])
    return speaking, alike
