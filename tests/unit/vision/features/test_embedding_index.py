"""The exact index of vectors, compared with brute force."""

import numpy as np
import pytest

from authcheck.vision.features.embedding_index import EmbeddingIndex, Ids, Vectors

SIZE = 16


def units(seed: int, count: int) -> Vectors:
    """Return random vectors of length 1."""
    rows = np.random.default_rng(seed).normal(size=(count, SIZE))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def ids(*numbers: int) -> Ids:
    """Return ids in the index's type."""
    return np.array(numbers, np.int64)


@pytest.mark.parametrize("count", [1, 5, 50, 1000])
@pytest.mark.parametrize("seed", range(4))
def test_it_finds_what_brute_force_finds(seed: int, count: int) -> None:
    """The most similar vectors come first, without dissimilar ones, after any additions and removals."""
    dice = np.random.default_rng(seed)
    vectors, known = units(seed, 300), dice.permutation(1000)[:300]
    index = EmbeddingIndex.empty(SIZE)
    for part in np.array_split(np.arange(300), 7):
        index = index.added(known[part], vectors[part])
    index = index.without(np.concatenate([known[:40], ids(5000)]))
    assert len(index) == 260
    query = units(seed + 100, 1)[0]
    every = {
        int(one): float(np.dot(vector.astype(np.float64), query.astype(np.float64)))
        for one, vector in zip(known[40:], vectors[40:], strict=True)
    }
    expected = sorted((one for one in every if every[one] > 0), key=lambda one: -every[one])[:count]
    found, similarities = index.search(query, count)
    assert found.tolist() == expected
    assert similarities == pytest.approx([every[one] for one in expected], abs=1e-5)


def test_equal_vectors_come_in_the_order_of_their_ids() -> None:
    """Ties are sorted by id, wherever the vectors are stored and wherever the answer is cut."""
    shared, others = units(1, 1), units(2, 500)
    known = np.random.default_rng(3).permutation(600).astype(np.int64)
    index = EmbeddingIndex.empty(SIZE)
    for place in range(100):
        part = slice(place * 5, place * 5 + 5)
        index = index.added(known[:500][part], others[part]).added(known[500 + place, None], shared)
    for count in (1, 7, 99):
        assert index.search(shared[0], count)[0].tolist() == sorted(known[500:].tolist())[:count]


def test_the_order_of_adding_does_not_change_an_answer() -> None:
    """Answers are bit for bit the same, because a replay's index may have grown in another order."""
    vectors, known = units(4, 703), np.arange(703)
    mixed = np.random.default_rng(5).permutation(703)
    grown = EmbeddingIndex.empty(SIZE).added(known, vectors)
    shuffled = EmbeddingIndex.empty(SIZE).added(mixed, vectors[mixed])
    for query in units(6, 20):
        for one, other in zip(grown.search(query, 703), shuffled.search(query, 703), strict=True):
            assert np.array_equal(one, other)


def test_a_vector_of_zeros_is_like_nothing() -> None:
    """A zero vector has no neighbours, neither as a query nor as an entry."""
    index = EmbeddingIndex.empty(SIZE).added(
        ids(1, 2), np.stack([units(0, 1)[0], np.zeros(SIZE, np.float32)])
    )
    assert index.search(np.zeros(SIZE, np.float32), 9)[0].tolist() == []
    assert index.search(units(0, 1)[0], 9)[0].tolist() == [1]


def test_an_empty_index_finds_nothing() -> None:
    """A registry without vectors is not an error."""
    assert EmbeddingIndex.empty(SIZE).search(units(0, 1)[0], 3)[0].tolist() == []


def test_a_change_leaves_the_index_before_it_alone() -> None:
    """Threads that search an older index keep its contents."""
    first = EmbeddingIndex.empty(SIZE).added(ids(1, 2), units(0, 2))
    second = first.added(ids(3), units(1, 1)).without(ids(1))
    assert (first.ids.tolist(), second.ids.tolist()) == ([1, 2], [2, 3])
    assert second.without(ids(99)) is second


@pytest.mark.parametrize(
    ("new", "vectors"),
    [(ids(1), units(1, 1)), (ids(7, 7), units(1, 2)), (ids(7), units(1, 2)), (ids(7), units(1, 1)[:, 1:])],
    ids=["known", "repeated", "too few ids", "too short"],
)
def test_entries_that_do_not_fit_are_refused(new: Ids, vectors: Vectors) -> None:
    """A repeated id and vectors of another model's size are refused."""
    with pytest.raises(ValueError, match=r"already in the index|of shape"):
        EmbeddingIndex.empty(SIZE).added(ids(1, 2), units(0, 2)).added(new, vectors)
