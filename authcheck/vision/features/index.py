"""The interface of the index of local features, which finds the nearest registered descriptors.

authcheck runs on `filed_index.FiledFeatureIndex`. `BruteForceFeatureIndex` is plain numpy and is the
reference: it defines which points are nearest. The database owns the features. An index holds only features
of the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from authcheck.vision.features.features import DIMENSIONS, Channels, Descriptors, Features, Steps

Keys = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The nearest points of q queries, nearest first.

    Equally near points are ordered by key, then place in the entry. `keys` is `(q, k) int64`: the key of the
    neighbour's entry, or -1 for no neighbour. `steps`, `(q, k, 4) uint16`, and `channels`, `(q, k) uint8`,
    describe the neighbour, see Features. `distances` is `(q, k) float32`: Euclidean, or infinity for no
    neighbour.
    """

    keys: Keys
    steps: Steps
    channels: Channels
    distances: NDArray[np.float32]


class FeatureIndex(Protocol):
    """An index of the feature points of entries. Each entry has a unique key, 0 or greater.

    Searches may run in parallel. A change must not run in parallel with another change or with a search.
    """

    def add(self, keys: Sequence[int], features: Sequence[Features]) -> None:
        """Add `features[i]` under `keys[i]`, all or nothing.

        Raises ValueError when a key is already in the index, repeated or negative.
        """

    def remove(self, keys: Sequence[int]) -> None:
        """Remove these entries. Ignores unknown keys."""

    def nearest(self, descriptors: Descriptors, count: int) -> Neighbours:
        """Find the `count` (1 or more) nearest points of each query, `(q, 64) uint8`.

        The answer depends on the entries in the index, not on the order of changes. Raises ValueError for
        another shape or dtype.
        """

    def points(self, keys: Keys) -> NDArray[np.int32]:
        """Return the number of points of each entry, `(n,)`. Unknown keys have 0."""

    def __len__(self) -> int: ...


class BruteForceFeatureIndex:
    """The reference: computes every distance and sorts every answer. It is slow, and easy to verify."""

    def __init__(self) -> None:
        self._entries: dict[int, Features] = {}

    def add(self, keys: Sequence[int], features: Sequence[Features]) -> None:
        """See `FeatureIndex.add`."""
        check_entries(keys, features)
        if known_keys := self._entries.keys() & set(keys):
            raise ValueError(f"The key {min(known_keys)} is already in the index.")
        self._entries.update(zip(map(int, keys), features, strict=True))

    def remove(self, keys: Sequence[int]) -> None:
        """See `FeatureIndex.remove`."""
        for key in keys:
            self._entries.pop(key, None)

    def nearest(self, descriptors: Descriptors, count: int) -> Neighbours:
        """See `FeatureIndex.nearest`."""
        check_query(descriptors, count)
        answer = no_neighbours(len(descriptors), count)
        entries = sorted(self._entries.items())
        if not entries:
            return answer
        stored = np.concatenate([features.descriptors for _, features in entries]).astype(np.int64)
        keys = np.repeat([key for key, _ in entries], [len(features) for _, features in entries])
        steps = np.concatenate([features.steps for _, features in entries])
        channels = np.concatenate([features.channels for _, features in entries])
        for query, descriptor in enumerate(descriptors):
            squared = np.square(stored - descriptor).sum(axis=1)
            # The points are in the order of key and place, so a stable sort decides ties by key and place.
            nearest = np.argsort(squared, kind="stable")[:count]
            answer.keys[query, : len(nearest)] = keys[nearest]
            answer.steps[query, : len(nearest)] = steps[nearest]
            answer.channels[query, : len(nearest)] = channels[nearest]
            answer.distances[query, : len(nearest)] = np.sqrt(squared[nearest].astype(np.float32))
        return answer

    def points(self, keys: Keys) -> NDArray[np.int32]:
        """See `FeatureIndex.points`."""
        return np.array([len(self._entries.get(key, ())) for key in keys.tolist()], np.int32)

    def __len__(self) -> int:
        return len(self._entries)


def no_neighbours(queries: int, count: int) -> Neighbours:
    """Return an empty answer of the shape `(queries, count)`."""
    return Neighbours(
        np.full((queries, count), -1, np.int64),
        np.zeros((queries, count, 4), np.uint16),
        np.zeros((queries, count), np.uint8),
        np.full((queries, count), np.inf, np.float32),
    )


def check_entries(keys: Sequence[int], features: Sequence[Features]) -> None:
    """Raise ValueError when a key is negative or repeated, or when there are not as many keys as features."""
    if len(keys) != len(features):
        raise ValueError(f"There are {len(keys)} keys for {len(features)} features.")
    if len(set(keys)) != len(keys):
        raise ValueError("A key is repeated.")
    if len(keys) and min(keys) < 0:
        raise ValueError(f"A key must be 0 or greater, got {min(keys)}.")


def check_query(descriptors: Descriptors, count: int) -> None:
    """Raise ValueError unless the descriptors are `(q, 64) uint8` and the count is 1 or more."""
    if descriptors.dtype != np.uint8 or descriptors.shape[1:] != (DIMENSIONS,):
        raise ValueError(
            f"The descriptors must be (q, {DIMENSIONS}) uint8, got {descriptors.shape} {descriptors.dtype}."
        )
    if count < 1:
        raise ValueError(f"The count must be 1 or more, got {count}.")
