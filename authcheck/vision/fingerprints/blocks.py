"""Sorted blocks of codes that never change once they can be seen, and faiss' flat scan of one block.

What `FlatIndex` is made of: a change makes new blocks, so a search that holds older ones needs no lock.
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
    """Entries in ascending order of id: the first `size` rows of both arrays. The rows after them are room for more."""

    room_ids: Ids
    room_codes: Codes
    size: int

    @property
    def ids(self) -> Ids:
        """`(size,)`, ascending."""
        return self.room_ids[: self.size]

    @property
    def codes(self) -> Codes:
        """`(size, bytes)`, row for row with `ids`."""
        return self.room_codes[: self.size]

    def places(self, ids: Ids) -> NDArray[np.intp]:
        """The row of each id, or -1."""
        rows = np.minimum(np.searchsorted(self.ids, ids), self.size - 1)
        return np.where(self.room_ids[rows] == ids, rows, -1)

    def extended(self, ids: Ids, codes: Codes, limit: int) -> "Block":
        """With greater ids after these, up to `limit` rows; written behind the rows that others may be reading."""
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
        """With sorted ids put where they belong, as one block or more."""
        places = np.searchsorted(self.ids, ids)
        return cut(np.insert(self.ids, places, ids), np.insert(self.codes, places, codes, axis=0), limit)

    def without(self, places: NDArray[np.intp]) -> "Block":
        """The rows but these."""
        ids = np.delete(self.ids, places)
        return Block(ids, np.delete(self.codes, places, axis=0), len(ids))

    def within(self, codes: Codes, radius_bits: int) -> tuple[Ids, Ids, Bits] | None:
        """(query_row, id, distance_bits) of every entry at most `radius_bits` away, by query_row and id; None if none."""
        found = faiss.RangeSearchResult(len(codes))
        # faiss reports the distances strictly below its radius.
        faiss.hamming_range_search(  # type: ignore[attr-defined]  # missing from faiss' stubs
            faiss.swig_ptr(codes),
            faiss.swig_ptr(self.room_codes),
            len(codes),
            self.size,
            radius_bits + 1,
            codes.shape[1],
            found,
        )
        limits = faiss.rev_swig_ptr(found.lims, len(codes) + 1).view(np.int64)
        total = int(limits[-1])
        if not total:
            return None
        # What faiss returned is freed with `found`: searchsorted, indexing and astype all copy.
        rows = limits[1:].searchsorted(np.arange(total), "right")
        ids = self.room_ids[faiss.rev_swig_ptr(found.labels, total)]
        return rows, ids, faiss.rev_swig_ptr(found.distances, total).astype(np.int32)

    def nearest(self, codes: Codes, count: int) -> tuple[Ids, Bits]:
        """The ids and distances, both `(q, count)`, of the `count` <= `size` nearest entries by distance, then id.

        faiss orders its heap by (value, label) and replaces the top only by a smaller value. As it visits rows in
        ascending order, that leaves exactly the first by (distance, row); `hammings_knn_mc` makes no such promise.
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
    """Sorted entries as the fewest blocks, of equal size: each can take more before it is cut again."""
    count = -(-len(ids) // limit)
    edges = [len(ids) * number // count for number in range(count + 1)]
    return [
        Block(ids[start:end].copy(), codes[start:end].copy(), end - start) for start, end in pairwise(edges)
    ]


def runs(blocks: Sequence[Block], ids: Ids) -> list[tuple[int, slice]]:
    """Which block each run of the sorted ids belongs to, last block first so that blocks may be replaced on the way."""
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

    The number of threads belongs to the calling thread, so no other thread sees the change, and this one has its own
    number back afterwards. faiss would otherwise start a pool for every thread that searches, to share out work that
    one query does not divide into, and a process forked after that would hang in its first search.
    """

    @wraps(search)
    def alone(*arguments: Arguments.args, **options: Arguments.kwargs) -> Answer:
        before = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)
        try:
            return search(*arguments, **options)
        finally:
            faiss.omp_set_num_threads(before)

    return alone
