"""Geometric verification: whether the matching points have the same layout in the picture and in the design.

Each single pair gives a similarity, because both points have an angle and a size. The result is the affine
map on which pairs of the greatest total weight agree. All places are as `Features.places` gives them, so
lengths are shares of the longer side.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from authcheck.vision.features.features import Places
from authcheck.vision.matching.pairs import Floats, Pairs

LEAST_PAIRS = 3
TOLERANCE = 0.04  # of the design's longer side as it is seen under the affine map
FIRST_TOLERANCE = 0.06  # greater, because a similarity is only near the true map
FIRST_TURN, TURN = 0.6, 0.7  # radians
FIRST_GROWTH, GROWTH = 0.9, 1.0  # octaves
HYPOTHESES = 3
REFITS = 4
AFFINE_PAIRS = 5  # fewer pairs only determine a similarity
STIFFNESS = 0.05  # weight of the similarity in the affine fit: a length of the design, in its longer sides

Numbers = NDArray[np.float64]
Affine = NDArray[np.float64]  # (2, 3)


@dataclass(frozen=True, slots=True)
class Fit:
    """A map from a design to a picture, `(2, 3)`, and the pairs that agree with it.

    `errors` are the distances of these pairs from the map, in shares of the design's longer side as it is
    seen. `tried` is the number of all pairs.
    """

    affine: Affine
    pairs: Pairs
    errors: NDArray[np.float64]
    tried: int

    @property
    def votes(self) -> float:
        """Return the total weight of the pairs that agree."""
        return float(self.pairs.weights.sum())


def fit(picture: Places, design: Places, pairs: Pairs) -> Fit | None:
    """Return the map on which pairs of the greatest weight agree, or None when no three pairs agree."""
    if len(pairs) < LEAST_PAIRS:
        return None
    in_picture, in_design = picture[pairs.seen].astype(np.float64), design[pairs.known].astype(np.float64)
    turn, size = in_picture[:, 3] - in_design[:, 3], in_picture[:, 2] / in_design[:, 2]
    first, agree = _compute_similarities(in_picture, in_design, turn, size)
    best: Fit | None = None
    for start in np.argsort(-(agree @ pairs.weights), kind="stable")[:HYPOTHESES]:
        affine, agreed, errors = _refit(in_picture, in_design, pairs.weights, first[start], agree[start])
        if agreed.sum() < LEAST_PAIRS:
            continue
        agreeing = Pairs(pairs.seen[agreed], pairs.known[agreed], pairs.weights[agreed])
        candidate = Fit(affine, agreeing, errors[agreed], len(pairs))
        if best is None or candidate.votes > best.votes:
            best = candidate
    return best


def _compute_similarities(
    in_picture: Numbers,
    in_design: Numbers,
    turn: Numbers,
    size: Numbers,
) -> tuple[Numbers, NDArray[np.bool_]]:
    """Return the similarity of each pair, `(n, 2, 3)`, and which pairs agree with it, `(n, n)`."""
    right, down = np.cos(turn) * size, np.sin(turn) * size
    x = np.outer(right, in_design[:, 0]) - np.outer(down, in_design[:, 1])
    y = np.outer(down, in_design[:, 0]) + np.outer(right, in_design[:, 1])
    across, along = in_picture[:, 0] - np.diag(x), in_picture[:, 1] - np.diag(y)
    error = np.hypot(x + across[:, None] - in_picture[:, 0], y + along[:, None] - in_picture[:, 1])
    agree = (
        (error < FIRST_TOLERANCE * size[:, None])
        & (apart(turn, turn[:, None]) < FIRST_TURN)
        & (np.abs(np.log2(size / size[:, None])) < FIRST_GROWTH)
    )
    maps = np.stack([np.column_stack([right, -down, across]), np.column_stack([down, right, along])], axis=1)
    return maps, agree


def _refit(
    in_picture: Numbers,
    in_design: Numbers,
    weights: Floats,
    similarity: Affine,
    agree: NDArray[np.bool_],
) -> tuple[Affine, NDArray[np.bool_], Numbers]:
    """Fit an affine map to the pairs that agree, find again which pairs agree, and repeat a few times."""
    turn, growth = in_picture[:, 3] - in_design[:, 3], np.log2(in_picture[:, 2] / in_design[:, 2])
    affine, errors = similarity, np.zeros(len(in_picture))
    for _ in range(REFITS):
        if agree.sum() >= AFFINE_PAIRS:
            affine = _solve_affine(in_picture[agree, :2], in_design[agree, :2], weights[agree], similarity)
        size = max(np.sqrt(abs(np.linalg.det(affine[:, :2]))), 1e-6)
        errors = np.hypot(*(affine[:, :2] @ in_design[:, :2].T + affine[:, 2:] - in_picture[:, :2].T)) / size
        angle = np.arctan2(affine[1, 0] - affine[0, 1], affine[0, 0] + affine[1, 1])
        agree = (errors < TOLERANCE) & (apart(turn, angle) < TURN) & (np.abs(growth - np.log2(size)) < GROWTH)
        if agree.sum() < LEAST_PAIRS:
            break
    return affine, agree, errors


def _solve_affine(in_picture: Numbers, in_design: Numbers, weights: Floats, similarity: Affine) -> Affine:
    """Fit a weighted affine map. Two more equations hold it to a similarity, so few pairs cannot shear it."""
    centre = in_design.mean(axis=0)
    root_weights = np.sqrt(weights.astype(np.float64))[:, None]
    stiffness = STIFFNESS * float(np.sqrt(weights.mean()))
    left = np.vstack(
        [
            np.column_stack([in_design - centre, np.ones(len(in_design))]) * root_weights,
            np.eye(2, 3) * stiffness,
        ]
    )
    right = np.vstack([in_picture * root_weights, similarity[:, :2].T * stiffness])
    # Normal equations suffice: three unknowns, well scaled.
    solved = np.linalg.solve(left.T @ left + np.eye(3) * 1e-12, left.T @ right).T
    return np.column_stack([solved[:, :2], solved[:, 2] - solved[:, :2] @ centre])


def apart(first: Numbers, second: Numbers | float) -> Numbers:
    """Return the angle between directions, in radians."""
    angle: Numbers = np.abs((first - second + np.pi) % (2 * np.pi) - np.pi)
    return angle
