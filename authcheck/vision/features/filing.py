"""The search in the vocabulary: finds the words under which the index files a descriptor or looks for it.

Words and descriptors are whole numbers, and every sum in a distance stays below 2^24. So float32 is exact in
any order of summation. A descriptor gets the same word alone or in a batch, on any machine and with any BLAS.
"""

import hashlib
from dataclasses import dataclass

import faiss
import numpy as np

from authcheck.vision.features.features import DIMENSIONS, Descriptors
from authcheck.vision.features.inverted import Lists, Vectors, append, scan
from authcheck.vision.features.vocabulary import FINE_WORDS, WORDS

COARSE, FINE_EACH = FINE_WORDS.shape[:2]
FINE = COARSE * FINE_EACH  # fine word f belongs to the coarse word f // FINE_EACH
VOCABULARY = hashlib.sha256(WORDS.tobytes() + FINE_WORDS.tobytes()).hexdigest()[:16]

_TIES = 3  # words requested beyond the count, so that equally near words can be ordered by their number
_CHUNK = 65_536  # descriptors filed in one step: bounds the memory


@dataclass(frozen=True, slots=True)
class Reach:
    """The number of words in which a search looks.

    A search takes the `coarse` nearest coarse words and, among their fine words, the `fine` nearest. None
    means all fine words.
    """

    coarse: int
    fine: int | None


def reach_for(points: int) -> Reach:
    """Return how far a search looks in an index of `points` live points.

    The reach depends on nothing else, so that equal registries give equal answers. Up to a million points, a
    search takes all of the five nearest words: its recall of the ten nearest neighbours is .46, as good as
    plain IVF. Above a million, fine words of eight coarse words find more in the same time (.53 at a
    million). Their number falls as the lists grow.
    """
    if points <= 1_000_000:  # noqa: PLR2004 - see above
        return Reach(5, None)
    return Reach(8, max(6, 32_000_000 // points))


def filed_under(descriptors: Descriptors) -> Lists:
    """Return the fine word of each descriptor, `(n,)`.

    This is the nearest fine word within the nearest coarse word. Of equally near words, the smaller number
    wins.
    """
    chunks = [
        _find_words(vectors_of(descriptors[at : at + _CHUNK])) for at in range(0, len(descriptors), _CHUNK)
    ]
    return np.concatenate([np.empty(0, np.int64), *chunks])


def _find_words(vectors: Vectors) -> Lists:
    return _find_nearest_fine(vectors, _find_nearest_coarse(vectors, 1), 1)[:, 0]


def probed(vectors: Vectors, reach: Reach) -> Lists:
    """Return the words in which a search looks, `(q, lists)`, nearest first.

    These are fine words when `reach` limits the fine words, else coarse words.
    """
    coarse_words = _find_nearest_coarse(vectors, reach.coarse)
    return coarse_words if reach.fine is None else _find_nearest_fine(vectors, coarse_words, reach.fine)


def vectors_of(descriptors: Descriptors) -> Vectors:
    """Return the descriptors as `(n, 64) float32` for faiss, with the same numbers, not centred."""
    return np.ascontiguousarray(descriptors, np.float32)


def _find_nearest_coarse(vectors: Vectors, count: int) -> Lists:
    distances, words = _WORDS.search(vectors, min(count + _TIES, COARSE))
    return _take_nearest(distances, words, count)


def _find_nearest_fine(vectors: Vectors, coarse_words: Lists, count: int) -> Lists:
    requested = min(count + _TIES, coarse_words.shape[1] * FINE_EACH)
    distances, words = scan(_FINE_WORDS, vectors, coarse_words, requested)
    return _take_nearest(distances, words, min(count, requested))


def _take_nearest(distances: Vectors, words: Lists, count: int) -> Lists:
    return np.take_along_axis(words, np.lexsort((words, distances), axis=1)[:, :count], axis=1)


_WORDS = faiss.IndexFlatL2(DIMENSIONS)
_WORDS.add(WORDS + np.float32(128))  # words are centred, stored descriptors are not
_FINE_WORDS = faiss.IndexIVFFlat(_WORDS, DIMENSIONS, COARSE)
append(
    _FINE_WORDS,
    FINE_WORDS.reshape(-1, DIMENSIONS) + np.float32(128),
    np.arange(FINE),
    np.arange(FINE) // FINE_EACH,
)
