"""Sorted, immutable blocks of codes, and faiss' flat scan of one block.

`FlatIndex` consists of blocks. A block never changes once a search can see it. A change makes new blocks, so
a search that holds older blocks needs no lock.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from itertools import pairwise
from typing import ParamSpec, TypeVar

import faiss
import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Codes = NDArray[np.uint8]
Bits = NDArray[np.int32]
Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Block:
    """Entries in ascending order of id.

    The entries are the first `size` rows of both arrays. The rows after them are free room.
    """

    room_ids: Ids
    room_codes: Codes
    size: int

    @property
    def ids(self) -> Ids:
        """Return the ids, `(size,)`, ascending."""
        return self.room_ids[: self.size]

    @property
    def codes(self) -> Codes:
        """Return the codes, `(size, bytes)`, row for row with `ids`."""
        return self.room_codes[: self.size]

    def places(self, ids: Ids) -> NDArray[np.intp]:
        """Return the row of each id, or -1."""
        rows = np.minimum(np.searchsorted(self.ids, ids), self.size - 1)
        return np.where(self.room_ids[rows] == ids, rows, -1)

    def extended(self, ids: Ids, codes: Codes, limit: int) -> "Block":
        """Return a block with these greater ids at the end, at most `limit` rows in all.

        Writes only behind the rows that other threads may be reading.
        """
        end = self.size + len(ids)
        room_ids, room_codes = self.room_ids, self.room_codes
        if end > len(room_ids):
            capacity = min(limit, max(2 * end, 64))
            room_ids = np.empty(capacity, np.int64)
            room_codes = np.empty((capacity, codes.shape[1]), np.uint8)
            room_ids[: self.size], room_codes[: self.size] = self.ids, self.codes
        room_ids[self.size : end], room_codes[self.size : end] = ids, codes
        return Block(room_ids, room_codes, end)

    def merged(self, ids: Ids, codes: Codes, limit: int) -> list["Block"]:
        """Return one or more blocks with these sorted ids inserted in order."""
        places = np.searchsorted(self.ids, ids)
        return cut(np.insert(self.ids, places, ids), np.insert(self.codes, places, codes, axis=0), limit)

    def without(self, places: NDArray[np.intp]) -> "Block":
        """Return a block without these rows."""
        ids = np.delete(self.ids, places)
        return Block(ids, np.delete(self.codes, places, axis=0), len(ids))

    def within(self, codes: Codes, radius_bits: int) -> tuple[Ids, Ids, Bits] | None:
        """Return (query_row, id, distance_bits) of every entry at most `radius_bits` away, or None.

        The order is by query_row, then id.
        """
        result = faiss.RangeSearchResult(len(codes))
        # faiss reports the distances strictly below its radius.
        faiss.hamming_range_search(  # type: ignore[attr-defined]  # missing from faiss' stubs
            faiss.swig_ptr(codes),
            faiss.swig_ptr(self.room_codes),
            len(codes),
            self.size,
            radius_bits + 1,
            codes.shape[1],
            result,
        )
        limits = faiss.rev_swig_ptr(result.lims, len(codes) + 1).view(np.int64)
        total = int(limits[-1])
        if not total:
            return None
        # faiss frees its arrays with `result`. Searchsorted, indexing and astype all copy, so the data stays.
        rows = limits[1:].searchsorted(np.arange(total), "right")
        ids = self.room_ids[faiss.rev_swig_ptr(result.labels, total)]
        return rows, ids, faiss.rev_swig_ptr(result.distances, total).astype(np.int32)

    def nearest(self, codes: Codes, count: int) -> tuple[Ids, Bits]:
        """Return ids and distances, both `(q, count)`, of the `count` <= `size` nearest entries.

        The order is by distance, then id. faiss orders its heap by (value, label) and replaces the top only
        by a smaller value. faiss visits rows in ascending order, so the heap keeps exactly the first entries
        by (distance, row). `hammings_knn_mc` makes no such promise.
        """
        places = np.empty((len(codes), count), np.int64)
        bits = np.empty((len(codes), count), np.int32)
        heap = faiss.int_maxheap_array_t()
        heap.nh, heap.k = len(codes), count
        heap.ids, heap.val = faiss.swig_ptr(places), faiss.swig_ptr(bits)
        queries, stored, ordered = faiss.swig_ptr(codes), faiss.swig_ptr(self.room_codes), 1
        faiss.hammings_knn_hc(heap, queries, stored, self.size, codes.shape[1], ordered)
        return self.room_ids[places], bits


def cut(ids: Ids, codes: Codes, limit: int) -> list[Block]:
    """Split sorted entries into the fewest blocks, of equal size, so that each block has room to grow."""
    count = -(-len(ids) // limit)
    edges = [len(ids) * number // count for number in range(count + 1)]
    return [
        Block(ids[start:end].copy(), codes[start:end].copy(), end - start) for start, end in pairwise(edges)
    ]


def runs(blocks: Sequence[Block], ids: Ids) -> list[tuple[int, slice]]:
    """Return which block each run of the sorted ids belongs to.

    The last block comes first, so that the caller may replace blocks on the way.
    """
    if not blocks or not len(ids):
        return []
    firsts = np.array([block.room_ids[0] for block in blocks])
    owners = np.maximum(np.searchsorted(firsts, ids, "right") - 1, 0)
    numbers, starts = np.unique(owners, return_index=True)
    ends = [*starts[1:].tolist(), len(ids)]
    spans = zip(numbers.tolist(), starts.tolist(), ends, strict=True)
    return [(number, slice(start, end)) for number, start, end in spans][::-1]


def on_one_thread(search: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """Run a search without faiss' OpenMP threads.

    The number of threads belongs to the calling thread, so no other thread sees the change. The calling
    thread gets its own number back afterwards. Without this, faiss starts a pool for every thread that
    searches, although one query does not divide into parallel work. A process that is forked after that hangs
    in its first search.
    """

    @wraps(search)
    def search_alone(*arguments: Arguments.args, **options: Arguments.kwargs) -> Answer:
        thread_count = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)
        try:
            return search(*arguments, **options)
        finally:
            faiss.omp_set_num_threads(thread_count)

    return search_alone
