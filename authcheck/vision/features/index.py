"""Search for the nearest descriptors among those of all registered pictures: the port, and its reference.

authcheck runs on `filed_index.FiledFeatureIndex`; `BruteForceFeatureIndex` is plain numpy and defines what is nearest.
The database owns the features; an index is filled from it and holds nothing else.
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
    """What was found near each query, nearest first; equally near ones by key, then by their place in the entry.

    `keys` `(q, k) int64`: the entry of the neighbour, -1 for none. `steps` `(q, k, 4) uint16` and `channels`
    `(q, k) uint8`: the neighbour's, see Features. `distances` `(q, k) float32`: Euclidean, infinity for none.
    """

    keys: Keys
    steps: Steps
    channels: Channels
    distances: NDArray[np.float32]


class FeatureIndex(Protocol):
    """The points of entries, each entry under a key of its own (0 or greater).

    Changes must not run beside each other or beside a search; searches may run beside searches.
    """

    def add(self, keys: Sequence[int], features: Sequence[Features]) -> None:
        """Put `features[i]` under `keys[i]`, all or nothing; ValueError if a key is known, repeated or negative."""

    def remove(self, keys: Sequence[int]) -> None:
        """Take these entries out; unknown keys are ignored."""

    def nearest(self, descriptors: Descriptors, count: int) -> Neighbours:
        """The `count` (1 or more) nearest points of each query `(q, 64)`. Depends on what is in the index, not on how it came in.

        Another shape or dtype raises ValueError.
        """

    def points(self, keys: Keys) -> NDArray[np.int32]:
        """How many points the entries have, `(n,)`; 0 for unknown keys."""

    def __len__(self) -> int: ...


class BruteForceFeatureIndex:
    """Every distance computed and every answer sorted: slow, and plain enough to be believed."""

    def __init__(self) -> None:
        self._entries: dict[int, Features] = {}

    def add(self, keys: Sequence[int], features: Sequence[Features]) -> None:
        """See `FeatureIndex.add`."""
        check_entries(keys, features)
        if known := self._entries.keys() & set(keys):
            raise ValueError(f"key {min(known)} is already in the index")
        self._entries.update(zip(map(int, keys), features, strict=True))

    def remove(self, keys: Sequence[int]) -> None:
        """See `FeatureIndex.remove`."""
        for key in keys:
            self._entries.pop(key, None)

    def nearest(self, descriptors: Descriptors, count: int) -> Neighbours:
        """See `FeatureIndex.nearest`."""
        check_query(descriptors, count)
        found = no_neighbours(len(descriptors), count)
        entries = sorted(self._entries.items())
        if not entries:
            return found
        stored = np.concatenate([one.descriptors for _, one in entries]).astype(np.int64)
        keys = np.repeat([key for key, _ in entries], [len(one) for _, one in entries])
        steps = np.concatenate([one.steps for _, one in entries])
        channels = np.concatenate([one.channels for _, one in entries])
        for row, descriptor in enumerate(descriptors):
            squared = np.square(stored - descriptor).sum(axis=1)
            order = np.argsort(squared, kind="stable")[
                :count
            ]  # stored by key and place: a tie is decided by them
            found.keys[row, : len(order)] = keys[order]
            found.steps[row, : len(order)] = steps[order]
            found.channels[row, : len(order)] = channels[order]
            found.distances[row, : len(order)] = np.sqrt(squared[order].astype(np.float32))
        return found

    def points(self, keys: Keys) -> NDArray[np.int32]:
        """See `FeatureIndex.points`."""
        return np.array([len(self._entries.get(key, ())) for key in keys.tolist()], np.int32)

    def __len__(self) -> int:
        return len(self._entries)


def no_neighbours(queries: int, count: int) -> Neighbours:
    """An answer of that shape with nothing in it."""
    return Neighbours(
        np.full((queries, count), -1, np.int64),
        np.zeros((queries, count, 4), np.uint16),
        np.zeros((queries, count), np.uint8),
        np.full((queries, count), np.inf, np.float32),
    )


def check_entries(keys: Sequence[int], features: Sequence[Features]) -> None:
    """Raise ValueError for keys that are negative, repeated or not as many as features."""
    if len(keys) != len(features):
        raise ValueError(f"{len(keys)} keys for {len(features)} features")
    if len(set(keys)) != len(keys):
        raise ValueError("a key is repeated")
    if len(keys) and min(keys) < 0:
        raise ValueError(f"keys are 0 or greater, got {min(keys)}")


def check_query(descriptors: Descriptors, count: int) -> None:
    """Raise ValueError for what cannot be asked."""
    if descriptors.dtype != np.uint8 or descriptors.shape[1:] != (DIMENSIONS,):
        raise ValueError(
            f"descriptors must be (q, {DIMENSIONS}) uint8, got {descriptors.shape} {descriptors.dtype}"
        )
    if count < 1:
        raise ValueError(f"a count is 1 or more, got {count}")
