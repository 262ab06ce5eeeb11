"""The index that authcheck runs on: points filed under the words of the fixed vocabulary, in a file and in memory.

A search looks into the lists of the words nearest to each query, so it can miss a neighbour filed elsewhere; of what lies
in those lists it misses nothing. How far it looks depends on the number of live points alone, and equally near points
are told apart by key and place: the answer depends on what is registered, not on what was in the file, when it came or
what was removed in between.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from authcheck.vision.features.features import Descriptors, Features
from authcheck.vision.features.filing import Reach, probed, reach_for, vectors_of
from authcheck.vision.features.index import Keys, Neighbours, check_entries, check_query, no_neighbours
from authcheck.vision.features.inverted import Lists, Rows, Vectors
from authcheck.vision.features.parts import FreshPart, Part, SnapshotPart
from authcheck.vision.features.snapshot import Points, Snapshot, Stand, joined, write_snapshot
from authcheck.vision.fingerprints.blocks import on_one_thread

LEAST_POINTS = 25_000  # fewer are quickly taken from the database: not worth a file
SHARE = 4  # a new snapshot is due when a quarter of the last one's points came or went since

_SPARE = 3  # points asked for beyond the count, to see where equally near ones end
_AT_ONCE = 4_000_000  # results of one scan: bounds its memory


class FiledFeatureIndex:
    """See `FeatureIndex`. About 79 bytes a point in the file, which processes share, and 90-130 in memory.

    Args:
        snapshot: what to begin with.
        reach: how far a search looks among so many points.
    """

    def __init__(self, snapshot: Snapshot | None = None, reach: Callable[[int], Reach] = reach_for) -> None:
        self._reach_for = reach
        self._fresh = FreshPart()
        self._filed = SnapshotPart(snapshot) if snapshot else None
        self._changed()

    @property
    def _parts(self) -> list[Part]:
        return [self._fresh] if self._filed is None else [self._filed, self._fresh]

    @on_one_thread
    def add(self, keys: Sequence[int], features: Sequence[Features]) -> None:
        """See `FeatureIndex.add`."""
        check_entries(keys, features)
        asked = np.array(keys, np.int64)
        for part in self._parts:
            if (known := part.find(asked) >= 0).any():
                raise ValueError(f"key {asked[known][0]} is already in the index")
        self._fresh.add(keys, features)
        self._changed()

    @on_one_thread
    def remove(self, keys: Sequence[int]) -> None:
        """See `FeatureIndex.remove`. What is removed is passed over by searches, and dropped with its part."""
        asked = np.array(keys, np.int64)
        for part in self._parts:
            places = part.find(asked)
            part.live[places[places >= 0]] = False
        dead = _points(self._fresh, live=False)
        if dead > max(LEAST_POINTS, _points(self._fresh, live=True)):
            self._fresh = self._fresh.refiled(fine=self._fresh.fine)
        self._changed()

    def _changed(self) -> None:
        """Set how far to look from now on, and file what is in memory accordingly."""
        self._reach = self._reach_for(sum(_points(part, live=True) for part in self._parts))
        fine = self._reach.fine is not None
        if self._fresh.fine != fine:
            self._fresh = self._fresh.refiled(fine=fine)

    @on_one_thread
    def nearest(self, descriptors: Descriptors, count: int) -> Neighbours:
        """See `FeatureIndex.nearest`."""
        check_query(descriptors, count)
        vectors = vectors_of(descriptors)
        lists = probed(vectors, self._reach)
        # Queries of one word one after the other find its lists in the processor's cache.
        order = np.argsort(lists[:, 0], kind="stable")
        vectors, lists = vectors[order], lists[order]
        fine = self._reach.fine is not None
        answer = no_neighbours(len(descriptors), count)
        parts = [part for part in self._parts if len(part.entries)]
        if not parts:
            return answer
        best = _best([_nearest_in(part, vectors, lists, count, fine=fine) for part in parts], count)
        answer.keys[order] = best.keys
        answer.distances[order] = np.sqrt(best.squared)
        for number, part in enumerate(parts):
            query, place = np.nonzero((best.parts == number) & (best.keys >= 0))
            rows = best.rows[query, place]
            answer.steps[order[query], place] = part.steps[rows]
            answer.channels[order[query], place] = part.channels[rows]
        return answer

    def points(self, keys: Keys) -> NDArray[np.int32]:
        """See `FeatureIndex.points`."""
        sizes = np.zeros(len(keys), np.int32)
        for part in self._parts:
            places = part.find(keys)
            sizes[places >= 0] = part.sizes[places[places >= 0]]
        return sizes

    def __len__(self) -> int:
        return sum(int(part.live.sum()) for part in self._parts)

    @property
    def due(self) -> bool:
        """Whether so much came or went since the snapshot that a new one is worth its writing."""
        changed = _points(self._fresh, live=True)
        if self._filed is None:
            return changed > LEAST_POINTS
        changed += _points(self._filed, live=False)
        return changed > max(LEAST_POINTS, int(self._filed.sizes.sum()) // SHARE)

    def write(self, folder: Path, stand: Stand) -> None:
        """Put all live entries into a snapshot. Raises OSError; see `snapshot.write_snapshot`."""
        keys = np.concatenate([part.keys[part.live] for part in self._parts])
        sizes = np.concatenate([part.sizes[part.live] for part in self._parts])
        order = np.argsort(keys)
        write_snapshot(folder, stand, keys[order], sizes[order], self._runs())

    def _runs(self) -> Iterator[Points]:
        for runs in zip(*(part.runs() for part in self._parts), strict=True):
            yield joined(runs)


@dataclass(frozen=True, slots=True)
class _Found:
    """Neighbours `(q, k)`, nearest first: the squared distance, key, place in the entry, part and row in it."""

    squared: Vectors
    keys: Keys
    numbers: NDArray[np.uint16]
    parts: NDArray[np.uint8]
    rows: Rows


def _nearest_in(part: Part, vectors: Vectors, lists: Lists, count: int, *, fine: bool) -> _Found:
    """The nearest live points of one part; exactly, of what the lists hold."""
    shape = len(vectors), count
    found = _Found(
        np.full(shape, np.inf, np.float32),
        np.full(shape, -1, np.int64),
        np.zeros(shape, np.uint16),
        np.zeros(shape, np.uint8),
        np.zeros(shape, np.int64),
    )
    unsettled, asked = np.arange(len(vectors)), count + _SPARE
    while len(unsettled):
        left = []
        for at in range(0, len(unsettled), step := max(1, _AT_ONCE // asked)):
            queries = unsettled[at : at + step]
            squared, rows = part.scan(vectors[queries], lists[queries], asked, fine=fine)
            # Beyond the last there may be others as near as it, unless the lists end before.
            limit = np.where(rows[:, -1] < 0, np.inf, squared[:, -1])
            best = _best([_known(part, squared, rows)], count)
            for whole, one in zip(_columns(found), _columns(best), strict=True):
                whole[queries] = one
            left.append(queries[(best.squared[:, -1] >= limit) & (limit < np.inf)])
        unsettled, asked = np.concatenate(left), 4 * asked
    return found


def _known(part: Part, squared: Vectors, rows: Rows) -> _Found:
    """What a scan found, without the points of entries that were removed."""
    there = rows >= 0
    rows = np.maximum(rows, 0)
    entries = part.entries[rows]
    if not part.live.all():
        there &= part.live[entries]
    squared = np.where(there, squared, np.float32(np.inf))
    keys = np.where(there, part.keys[entries], -1)
    return _Found(squared, keys, part.numbers[rows], np.zeros(rows.shape, np.uint8), rows)


def _best(found: Sequence[_Found], count: int) -> _Found:
    """The first `count` of all by distance, key and place, told which of `found` they are from."""
    if len(found) == 1 and found[0].squared.shape[1] == count:
        return found[0]
    for number, one in enumerate(found):
        one.parts[:] = number
    squared, keys, numbers, parts, rows = map(np.hstack, zip(*map(_columns, found), strict=True))
    order = np.argsort(squared, axis=1, kind="stable")
    ranked = np.take_along_axis(squared, order, 1)
    tied = ((ranked[:, 1:] == ranked[:, :-1]) & (ranked[:, 1:] < np.inf)).any(axis=1)
    order[tied] = np.lexsort((numbers[tied], keys[tied], squared[tied]), axis=1)
    order = order[:, :count]
    return _Found(*(np.take_along_axis(part, order, 1) for part in (squared, keys, numbers, parts, rows)))


def _columns(found: _Found) -> tuple[NDArray[Any], ...]:
    return found.squared, found.keys, found.numbers, found.parts, found.rows


def _points(part: Part, *, live: bool) -> int:
    return int(part.sizes[part.live == live].sum())
