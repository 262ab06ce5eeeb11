"""Pairs of points of two pictures that resemble each other.

In a mutual pair, each point is the other's nearest. In an all-over print, a point of the design has an equal
in every copy, so mutual pairs scatter over the copies, and none leads. There each point of the picture gets
its nearest point of the design.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from authcheck.vision.features.features import CHANNELS, Features, Places
from authcheck.vision.features.vocabulary import centred, edited
from authcheck.vision.matching.votes import Edit, edited_places

# The matrices here are small. A second BLAS thread made them nine times slower beside another busy process.
# Scans, servers and tests already run one process or thread per core.
# This does not limit the threads of OpenMP: faiss sets its own.
ThreadpoolController().select(threading_layer="pthreads").limit(limits=1)

FULL_MARGIN = 12400.0  # squared distance by which a pair of full weight beats the second best pair
LEAST_WEIGHT = 0.05
FARTHEST = 36000.0  # squared distance from which two points are not alike
# Points of one picture that are repeats: nearer than this, alike in size (octaves) and angle (radians), and
# this far from each other (longer sides).
REPEAT, REPEAT_GROWTH, REPEAT_TURN, REPEAT_APART = 10000.0, 0.3, 0.35, 0.04
REPEAT_POINTS = 500  # the strongest grey points are looked at
FEWEST_REPEAT_POINTS = 30
REPEATED = 0.2  # share of these points with two repeats or more, from which a picture repeats itself

Floats = NDArray[np.float32]
Indexes = NDArray[np.intp]
NO_ROWS: Indexes = np.empty(0, np.intp)


@dataclass(frozen=True, slots=True)
class Points:
    """Points ready for comparison: by channel, `rows` of `places`, and `vectors`, the centred descriptors."""

    places: Places
    rows: Sequence[Indexes]
    vectors: Sequence[Floats]
    norms: Sequence[Floats]

    @classmethod
    def of(cls, features: Features, edit: Edit = Edit()) -> Self:  # noqa: B008 - frozen
        """Return the points of a picture with an edit undone."""
        codes = edited(features.descriptors, mirrored=edit.mirrored, inverted=edit.inverted)
        vectors = centred(codes)
        rows = [np.nonzero(features.channels == channel)[0] for channel in range(len(CHANNELS))]
        return cls(
            edited_places(features.places(), edit),
            rows,
            [vectors[channel_rows] for channel_rows in rows],
            [(vectors[channel_rows] ** 2).sum(axis=1) for channel_rows in rows],
        )


@dataclass(frozen=True, slots=True)
class Pairs:
    """Points of a picture (`seen`) and of a design (`known`) that resemble each other.

    `seen` and `known` are rows of the points, `weights` are in (0, 1].
    """

    seen: Indexes
    known: Indexes
    weights: Floats

    def __len__(self) -> int:
        return len(self.seen)

    def where(self, chosen: NDArray[np.bool_] | Indexes) -> "Pairs":
        """Return the chosen pairs, by mask or by rows."""
        return Pairs(self.seen[chosen], self.known[chosen], self.weights[chosen])


def mutual_pairs(picture: Points, design: Points) -> Pairs:
    """Return pairs that are each other's nearest in their channel, weighted by lead over the second best."""
    seen, known, weights = [np.empty(0, np.intp)], [np.empty(0, np.intp)], [np.empty(0, np.float32)]
    for channel in range(len(CHANNELS)):
        if not (len(picture.rows[channel]) and len(design.rows[channel])):
            continue
        # Minus the squared distance, without a term that is the same for a whole column.
        likeness = 2 * (picture.vectors[channel] @ design.vectors[channel].T)
        likeness -= picture.norms[channel][:, None]
        nearest = likeness.argmax(axis=0)
        columns = np.arange(likeness.shape[1])
        best = likeness[nearest, columns]
        mutual = (likeness[nearest] - design.norms[channel]).argmax(axis=1) == columns
        likeness[nearest, columns] = -np.inf
        margin = np.minimum(best - likeness.max(axis=0), FULL_MARGIN)
        seen.append(picture.rows[channel][nearest[mutual]])
        known.append(design.rows[channel][mutual])
        weights.append(np.maximum(margin[mutual] / FULL_MARGIN, LEAST_WEIGHT))
    return Pairs(np.concatenate(seen), np.concatenate(known), np.concatenate(weights).astype(np.float32))


def nearest_pairs(picture: Points, design: Points, most: int) -> Pairs:
    """Return each picture point's nearest design point in its channel, the `most` surest pairs.

    A pair's weight is its lead over the second nearest point of the design.
    """
    found = [Pairs(NO_ROWS, NO_ROWS, np.empty(0, np.float32))]
    for channel in range(len(CHANNELS)):
        if not len(picture.rows[channel]) or len(design.rows[channel]) <= 1:
            continue
        likeness = 2 * (picture.vectors[channel] @ design.vectors[channel].T) - design.norms[channel]
        rows, nearest = np.arange(len(likeness)), likeness.argmax(axis=1)
        best = likeness[rows, nearest]
        is_alike = picture.norms[channel] - best < FARTHEST
        likeness[rows, nearest] = -np.inf
        margin = np.minimum(best - likeness.max(axis=1), FULL_MARGIN)
        weights = np.maximum(margin / FULL_MARGIN, LEAST_WEIGHT).astype(np.float32)
        found.append(Pairs(picture.rows[channel], design.rows[channel][nearest], weights).where(is_alike))
    pairs = joined(found)
    order = np.argsort(-pairs.weights, kind="stable")[:most]
    return pairs.where(order)


def repeats_itself(picture: Points) -> bool:
    """Return whether many points of a picture occur again elsewhere in it, as in an all-over print."""
    rows = picture.rows[0][:REPEAT_POINTS]
    if len(rows) < FEWEST_REPEAT_POINTS:
        return False
    vectors, norms = picture.vectors[0][: len(rows)], picture.norms[0][: len(rows)]
    is_near = norms[:, None] + norms - 2 * vectors @ vectors.T < REPEAT
    if (is_near.sum(axis=1) > 2).mean() < REPEATED:  # noqa: PLR2004 - the point itself, and two others
        return False
    one, other = np.nonzero(is_near)
    first, second = picture.places[rows[one]], picture.places[rows[other]]
    is_repeat = (
        (np.abs(np.log2(first[:, 2] / second[:, 2])) < REPEAT_GROWTH)
        & (np.abs((first[:, 3] - second[:, 3] + np.pi) % (2 * np.pi) - np.pi) < REPEAT_TURN)
        & (np.hypot(first[:, 0] - second[:, 0], first[:, 1] - second[:, 1]) > REPEAT_APART)
    )
    repeats = np.bincount(one[is_repeat], minlength=len(rows))
    return bool((repeats > 1).mean() >= REPEATED)


def joined(pairs: Sequence[Pairs]) -> Pairs:
    """Concatenate pairs."""
    seen, known, weights = zip(*((part.seen, part.known, part.weights) for part in pairs), strict=True)
    return Pairs(np.concatenate(seen), np.concatenate(known), np.concatenate(weights))
