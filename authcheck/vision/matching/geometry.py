"""Geometric verification: do the points that a picture and a design share lie alike in both?

A similarity from each single pair (both points have an angle and a size), then the affine map that the most weight of
pairs agrees with. All places are as `Features.places` gives them, so lengths are shares of the longer side.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from authcheck.vision.features.features import Places
from authcheck.vision.matching.pairs import Floats, Pairs

LEAST_PAIRS = 3
TOLERANCE = 0.04  # of the design's longer side, where the affine map puts it
FIRST_TOLERANCE = 0.06  # a similarity is only near the truth
FIRST_TURN, TURN = 0.6, 0.7  # radians
FIRST_GROWTH, GROWTH = 0.9, 1.0  # octaves
HYPOTHESES = 3
REFITS = 4
AFFINE_PAIRS = 5  # fewer pairs fix a similarity only
STIFFNESS = 0.05  # weight of the similarity in the affine fit: a length of the design, in its longer sides

Numbers = NDArray[np.float64]
Affine = NDArray[np.float64]  # (2, 3)


@dataclass(frozen=True, slots=True)
class Fit:
    """A map from a design to a picture, `(2, 3)`, and the pairs that agree with it.

    `errors` are those pairs' distances in shares of the design's longer side where it is seen; `votes` is their weight.
    """

    affine: Affine
    pairs: Pairs
    errors: NDArray[np.float64]
    tried: int

    @property
    def votes(self) -> float:
        """The weight of the pairs that agree."""
        return float(self.pairs.weights.sum())


def fit(picture: Places, design: Places, pairs: Pairs) -> Fit | None:
    """The map that the most weight of pairs agrees with; None where no three pairs agree."""
    if len(pairs) < LEAST_PAIRS:
        return None
    seen, known = picture[pairs.seen].astype(np.float64), design[pairs.known].astype(np.float64)
    turn, size = seen[:, 3] - known[:, 3], seen[:, 2] / known[:, 2]
    first, agree = _similarities(seen, known, turn, size)
    best: Fit | None = None
    for start in np.argsort(-(agree @ pairs.weights), kind="stable")[:HYPOTHESES]:
        affine, inside, errors = _refit(seen, known, pairs.weights, first[start], agree[start])
        if inside.sum() < LEAST_PAIRS:
            continue
        kept = Pairs(pairs.seen[inside], pairs.known[inside], pairs.weights[inside])
        found = Fit(affine, kept, errors[inside], len(pairs))
        if best is None or found.votes > best.votes:
            best = found
    return best


def _similarities(
    seen: Numbers,
    known: Numbers,
    turn: Numbers,
    size: Numbers,
) -> tuple[Numbers, NDArray[np.bool_]]:
    """The similarity of each pair, `(n, 2, 3)`, and which pairs agree with it, `(n, n)`."""
    right, down = np.cos(turn) * size, np.sin(turn) * size
    x = np.outer(right, known[:, 0]) - np.outer(down, known[:, 1])
    y = np.outer(down, known[:, 0]) + np.outer(right, known[:, 1])
    across, along = seen[:, 0] - np.diag(x), seen[:, 1] - np.diag(y)
    error = np.hypot(x + across[:, None] - seen[:, 0], y + along[:, None] - seen[:, 1])
    agree = (
        (error < FIRST_TOLERANCE * size[:, None])
        & (apart(turn, turn[:, None]) < FIRST_TURN)
        & (np.abs(np.log2(size / size[:, None])) < FIRST_GROWTH)
    )
    maps = np.stack([np.column_stack([right, -down, across]), np.column_stack([down, right, along])], axis=1)
    return maps, agree


def _refit(
    seen: Numbers,
    known: Numbers,
    weights: Floats,
    similarity: Affine,
    inside: NDArray[np.bool_],
) -> tuple[Affine, NDArray[np.bool_], Numbers]:
    """Fit an affine map to the pairs that agree and look again which agree, a few times."""
    turn, growth = seen[:, 3] - known[:, 3], np.log2(seen[:, 2] / known[:, 2])
    affine, errors = similarity, np.zeros(len(seen))
    for _ in range(REFITS):
        if inside.sum() >= AFFINE_PAIRS:
            affine = _least_squares(seen[inside, :2], known[inside, :2], weights[inside], similarity)
        size = max(np.sqrt(abs(np.linalg.det(affine[:, :2]))), 1e-6)
        errors = np.hypot(*(affine[:, :2] @ known[:, :2].T + affine[:, 2:] - seen[:, :2].T)) / size
        angle = np.arctan2(affine[1, 0] - affine[0, 1], affine[0, 0] + affine[1, 1])
        inside = (
            (errors < TOLERANCE) & (apart(turn, angle) < TURN) & (np.abs(growth - np.log2(size)) < GROWTH)
        )
        if inside.sum() < LEAST_PAIRS:
            break
    return affine, inside, errors


def _least_squares(seen: Numbers, known: Numbers, weights: Floats, similarity: Affine) -> Affine:
    """The weighted affine fit, held to a similarity by two more equations so that few pairs cannot shear it."""
    middle = known.mean(axis=0)
    root = np.sqrt(weights.astype(np.float64))[:, None]
    hold = STIFFNESS * float(np.sqrt(weights.mean()))
    left = np.vstack([np.column_stack([known - middle, np.ones(len(known))]) * root, np.eye(2, 3) * hold])
    right = np.vstack([seen * root, similarity[:, :2].T * hold])
    # normal equations: three unknowns, well scaled
    solved = np.linalg.solve(left.T @ left + np.eye(3) * 1e-12, left.T @ right).T
    return np.column_stack([solved[:, :2], solved[:, 2] - solved[:, :2] @ middle])


def apart(one: Numbers, other: Numbers | float) -> Numbers:
    """The angle between directions, in radians."""
    apart: Numbers = np.abs((one - other + np.pi) % (2 * np.pi) - np.pi)
    return apart
