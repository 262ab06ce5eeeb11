"""Under which words a descriptor is filed and looked for: the only place that knows how the vocabulary is searched.

Words and descriptors are whole numbers, and every sum on the way to a distance stays below 2^24, so float32 is exact
whatever the order of summing: a descriptor is filed alike alone or among others, on any machine and by any BLAS.
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

_TIES = 3  # more words asked for than needed, so that equally near ones are told apart by their number
_CHUNK = 65_536  # descriptors filed at once: bounds the memory of it


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a search looks: the `coarse` nearest words and, of their fine words, the `fine` nearest (None: all)."""

    coarse: int
    fine: int | None


def reach_for(points: int) -> Reach:
    """How far to look among that many live points; of nothing else, so that equal registries give equal answers.

    Up to a million points, all of the five nearest words: recall of the ten nearest neighbours .46, as good as plain
    IVF. Above, the same time goes further by fine words of eight coarse ones (.53 at a million), fewer as lists grow.
    """
    if points <= 1_000_000:  # noqa: PLR2004 - see above
        return Reach(5, None)
    return Reach(8, max(6, 32_000_000 // points))


def filed_under(descriptors: Descriptors) -> Lists:
    """`(n,)`: the fine word of each descriptor, the nearest of those of its nearest word; the smaller one of equals."""
    found = [_filed(vectors_of(descriptors[at : at + _CHUNK])) for at in range(0, len(descriptors), _CHUNK)]
    return np.concatenate([np.empty(0, np.int64), *found])


def _filed(vectors: Vectors) -> Lists:
    return _nearest_fine(vectors, _nearest_coarse(vectors, 1), 1)[:, 0]


def probed(vectors: Vectors, reach: Reach) -> Lists:
    """`(q, lists)`: the words in which a search looks, nearest first: coarse ones, or fine ones where `reach` has them."""
    coarse = _nearest_coarse(vectors, reach.coarse)
    return coarse if reach.fine is None else _nearest_fine(vectors, coarse, reach.fine)


def vectors_of(descriptors: Descriptors) -> Vectors:
    """`(n, 64) float32` as faiss takes them: the descriptors' own numbers, not centred."""
    return np.ascontiguousarray(descriptors, np.float32)


def _nearest_coarse(vectors: Vectors, count: int) -> Lists:
    distances, words = _WORDS.search(vectors, min(count + _TIES, COARSE))
    return _in_order(distances, words, count)


def _nearest_fine(vectors: Vectors, coarse: Lists, count: int) -> Lists:
    asked = min(count + _TIES, coarse.shape[1] * FINE_EACH)
    distances, words = scan(_FINE_WORDS, vectors, coarse, asked)
    return _in_order(distances, words, min(count, asked))


def _in_order(distances: Vectors, words: Lists, count: int) -> Lists:
    return np.take_along_axis(words, np.lexsort((words, distances), axis=1)[:, :count], axis=1)


_WORDS = faiss.IndexFlatL2(DIMENSIONS)
_WORDS.add(WORDS + np.float32(128))  # words are centred, descriptors as stored are not
_FINE_WORDS = faiss.IndexIVFFlat(_WORDS, DIMENSIONS, COARSE)
append(
    _FINE_WORDS,
    FINE_WORDS.reshape(-1, DIMENSIONS) + np.float32(128),
    np.arange(FINE),
    np.arange(FINE) // FINE_EACH,
)
