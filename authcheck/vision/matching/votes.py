"""Candidates: every point that resembles a point of a design votes for a pose of that design.

Each pair of similar points determines a whole pose (angle, size, centre), because both points have an angle
and a size of their own. Votes of one design for one pose add up in a cell of a grid (Hough voting, Lowe 2004,
section 7.3). Pairs that are similar by chance scatter. Two grids, shifted by half a cell, catch poses on a
border.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from authcheck.vision.features.features import Places, places_of
from authcheck.vision.features.index import Neighbours

ANGLE_CELLS = 12
SIZE_CELLS_AN_OCTAVE = 1.5
SIZE_CELLS = 16
SIZE_OCTAVES = 4.0  # a design may be 16 times smaller or larger than registered, by the longer sides
MIDDLE_CELL = 0.3  # of the design's longer side
MIDDLE_CELLS = 128
GRIDS = 2
LEAST_WEIGHT = 0.01
# For one in twenty points the tenth neighbour is nearer: all ten belong to one family, such as colourways.
LEAST_FARTHEST = 70.0

Votes = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Edit:
    """The possible changes to a design besides its pose: mirrored, light and dark swapped."""

    mirrored: bool = False
    inverted: bool = False


@dataclass(frozen=True, slots=True)
class Pose:
    """The best cell of one entry: its key in the index, the votes, and the edit under which they agree."""

    key: int
    votes: float
    edit: Edit


def edited_places(places: Places, edit: Edit) -> Places:
    """Return the places of a picture's points with the edit undone."""
    undone = places.copy()
    if edit.mirrored:
        undone[:, 0] *= -1
        undone[:, 3] = np.pi - undone[:, 3]
    if edit.inverted:
        undone[:, 3] += np.pi
    undone[:, 3] %= 2 * np.pi
    return undone


def weights_of(neighbours: Neighbours, channels: NDArray[np.uint8]) -> Votes:
    """Return the weight of each neighbour's vote, `(q, k) float32` in [0, 1].

    The weight is how much nearer a neighbour is than the farthest neighbour. A point that resembles many
    others has neighbours that are all equally near, so they get no weight. Neighbours that are nearer than
    LEAST_FARTHEST, as only copies are, keep their weight even if they are all equally near. `channels` `(q,)`
    are the channels of the asking points. A neighbour in another channel gets no weight.
    """
    exists = neighbours.keys >= 0
    distances = np.where(exists, neighbours.distances, 0)
    farthest = np.maximum(distances.max(axis=1, keepdims=True), LEAST_FARTHEST)
    weights = (farthest - distances) / farthest
    return np.where(exists & (neighbours.channels == channels[:, None]), weights, 0).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Ballot:
    """The votes of a picture's points under one edit: the places with the edit undone, and the neighbours.

    `places` is `(q, 4) float32` as `Features.places`, `weights` `(q, k) float32`.
    """

    edit: Edit
    places: Places
    neighbours: Neighbours
    weights: Votes


def count_votes(ballots: Sequence[Ballot]) -> dict[int, Pose]:
    """Return the best cell of every entry that got votes, by key."""
    best: dict[int, Pose] = {}
    for ballot in ballots:
        for key, votes in zip(*_tally(ballot), strict=True):
            if key not in best or votes > best[key].votes:
                best[int(key)] = Pose(int(key), float(votes), ballot.edit)
    return best


def _tally(ballot: Ballot) -> tuple[NDArray[np.int64], Votes]:
    """Return the entries that got votes under one edit, and the votes of each entry's best cell."""
    asking, rank = np.nonzero(ballot.weights > LEAST_WEIGHT)
    keys, weights = ballot.neighbours.keys[asking, rank], ballot.weights[asking, rank]
    in_picture, in_design = ballot.places[asking], places_of(ballot.neighbours.steps[asking, rank])
    turn = (in_picture[:, 3] - in_design[:, 3]) % (2 * np.pi)
    growth = np.log2(in_picture[:, 2] / in_design[:, 2])
    size = np.exp2(growth)
    right, down = np.cos(turn) * size, np.sin(turn) * size
    centre = in_picture[:, :2] - np.column_stack(
        [right * in_design[:, 0] - down * in_design[:, 1], down * in_design[:, 0] + right * in_design[:, 1]]
    )
    entries, entry = np.unique(keys, return_inverse=True)
    votes = np.zeros(len(entries), np.float32)
    is_near = np.abs(growth) < SIZE_OCTAVES
    for shift in np.arange(GRIDS) / GRIDS:
        angle_cell = np.floor(turn / (2 * np.pi) * ANGLE_CELLS + shift).astype(np.int64) % ANGLE_CELLS
        size_cell = np.floor((growth + SIZE_OCTAVES) * SIZE_CELLS_AN_OCTAVE + shift).astype(np.int64)
        cell_size = MIDDLE_CELL * np.exp2((size_cell - shift + 0.5) / SIZE_CELLS_AN_OCTAVE - SIZE_OCTAVES)
        centre_cell = np.floor(centre / cell_size[:, None] + shift).astype(np.int64) + MIDDLE_CELLS // 2
        inside = is_near & ((centre_cell >= 0) & (centre_cell < MIDDLE_CELLS)).all(axis=1)
        cell = np.ravel_multi_index(
            (entry[inside], angle_cell[inside], size_cell[inside], *centre_cell[inside].T),
            (len(entries), ANGLE_CELLS, SIZE_CELLS, MIDDLE_CELLS, MIDDLE_CELLS),
        )
        _add_cells(votes, cell, asking[inside], weights[inside])
    return entries, votes


def _add_cells(votes: Votes, cell: NDArray[np.int64], asking: NDArray[np.int64], weights: Votes) -> None:
    """Raise each entry to the votes of its best cell. A point has one vote per cell: its first and best."""
    if not len(cell):
        return
    voter = cell * (int(asking[-1]) + 1) + asking
    order = np.argsort(voter, kind="stable")
    first = order[_find_starts(voter[order])]
    cell, weights = cell[first], weights[first]
    cell_starts = np.nonzero(_find_starts(cell))[0]
    totals = np.add.reduceat(weights, cell_starts)
    np.maximum.at(
        votes, cell[cell_starts] // (ANGLE_CELLS * SIZE_CELLS * MIDDLE_CELLS * MIDDLE_CELLS), totals
    )


def _find_starts(values: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return where runs of equal values begin."""
    starts = np.ones(len(values), np.bool_)
    starts[1:] = values[1:] != values[:-1]
    return starts
