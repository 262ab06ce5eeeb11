"""Guided matching: every point of a design is looked for where a map puts it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from authcheck.vision.features.features import Places
from authcheck.vision.matching.geometry import LEAST_PAIRS, Affine, Fit, apart
from authcheck.vision.matching.pairs import NO_ROWS, Floats, Indexes, Pairs, Points, joined

REACH = 0.03  # of the design's longer side: how far from its expected place a point is looked for
TURN, GROWTH = 0.5, 0.6  # radians, octaves
DISTANCE = 36000.0  # squared distance of descriptors from which nothing is alike
LEAST_SEEN_SIZE = (
    0.0025,
    0.005,
    0.005,
    0.005,
)  # by channel: diameters that a detector can see, in longer sides
HOMOGRAPHY_PAIRS = 12
AS_WELL = 0.15  # of closeness: what is no more than this better explains a point as well
MOST_DRIFT = 0.15  # of the design's longer side, at a corner


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What guided matching found of a design: the share of its visible points that are there, and the refined map.

    `visible` counts the points that should be seen; `confirmed` is the share of them that is, 0 to 1; `likeness` the
    mean closeness of the confirmed ones, 0 to 1; `spread` the share of the design's area that they span; `channels`
    the number of channels with two or more of them. `homography` `(3, 3)` maps places of the design to places of the picture. `away` are rows of the design's points whose
    like in the picture something else explains.
    """

    visible: int
    confirmed: float
    likeness: float
    spread: float
    channels: int
    homography: NDArray[np.float64]
    pairs: Pairs
    away: Indexes


def confirm(
    picture: Points,
    design: Points,
    found: Fit,
    *,
    extent: tuple[float, float],
    explained: Floats | None = None,
) -> Confirmation:
    """Look for every point of a design where the map puts it.

    `extent` is width and height of the picture in its longer sides. `explained` `(n,)` says how well something else
    explains each point of the picture, 0 to 1: what it explains as well counts neither as visible nor as seen.
    """
    affine = found.affine
    expected, size = _expected(design.places, affine)
    inside = np.all(np.abs(expected[:, :2]) < np.array(extent) / 2, axis=1)
    found_pairs, away = [Pairs(NO_ROWS, NO_ROWS, np.empty(0, np.float32))], [NO_ROWS]
    visible = channels = 0
    for channel, least in enumerate(LEAST_SEEN_SIZE):
        rows = design.rows[channel]
        chosen = inside[rows] & (expected[rows, 2] > least)
        visible += int(chosen.sum())
        there = _guided(picture, design, channel, expected=expected, chosen=np.nonzero(chosen)[0], size=size)
        free = _free(there, explained)
        pairs, explained_away = there.where(free), there.where(~free)
        visible -= len(explained_away)
        away.append(explained_away.known)
        channels += len(pairs) >= 2  # noqa: PLR2004 - one may be chance
        found_pairs.append(pairs)
    pairs = joined(found_pairs)
    return Confirmation(
        visible,
        len(pairs) / max(visible, 1),
        float(pairs.weights.mean()) if len(pairs) else 0.0,
        _spread(design.places[pairs.known, :2]),
        channels,
        _homography(picture.places, design.places, pairs, affine),
        pairs,
        np.concatenate(away),
    )


def _expected(places: Places, affine: Affine) -> tuple[Places, float]:
    """Where a map puts points, and how much it enlarges."""
    size = max(np.sqrt(abs(np.linalg.det(affine[:, :2]))), 1e-6)
    angle = np.arctan2(affine[1, 0] - affine[0, 1], affine[0, 0] + affine[1, 1])
    there = places[:, :2] @ affine[:, :2].T + affine[:, 2]
    expected = np.column_stack([there, places[:, 2] * size, places[:, 3] + angle])
    return expected.astype(np.float32), float(size)


def _free(pairs: Pairs, explained: Floats | None) -> NDArray[np.bool_]:
    """Which pairs something else does not explain as well."""
    if explained is None:
        return np.ones(len(pairs), np.bool_)
    other = explained[pairs.seen]
    free: NDArray[np.bool_] = (other == 0) | (other + AS_WELL < pairs.weights)
    return free


def _guided(
    picture: Points, design: Points, channel: int, *, expected: Places, chosen: Indexes, size: float
) -> Pairs:
    """For each chosen design point of a channel the most alike picture point near its expected place."""
    rows, candidates = design.rows[channel][chosen], picture.rows[channel]
    near = np.empty((0, 2), np.intp)
    if len(rows) and len(candidates):
        there, wanted = picture.places[candidates], expected[rows]
        close = np.abs(there[:, None, 0] - wanted[:, 0]) < REACH * size
        close &= np.abs(there[:, None, 1] - wanted[:, 1]) < REACH * size
        near = np.argwhere(close)
        turned = apart(there[near[:, 0], 3], wanted[near[:, 1], 3])
        grown = np.abs(np.log2(there[near[:, 0], 2] / wanted[near[:, 1], 2]))
        near = near[(turned < TURN) & (grown < GROWTH)]
    difference = (
        picture.vectors[channel][near[:, 0]] - design.vectors[channel][chosen[near[:, 1]]]
        if len(near)
        else np.empty((0, 1), np.float32)
    )
    closeness = 1 - (difference**2).sum(axis=1) / DISTANCE
    alike = closeness > 0
    near, closeness = near[alike], closeness[alike]
    order = np.lexsort((-closeness, near[:, 1]))
    order = order[np.r_[True, np.diff(near[order, 1]) > 0]] if len(order) else order
    return Pairs(candidates[near[order, 0]], rows[near[order, 1]], closeness[order].astype(np.float32))


def _spread(places: Places) -> float:
    """The share of the unit square that points span: the area of their convex hull."""
    if len(places) < LEAST_PAIRS:
        return 0.0
    return float(cv2.contourArea(cv2.convexHull(np.ascontiguousarray(places, np.float32))))


def _homography(picture: Places, design: Places, pairs: Pairs, affine: Affine) -> NDArray[np.float64]:
    """The projective map of guided pairs where they are many and it stays near the affine one, else the affine one."""
    plain = np.vstack([affine, [0, 0, 1]])
    if len(pairs) < HOMOGRAPHY_PAIRS:
        return plain
    known, seen = design[pairs.known, :2].astype(np.float64), picture[pairs.seen, :2].astype(np.float64)
    found, _ = cv2.findHomography(known, seen, 0)
    if found is None or not np.isfinite(found).all() or abs(found[2, 2]) < 1e-9:  # noqa: PLR2004 - degenerate
        return plain
    corners = np.array([[-0.5, -0.5, 1], [0.5, -0.5, 1], [0.5, 0.5, 1], [-0.5, 0.5, 1]])
    there = corners @ (np.asarray(found, np.float64) / found[2, 2]).T
    before = corners @ plain.T
    size = np.sqrt(abs(np.linalg.det(affine[:, :2])))
    if (there[:, 2] <= 0).any():
        return plain
    drift = np.hypot(*(there[:, :2] / there[:, 2:] - before[:, :2]).T).max()
    return np.asarray(found, np.float64) / found[2, 2] if drift < MOST_DRIFT * size else plain
