"""faiss' inverted lists with words of our own choosing: filled, mapped from a file, scanned.

Codes are the descriptors' bytes themselves; the distances that come back are squared and whole numbers.
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from authcheck.vision.features.features import DIMENSIONS

Lists = NDArray[np.int64]
Rows = NDArray[np.int64]
Vectors = NDArray[np.float32]

_OFFSET_BITS = 32  # faiss names a place in the lists by list << 32 | offset


def new_lists(count: int) -> faiss.IndexIVF:
    """Empty lists of descriptors in memory."""
    anything = faiss.IndexFlatL2(DIMENSIONS)  # never asked: words come with each call
    kind, residual = faiss.ScalarQuantizer.QT_8bit_direct, False
    made = faiss.IndexIVFScalarQuantizer(anything, DIMENSIONS, count, kind, faiss.METRIC_L2, residual)
    made.is_trained = True
    return made


def append(index: faiss.IndexIVF, vectors: Vectors, rows: Rows, lists: Lists) -> None:
    """Put vectors `(n, 64)` under these rows `(n,)` into these lists `(n,)`."""
    parts = [np.ascontiguousarray(part) for part in (vectors, rows, lists)]
    index.add_core(len(vectors), *[faiss.swig_ptr(part) for part in parts])


def mapped_lists(file: Path, offset_bytes: int, starts: NDArray[np.int64]) -> faiss.IndexIVF:
    """Lists of the descriptors that lie in a file from `offset_bytes` on, list i from `starts[i]` to `starts[i + 1]`.

    The file is mapped, not read: its pages are shared with every process that maps it. Rows are places in the file.
    """
    mapped = faiss.OnDiskInvertedLists()
    mapped.nlist, mapped.code_size = len(starts) - 1, DIMENSIONS
    mapped.filename, mapped.totsize, mapped.read_only = str(file), file.stat().st_size, True
    mapped.prefetch_nthread = 0  # faiss would start threads that read ahead, for every search
    one = faiss.OnDiskOneList()
    for start, end in pairwise(starts.tolist()):
        one.size = one.capacity = end - start
        one.offset = offset_bytes + start * DIMENSIONS
        mapped.lists.push_back(one)  # type: ignore[attr-defined]  # wrong in faiss' stubs; a copy of it
    mapped.do_mmap()
    made = new_lists(mapped.nlist)
    mapped.this.disown()  # type: ignore[attr-defined]  # missing there; the index deletes it and unmaps
    made.replace_invlists(mapped, True)
    made.ntotal = int(starts[-1])
    return made


def scan(index: faiss.IndexIVF, vectors: Vectors, lists: Lists, count: int) -> tuple[Vectors, Rows]:
    """The squared distances and rows, `(q, count)`, of the nearest in `lists` `(q, l)` of each vector, nearest first.

    Where fewer are in the lists: infinity and -1. Which of equally near ones come, and in which order, is left open.
    """
    return _scan(index, vectors, lists, count, False)


def scan_mapped(
    index: faiss.IndexIVF, starts: NDArray[np.int64], vectors: Vectors, lists: Lists, count: int
) -> tuple[Vectors, Rows]:
    """As `scan`, of lists that were made by `mapped_lists` with these `starts`."""
    squared, pairs = _scan(index, vectors, lists, count, True)
    rows = starts[np.maximum(pairs >> _OFFSET_BITS, 0)] + (pairs & (1 << _OFFSET_BITS) - 1)
    return squared, np.where(pairs < 0, -1, rows)


def _scan(
    index: faiss.IndexIVF, vectors: Vectors, lists: Lists, count: int, pairs: bool
) -> tuple[Vectors, Rows]:
    vectors, lists = np.ascontiguousarray(vectors), np.ascontiguousarray(lists)
    squared = np.empty((len(vectors), count), np.float32)
    rows = np.empty((len(vectors), count), np.int64)
    unused = np.zeros(
        lists.shape, np.float32
    )  # distances to the words: only other kinds of index look at them
    asked = faiss.SearchParametersIVF()
    asked.nprobe = lists.shape[1]
    query, *others = [faiss.swig_ptr(part) for part in (vectors, lists, unused, squared, rows)]
    index.search_preassigned_c(len(vectors), query, count, *others, pairs, asked)  # type: ignore[attr-defined]  # as above
    squared[rows < 0] = np.inf
    return squared, rows


def contents(index: faiss.IndexIVF, number: int) -> tuple[Rows, NDArray[np.uint8]]:
    """The rows `(n,)` and descriptors `(n, 64)` of one list in memory."""
    lists: Any = index.invlists
    size = lists.list_size(number)
    if not size:
        return np.empty(0, np.int64), np.empty((0, DIMENSIONS), np.uint8)
    codes = faiss.rev_swig_ptr(lists.get_codes(number), size * DIMENSIONS)
    return faiss.rev_swig_ptr(lists.get_ids(number), size).copy(), codes.reshape(size, DIMENSIONS).copy()
