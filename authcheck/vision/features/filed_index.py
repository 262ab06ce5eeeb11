"""The production index: points filed under the words of the fixed vocabulary, in a file and in memory.

A search scans the lists of the words nearest to each query. The search finds every near point in these lists
and misses points in other lists. The number of lists depends only on the number of live points, and equally
near points are ordered by key and place. So the answer depends on the registered entries only, not on the
file, the order of arrival or removed entries.
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
from authcheck.vision.features.snapshot import PointRun, Snapshot, Stand, joined, write_snapshot
from authcheck.vision.fingerprints.blocks import on_one_thread

LEAST_POINTS = 25_000  # fewer points load quickly from the database and need no file
SHARE = 4  # a new snapshot is due when a quarter of the last snapshot's points were added or removed

_SPARE = 3  # points requested beyond the count, to see where the equally near points end
_AT_ONCE = 4_000_000  # results of one scan: bounds its memory


class FiledFeatureIndex:
    """A `FeatureIndex` that uses 79 bytes a point in the file, which processes share, and 90-130 in memory.

    Args:
        snapshot: the entries to start with.
        reach: a function from the number of live points to the reach of a search.
    """

    def __init__(self, snapshot: Snapshot | None = None, reach: Callable[[int], Reach] = reach_for) -> None:
        self._reach_for = reach
        self._fresh = FreshPart()
        self._filed = SnapshotPart(snapshot) if snapshot else None
        self._update_reach()

    @property
    def _parts(self) -> list[Part]:
        return [self._fresh] if self._filed is None else [self._filed, self._fresh]

    @on_one_thread
    def add(self, keys: Sequence[int], features: Sequence[Features]) -> None:
        """See `FeatureIndex.add`."""
        check_entries(keys, features)
        new_keys = np.array(keys, np.int64)
        for part in self._parts:
            if (is_known := part.find(new_keys) >= 0).any():
                raise ValueError(f"The key {new_keys[is_known][0]} is already in the index.")
        self._fresh.add(keys, features)
        self._update_reach()

    @on_one_thread
    def remove(self, keys: Sequence[int]) -> None:
        """See `FeatureIndex.remove`. Searches skip removed entries. Their memory is freed with their part."""
        removed_keys = np.array(keys, np.int64)
        for part in self._parts:
            places = part.find(removed_keys)
            part.live[places[places >= 0]] = False
        dead = _count_points(self._fresh, live=False)
        if dead > max(LEAST_POINTS, _count_points(self._fresh, live=True)):
            self._fresh = self._fresh.refiled(fine=self._fresh.fine)
        self._update_reach()

    def _update_reach(self) -> None:
        """Set the reach for the present number of points. Refile the part in memory if the reach needs it."""
        self._reach = self._reach_for(sum(_count_points(part, live=True) for part in self._parts))
        fine = self._reach.fine is not None
        if self._fresh.fine != fine:
            self._fresh = self._fresh.refiled(fine=fine)

    @on_one_thread
    def nearest(self, descriptors: Descriptors, count: int) -> Neighbours:
        """See `FeatureIndex.nearest`."""
        check_query(descriptors, count)
        vectors = vectors_of(descriptors)
        lists = probed(vectors, self._reach)
        # Sort the queries by word, so that a query finds the lists of its word in the processor's cache.
        order = np.argsort(lists[:, 0], kind="stable")
        vectors, lists = vectors[order], lists[order]
        fine = self._reach.fine is not None
        answer = no_neighbours(len(descriptors), count)
        parts = [part for part in self._parts if len(part.entries)]
        if not parts:
            return answer
        best = _merge([_search_part(part, vectors, lists, count, fine=fine) for part in parts], count)
        answer.keys[order] = best.keys
        answer.distances[order] = np.sqrt(best.squared)
        for number, part in enumerate(parts):
            queries, ranks = np.nonzero((best.parts == number) & (best.keys >= 0))
            rows = best.rows[queries, ranks]
            answer.steps[order[queries], ranks] = part.steps[rows]
            answer.channels[order[queries], ranks] = part.channels[rows]
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
        """Return whether enough points were added or removed since the snapshot to write a new snapshot."""
        changed = _count_points(self._fresh, live=True)
        if self._filed is None:
            return changed > LEAST_POINTS
        changed += _count_points(self._filed, live=False)
        return changed > max(LEAST_POINTS, int(self._filed.sizes.sum()) // SHARE)

    def write(self, folder: Path, stand: Stand) -> None:
        """Write all live entries to a snapshot. Raises OSError. See `snapshot.write_snapshot`."""
        keys = np.concatenate([part.keys[part.live] for part in self._parts])
        sizes = np.concatenate([part.sizes[part.live] for part in self._parts])
        order = np.argsort(keys)
        write_snapshot(folder, stand, keys[order], sizes[order], self._join_runs())

    def _join_runs(self) -> Iterator[PointRun]:
        for runs in zip(*(part.runs() for part in self._parts), strict=True):
            yield joined(runs)


@dataclass(frozen=True, slots=True)
class _Ranking:
    """The neighbours of q queries, all arrays `(q, k)`, nearest first.

    For each neighbour: the squared distance, the key of the entry, the number of the point in the entry, the
    number of the part, and the row of the point in the part.
    """

    squared: Vectors
    keys: Keys
    numbers: NDArray[np.uint16]
    parts: NDArray[np.uint8]
    rows: Rows


def _search_part(part: Part, vectors: Vectors, lists: Lists, count: int, *, fine: bool) -> _Ranking:
    """Find the nearest live points of one part. The search is exact within the lists."""
    shape = len(vectors), count
    ranking = _Ranking(
        np.full(shape, np.inf, np.float32),
        np.full(shape, -1, np.int64),
        np.zeros(shape, np.uint16),
        np.zeros(shape, np.uint8),
        np.zeros(shape, np.int64),
    )
    unsettled, requested = np.arange(len(vectors)), count + _SPARE
    while len(unsettled):
        still_unsettled = []
        for at in range(0, len(unsettled), step := max(1, _AT_ONCE // requested)):
            queries = unsettled[at : at + step]
            squared, rows = part.scan(vectors[queries], lists[queries], requested, fine=fine)
            # The scan may have cut off points as near as its last result, unless the lists had fewer points.
            limit = np.where(rows[:, -1] < 0, np.inf, squared[:, -1])
            best = _merge([_drop_removed(part, squared, rows)], count)
            for all_queries, these_queries in zip(_columns_of(ranking), _columns_of(best), strict=True):
                all_queries[queries] = these_queries
            still_unsettled.append(queries[(best.squared[:, -1] >= limit) & (limit < np.inf)])
        unsettled, requested = np.concatenate(still_unsettled), 4 * requested
    return ranking


def _drop_removed(part: Part, squared: Vectors, rows: Rows) -> _Ranking:
    """Return the results of a scan. PointRun of removed entries get key -1 and an infinite distance."""
    exists = rows >= 0
    rows = np.maximum(rows, 0)
    entries = part.entries[rows]
    if not part.live.all():
        exists &= part.live[entries]
    squared = np.where(exists, squared, np.float32(np.inf))
    keys = np.where(exists, part.keys[entries], -1)
    return _Ranking(squared, keys, part.numbers[rows], np.zeros(rows.shape, np.uint8), rows)


def _merge(rankings: Sequence[_Ranking], count: int) -> _Ranking:
    """Return the first `count` neighbours of all rankings, by distance, key and number of the point.

    `parts` of the result holds the place of the source in `rankings`.
    """
    if len(rankings) == 1 and rankings[0].squared.shape[1] == count:
        return rankings[0]
    for number, ranking in enumerate(rankings):
        ranking.parts[:] = number
    columns = [np.hstack(column) for column in zip(*map(_columns_of, rankings), strict=True)]
    squared, keys, numbers, _, _ = columns
    order = np.argsort(squared, axis=1, kind="stable")
    sorted_squared = np.take_along_axis(squared, order, 1)
    is_tied = (sorted_squared[:, 1:] == sorted_squared[:, :-1]) & (sorted_squared[:, 1:] < np.inf)
    has_tie = is_tied.any(axis=1)
    order[has_tie] = np.lexsort((numbers[has_tie], keys[has_tie], squared[has_tie]), axis=1)
    order = order[:, :count]
    return _Ranking(*(np.take_along_axis(column, order, 1) for column in columns))


def _columns_of(ranking: _Ranking) -> tuple[NDArray[Any], ...]:
    return ranking.squared, ranking.keys, ranking.numbers, ranking.parts, ranking.rows


def _count_points(part: Part, *, live: bool) -> int:
    return int(part.sizes[part.live == live].sum())
