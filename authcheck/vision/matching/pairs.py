"""Pairs of points of two pictures that resemble each other more than any other point of either picture."""

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
    """Points of a picture (`seen`) and of a design (`known`) that are each other's nearest.

    `seen` and `known` are rows of the points, `weights` are in (0, 1].
    """

    seen: Indexes
    known: Indexes
    weights: Floats

    def __len__(self) -> int:
        return len(self.seen)

    def where(self, chosen: NDArray[np.bool_]) -> "Pairs":
        """Return the chosen pairs."""
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


def joined(pairs: Sequence[Pairs]) -> Pairs:
    """Concatenate pairs."""
    seen, known, weights = zip(*((part.seen, part.known, part.weights) for part in pairs), strict=True)
    return Pairs(np.concatenate(seen), np.concatenate(known), np.concatenate(weights))
