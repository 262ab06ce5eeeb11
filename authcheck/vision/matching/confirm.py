"""Guided matching: a search for every point of a design at the place that a map gives for it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from authcheck.vision.features.features import Places
from authcheck.vision.matching.geometry import LEAST_PAIRS, Affine, Fit, apart
from authcheck.vision.matching.pairs import FARTHEST, NO_ROWS, Floats, Indexes, Pairs, Points, joined

REACH = 0.03  # of the design's longer side: how far from its expected place a point may be
TURN, GROWTH = 0.5, 0.6  # radians, octaves: the largest difference between a point and its match
# By channel: the least diameter that a detector can see, in longer sides.
LEAST_SEEN_SIZE = (0.0025, 0.005, 0.005, 0.005)
HOMOGRAPHY_PAIRS = 12
# Something else explains a point as well as the design unless the design is closer by more than this.
AS_WELL = 0.15
MOST_DRIFT = 0.15  # of the design's longer side, at a corner


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The result of guided matching: the share of the design's visible points that are found, a refined map.

    `visible` counts the points that should be seen. `confirmed` is the share of them that is found, 0 to 1.
    `likeness` is the mean closeness of the confirmed points, 0 to 1. `spread` is the share of the design's
    area that the confirmed points span. `channels` is the number of channels with two or more confirmed
    points. `homography` `(3, 3)` maps places of the design to places of the picture. `away` are rows of the
    design's points whose match in the picture is explained by something else.
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
    fit: Fit,
    *,
    extent: tuple[float, float],
    explained: Floats | None = None,
) -> Confirmation:
    """Search for every point of a design at the place that the map gives for it.

    `extent` is width and height of the picture in its longer sides. `explained` `(n,)` says how well
    something else explains each point of the picture, 0 to 1. A point that something else explains as well
    counts neither as visible nor as seen.
    """
    expected, size = _project_points(design.places, fit.affine)
    inside = np.all(np.abs(expected[:, :2]) < np.array(extent) / 2, axis=1)
    found_pairs, away = [Pairs(NO_ROWS, NO_ROWS, np.empty(0, np.float32))], [NO_ROWS]
    visible = channels = 0
    for channel, least in enumerate(LEAST_SEEN_SIZE):
        rows = design.rows[channel]
        (chosen,) = np.nonzero(inside[rows] & (expected[rows, 2] > least))
        visible += len(chosen)
        matches = _match_nearby(picture, design, channel, expected=expected, chosen=chosen, size=size)
        is_free = _find_unexplained(matches, explained)
        pairs, explained_away = matches.where(is_free), matches.where(~is_free)
        visible -= len(explained_away)
        away.append(explained_away.known)
        channels += len(pairs) >= 2  # noqa: PLR2004 - one may be chance
        found_pairs.append(pairs)
    pairs = joined(found_pairs)
    return Confirmation(
        visible,
        len(pairs) / max(visible, 1),
        float(pairs.weights.mean()) if len(pairs) else 0.0,
        _measure_spread(design.places[pairs.known, :2]),
        channels,
        _refine_homography(picture.places, design.places, pairs, fit.affine),
        pairs,
        np.concatenate(away),
    )


def _project_points(places: Places, affine: Affine) -> tuple[Places, float]:
    """Return the places to which a map sends points, and the map's enlargement."""
    size = max(np.sqrt(abs(np.linalg.det(affine[:, :2]))), 1e-6)
    angle = np.arctan2(affine[1, 0] - affine[0, 1], affine[0, 0] + affine[1, 1])
    projected = places[:, :2] @ affine[:, :2].T + affine[:, 2]
    expected = np.column_stack([projected, places[:, 2] * size, places[:, 3] + angle])
    return expected.astype(np.float32), float(size)


def _find_unexplained(pairs: Pairs, explained: Floats | None) -> NDArray[np.bool_]:
    """Return which pairs nothing else explains as well."""
    if explained is None:
        return np.ones(len(pairs), np.bool_)
    explanation = explained[pairs.seen]
    is_free: NDArray[np.bool_] = (explanation == 0) | (explanation + AS_WELL < pairs.weights)
    return is_free


def _match_nearby(
    picture: Points, design: Points, channel: int, *, expected: Places, chosen: Indexes, size: float
) -> Pairs:
    """Find for each chosen design point of a channel the most similar picture point near its place."""
    rows, candidates = design.rows[channel][chosen], picture.rows[channel]
    index_pairs = np.empty((0, 2), np.intp)
    if len(rows) and len(candidates):
        candidate_places, expected_places = picture.places[candidates], expected[rows]
        is_close = np.abs(candidate_places[:, None, 0] - expected_places[:, 0]) < REACH * size
        is_close &= np.abs(candidate_places[:, None, 1] - expected_places[:, 1]) < REACH * size
        index_pairs = np.argwhere(is_close)
        turn_difference = apart(candidate_places[index_pairs[:, 0], 3], expected_places[index_pairs[:, 1], 3])
        growth_difference = np.abs(
            np.log2(candidate_places[index_pairs[:, 0], 2] / expected_places[index_pairs[:, 1], 2])
        )
        index_pairs = index_pairs[(turn_difference < TURN) & (growth_difference < GROWTH)]
    difference = (
        picture.vectors[channel][index_pairs[:, 0]] - design.vectors[channel][chosen[index_pairs[:, 1]]]
        if len(index_pairs)
        else np.empty((0, 1), np.float32)
    )
    closeness = 1 - (difference**2).sum(axis=1) / FARTHEST
    is_alike = closeness > 0
    index_pairs, closeness = index_pairs[is_alike], closeness[is_alike]
    order = np.lexsort((-closeness, index_pairs[:, 1]))
    order = order[np.r_[True, np.diff(index_pairs[order, 1]) > 0]] if len(order) else order
    return Pairs(
        candidates[index_pairs[order, 0]], rows[index_pairs[order, 1]], closeness[order].astype(np.float32)
    )


def _measure_spread(places: Places) -> float:
    """Return the share of the unit square that points span: the area of their convex hull."""
    if len(places) < LEAST_PAIRS:
        return 0.0
    return float(cv2.contourArea(cv2.convexHull(np.ascontiguousarray(places, np.float32))))


def _refine_homography(picture: Places, design: Places, pairs: Pairs, affine: Affine) -> NDArray[np.float64]:
    """Fit a homography to guided pairs. Keep the affine map for few pairs or when a corner drifts too far."""
    plain = np.vstack([affine, [0, 0, 1]])
    if len(pairs) < HOMOGRAPHY_PAIRS:
        return plain
    design_places = design[pairs.known, :2].astype(np.float64)
    picture_places = picture[pairs.seen, :2].astype(np.float64)
    projective, _ = cv2.findHomography(design_places, picture_places, 0)
    if projective is None or not np.isfinite(projective).all() or abs(projective[2, 2]) < 1e-9:  # noqa: PLR2004 - degenerate
        return plain
    corners = np.array([[-0.5, -0.5, 1], [0.5, -0.5, 1], [0.5, 0.5, 1], [-0.5, 0.5, 1]])
    moved = corners @ (np.asarray(projective, np.float64) / projective[2, 2]).T
    expected = corners @ plain.T
    size = np.sqrt(abs(np.linalg.det(affine[:, :2])))
    if (moved[:, 2] <= 0).any():
        return plain
    drift = np.hypot(*(moved[:, :2] / moved[:, 2:] - expected[:, :2]).T).max()
    return np.asarray(projective, np.float64) / projective[2, 2] if drift < MOST_DRIFT * size else plain
