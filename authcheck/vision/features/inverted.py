"""Functions that fill, map and scan faiss' inverted lists. The caller chooses the words of each vector.

Codes are the unchanged bytes of the descriptors. All distances are squared and are whole numbers.
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

_OFFSET_BITS = 32  # faiss encodes a place in the lists as list << 32 | offset


def new_lists(count: int) -> faiss.IndexIVF:
    """Create `count` empty lists of descriptors in memory."""
    unused_quantizer = faiss.IndexFlatL2(DIMENSIONS)  # faiss never searches it: each call brings its words
    kind, residual = faiss.ScalarQuantizer.QT_8bit_direct, False
    index = faiss.IndexIVFScalarQuantizer(
        unused_quantizer, DIMENSIONS, count, kind, faiss.METRIC_L2, residual
    )
    index.is_trained = True
    return index


def append(index: faiss.IndexIVF, vectors: Vectors, rows: Rows, lists: Lists) -> None:
    """Append each vector `(n, 64)` to its list in `lists` `(n,)`, under its row number in `rows` `(n,)`."""
    arrays = [np.ascontiguousarray(array) for array in (vectors, rows, lists)]
    index.add_core(len(vectors), *[faiss.swig_ptr(array) for array in arrays])


def mapped_lists(file: Path, offset_bytes: int, starts: NDArray[np.int64]) -> faiss.IndexIVF:
    """Map the lists of the descriptors in a file.

    The descriptors start at `offset_bytes`. List i has the descriptors `starts[i]` to `starts[i + 1]`. The
    file is mapped, not read: all processes that map the file share its pages. A row is the number of a
    descriptor in the file.
    """
    mapped = faiss.OnDiskInvertedLists()
    mapped.nlist, mapped.code_size = len(starts) - 1, DIMENSIONS
    mapped.filename, mapped.totsize, mapped.read_only = str(file), file.stat().st_size, True
    mapped.prefetch_nthread = 0  # otherwise faiss starts threads that read ahead, for every search
    one_list = faiss.OnDiskOneList()
    for start, end in pairwise(starts.tolist()):
        one_list.size = one_list.capacity = end - start
        one_list.offset = offset_bytes + start * DIMENSIONS
        mapped.lists.push_back(one_list)  # type: ignore[attr-defined]  # faiss' stubs are wrong. This copies.
    mapped.do_mmap()
    index = new_lists(mapped.nlist)
    # The index deletes the lists, and so unmaps the file.
    mapped.this.disown()  # type: ignore[attr-defined]  # missing in faiss' stubs
    index.replace_invlists(mapped, True)
    index.ntotal = int(starts[-1])
    return index


def scan(index: faiss.IndexIVF, vectors: Vectors, lists: Lists, count: int) -> tuple[Vectors, Rows]:
    """Return the squared distances and rows, `(q, count)`, of the nearest vectors in `lists` `(q, l)`.

    The nearest vector comes first. When the lists of a query have fewer vectors, the rest is infinity and -1.
    The choice among equally near vectors, and their order, are not defined.
    """
    return _scan(index, vectors, lists, count, False)


def scan_mapped(
    index: faiss.IndexIVF, starts: NDArray[np.int64], vectors: Vectors, lists: Lists, count: int
) -> tuple[Vectors, Rows]:
    """Scan lists that `mapped_lists` mapped with these `starts`. Returns the same as `scan`."""
    squared, pairs = _scan(index, vectors, lists, count, True)
    rows = starts[np.maximum(pairs >> _OFFSET_BITS, 0)] + (pairs & (1 << _OFFSET_BITS) - 1)
    return squared, np.where(pairs < 0, -1, rows)


def _scan(
    index: faiss.IndexIVF, vectors: Vectors, lists: Lists, count: int, pairs: bool
) -> tuple[Vectors, Rows]:
    vectors, lists = np.ascontiguousarray(vectors), np.ascontiguousarray(lists)
    squared = np.empty((len(vectors), count), np.float32)
    rows = np.empty((len(vectors), count), np.int64)
    word_distances = np.zeros(lists.shape, np.float32)  # other kinds of index use these, this kind does not
    parameters = faiss.SearchParametersIVF()
    parameters.nprobe = lists.shape[1]
    arrays = (vectors, lists, word_distances, squared, rows)
    query, *others = [faiss.swig_ptr(array) for array in arrays]
    index.search_preassigned_c(len(vectors), query, count, *others, pairs, parameters)  # type: ignore[attr-defined]
    squared[rows < 0] = np.inf
    return squared, rows


def contents(index: faiss.IndexIVF, number: int) -> tuple[Rows, NDArray[np.uint8]]:
    """Return the rows `(n,)` and descriptors `(n, 64)` of one list in memory."""
    lists: Any = index.invlists
    size = lists.list_size(number)
    if not size:
        return np.empty(0, np.int64), np.empty((0, DIMENSIONS), np.uint8)
    codes = faiss.rev_swig_ptr(lists.get_codes(number), size * DIMENSIONS)
    return faiss.rev_swig_ptr(lists.get_ids(number), size).copy(), codes.reshape(size, DIMENSIONS).copy()
