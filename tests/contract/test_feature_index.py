"""The contract of `FeatureIndex`, run on every implementation, and their agreement on random walks."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from features_made import features_of, seen_again, some_codes, some_features
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from numpy.typing import NDArray

from authcheck.vision.features.features import Features
from authcheck.vision.features.filed_index import FiledFeatureIndex
from authcheck.vision.features.filing import FINE_EACH, Reach
from authcheck.vision.features.index import BruteForceFeatureIndex, FeatureIndex, Neighbours
from authcheck.vision.features.snapshot import Stand, open_snapshot

Make = Callable[[], FeatureIndex]
WHOLE = Reach(32, None)  # far enough to cover every word under which `at` is filed
WHOLE_FINE = Reach(32, 32 * FINE_EACH)


def everywhere() -> FiledFeatureIndex:
    """Return an index that looks into every word that matters here."""
    return FiledFeatureIndex(reach=lambda _: WHOLE)


def everywhere_fine() -> FiledFeatureIndex:
    """Return the same index, filed by fine words as a large registry is."""
    return FiledFeatureIndex(reach=lambda _: WHOLE_FINE)


@pytest.fixture(params=[everywhere, everywhere_fine, BruteForceFeatureIndex], ids=["filed", "fine", "brute"])
def index(request: pytest.FixtureRequest) -> FeatureIndex:
    """Return an empty index of each implementation."""
    make: Make = request.param
    return make()


def at(*distances: int) -> NDArray[np.uint8]:
    """Return a descriptor for each argument, at that distance from the descriptor that is 100 everywhere."""
    codes = np.full((len(distances), 64), 100, np.uint8)
    codes[:, 0] += np.array(distances, np.uint8)
    return codes


def found(index: FeatureIndex, count: int, queries: int = 1) -> list[list[tuple[int, float]]]:
    """Return keys and distances of the neighbours of the descriptor that is 100 everywhere."""
    answer = index.nearest(at(*[0] * queries), count)
    pairs = zip(answer.keys.tolist(), answer.distances.tolist(), strict=True)
    return [list(zip(*pair, strict=True)) for pair in pairs]


def assert_same(one: Neighbours, other: Neighbours) -> None:
    """Assert that two answers have equal numbers and equal types."""
    for name in ("keys", "distances", "steps", "channels"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)


def test_neighbours_come_nearest_first_with_all_that_is_known_of_them(index: FeatureIndex) -> None:
    """Neighbours come nearest first.

    Distances are Euclidean and not squared. Each has its own steps and channel.
    """
    near, far = features_of(at(30, 3), 1), features_of(at(7, 60), 2)
    index.add([8, 4], [near, far])
    answer = index.nearest(at(0), 3)
    assert found(index, 3) == [[(8, 3.0), (4, 7.0), (8, 30.0)]]
    assert answer.steps[0].tolist() == [near.steps[1].tolist(), far.steps[0].tolist(), near.steps[0].tolist()]
    assert answer.channels[0].tolist() == [near.channels[1], far.channels[0], near.channels[0]]


def test_equally_near_ones_are_cut_by_key_then_place(index: FeatureIndex) -> None:
    """Where many neighbours tie for the last place, the smallest keys win, then the first points."""
    for key in (9, 3, 7):
        index.add([key], [features_of(at(*[5] * 40), key)])
    index.add([5], [features_of(at(5, 1), 5)])
    assert found(index, 4) == [[(5, 1.0), (3, 5.0), (3, 5.0), (3, 5.0)]]
    assert index.nearest(at(0), 4).steps[0, 1:].tolist() == features_of(at(*[5] * 40), 3).steps[:3].tolist()
    assert [key for key, _ in found(index, 60)[0]] == [5] + [3] * 40 + [5] + [7] * 18


def test_where_there_are_fewer_the_rest_is_empty(index: FeatureIndex) -> None:
    """Places without a neighbour have no key and an infinite distance.

    An index without points gives only such places.
    """
    assert found(index, 2) == [[(-1, np.inf)] * 2]
    index.add([1], [features_of(at())])
    assert (found(index, 2), len(index)) == ([[(-1, np.inf)] * 2], 1)
    index.add([2], [features_of(at(4))])
    assert found(index, 2, queries=3) == [[(2, 4.0), (-1, np.inf)]] * 3
    assert index.nearest(at(), 2).keys.shape == (0, 2)


def test_answers_have_the_promised_types(index: FeatureIndex) -> None:
    """The arrays have the same types whether neighbours were found or not."""
    for _ in range(2):
        answer = index.nearest(at(0, 1), 3)
        kinds = [answer.keys, answer.steps, answer.channels, answer.distances]
        assert [part.dtype.name for part in kinds] == ["int64", "uint16", "uint8", "float32"]
        assert [part.shape for part in kinds] == [(2, 3), (2, 3, 4), (2, 3), (2, 3)]
        index.add([len(index)], [some_features(1)])


def test_removed_entries_are_gone_and_can_come_back(index: FeatureIndex) -> None:
    """Removing an unknown key does nothing. A removed key can be added again with other points."""
    index.add([1, 2, 3], [features_of(at(1)), features_of(at(2)), features_of(at(3))])
    index.remove([2, 99, 2])
    assert (found(index, 3), len(index)) == ([[(1, 1.0), (3, 3.0), (-1, np.inf)]], 2)
    index.add([2], [features_of(at(9))])
    assert (found(index, 3), len(index)) == ([[(1, 1.0), (3, 3.0), (2, 9.0)]], 3)


def test_removed_points_take_no_place(index: FeatureIndex) -> None:
    """After hundreds of nearer points were removed, a query still gets as many neighbours as it asks for."""
    index.add(range(100), [features_of(at(*[1] * 10), key) for key in range(100)])
    index.add([200, 300], [features_of(at(20, 30)), features_of(at(25))])
    index.remove(range(100))
    assert found(index, 4) == [[(200, 20.0), (300, 25.0), (200, 30.0), (-1, np.inf)]]


def test_points_are_counted_by_entry(index: FeatureIndex) -> None:
    """Counts come in the order of the query. An unknown or removed key has no points."""
    index.add([5, 2, 9], [some_features(1, 7), some_features(2, 0), some_features(3, 4)])
    index.remove([9])
    answer = index.points(np.array([9, 5, 1, 2, 5], np.int64))
    assert (answer.tolist(), answer.dtype) == ([0, 7, 0, 0, 7], np.int32)


@pytest.mark.parametrize(
    ("keys", "count"),
    [([7, 2], 2), ([7, 7], 2), ([7, -1], 2), ([7, 8], 1)],
    ids=["known", "repeated", "negative", "too-few-features"],
)
def test_a_bad_batch_changes_nothing(index: FeatureIndex, keys: list[int], count: int) -> None:
    """A batch is added completely or not at all."""
    index.add([2], [features_of(at(2))])
    with pytest.raises(ValueError, match="key"):
        index.add(keys, [features_of(at(1))] * count)
    assert (found(index, 2), len(index)) == ([[(2, 2.0), (-1, np.inf)]], 1)


def test_an_impossible_query_is_refused(index: FeatureIndex) -> None:
    """A count below one and descriptors of another width or type are refused."""
    for descriptors, count in ((at(0), 0), (at(0)[:, :63], 1), (at(0)[0], 1), (at(0).astype(np.float32), 1)):
        with pytest.raises(ValueError, match=r"count|descriptors"):
            index.nearest(descriptors, count)


def pool(seed: int) -> Features:
    """Draw points out of only six, so that most distances are equal."""
    dice = np.random.default_rng(seed)
    return features_of(at(*dice.choice([0, 1, 2, 20, 21, 40], dice.integers(0, 9))), seed)


def restarted(index: FiledFeatureIndex, reach: Callable[[int], Reach]) -> FiledFeatureIndex:
    """Return the index as another process reads it from the file."""
    with tempfile.TemporaryDirectory() as folder:
        index.write(Path(folder), Stand("registry", 1, ""))
        snapshot = open_snapshot(Path(folder))
    assert snapshot is not None
    return FiledFeatureIndex(snapshot, reach)


Step = tuple[str, list[int], int]
STEPS = st.tuples(
    st.sampled_from(["add", "add", "remove", "restart"]),
    st.lists(st.integers(0, 12), max_size=6, unique=True),
    st.integers(0, 2**16),
)


@pytest.mark.slow
@settings_of_hypothesis(max_examples=settings_of_hypothesis.default.max_examples // 3)
@given(walk=st.lists(STEPS, max_size=10), count=st.integers(1, 12), turn=st.integers(0, 60))
def test_filed_equals_brute_force_on_every_walk(walk: list[Step], count: int, turn: int) -> None:
    """After any mix of adding, removing and restarting, both kinds of filing give equal answers."""

    def reach(points: int) -> Reach:
        return WHOLE if points < turn else WHOLE_FINE

    filed, brute = FiledFeatureIndex(reach=reach), BruteForceFeatureIndex()
    queries = at(0, 21, 45)
    for action, keys, seed in walk:
        if action == "restart":
            filed = restarted(filed, reach)
        elif action == "remove":
            filed.remove(keys)
            brute.remove(keys)
        else:
            new = [
                key for key in keys if not brute.points(np.array([key])).any() and key not in brute._entries
            ]
            filed.add(new, [pool(seed + key) for key in new])
            brute.add(new, [pool(seed + key) for key in new])
        assert len(filed) == len(brute)
        assert_same(filed.nearest(queries, count), brute.nearest(queries, count))
        every = np.arange(14)
        np.testing.assert_array_equal(filed.points(every), brute.points(every), strict=True)


@pytest.mark.slow
@pytest.mark.parametrize("reach", [Reach(5, None), Reach(8, 12)], ids=["coarse", "fine"])
def test_the_answer_does_not_depend_on_history(reach: Reach) -> None:
    """Entries added in another order or read from a file give the same neighbours in the probed words."""
    entries = {key: some_features(key, 80) for key in range(60)}
    queries = seen_again(np.random.default_rng(1), np.concatenate([entries[k].descriptors for k in (3, 50)]))
    at_once, one_by_one = FiledFeatureIndex(reach=lambda _: reach), FiledFeatureIndex(reach=lambda _: reach)
    at_once.add(list(entries), list(entries.values()))
    for key in reversed(entries):
        one_by_one.add([key, key + 1000], [entries[key], some_features(key + 7, 30)])
        one_by_one.remove([key + 1000])
        if key in {40, 20}:
            one_by_one.remove([55])
            one_by_one = restarted(one_by_one, lambda _: reach)
            one_by_one.add([55], [entries[55]])
    assert_same(one_by_one.nearest(queries, 10), at_once.nearest(queries, 10))
    assert_same(restarted(one_by_one, lambda _: reach).nearest(queries, 10), at_once.nearest(queries, 10))


def test_a_query_gets_the_same_answer_alone_and_among_others() -> None:
    """Other queries in the same call do not change an answer, whatever method faiss uses for the batch."""
    index = FiledFeatureIndex()
    index.add(range(40), [some_features(key, 100) for key in range(40)])
    queries = some_codes(np.random.default_rng(2), 100)
    whole = index.nearest(queries, 5)
    for row in range(0, 100, 9):
        alone = index.nearest(queries[row : row + 1], 5)
        assert alone.keys.tolist() == whole.keys[row : row + 1].tolist()
        assert alone.steps.tolist() == whole.steps[row : row + 1].tolist()


@pytest.mark.parametrize(("reach", "least"), [(None, 0.97), (Reach(8, 32), 0.97), (Reach(8, 6), 0.9)])
def test_points_seen_again_are_found(reach: Reach | None, least: float) -> None:
    """When points come back with noise, at least this share finds its own point among the ten nearest."""
    index = FiledFeatureIndex() if reach is None else FiledFeatureIndex(reach=lambda _: reach)
    entries = [some_features(key, 100) for key in range(150)]
    index.add(range(150), entries)
    queries = seen_again(np.random.default_rng(3), np.concatenate([one.descriptors for one in entries[:30]]))
    steps = np.concatenate([one.steps for one in entries[:30]])
    hits = (index.nearest(queries, 10).steps == steps[:, None]).all(axis=2).any(axis=1)
    assert hits.mean() >= least


@pytest.mark.slow
def test_what_was_removed_does_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """An index whose entries are replaced many times holds about as much as its live entries need."""
    monkeypatch.setattr("authcheck.vision.features.filed_index.LEAST_POINTS", 200)
    index = FiledFeatureIndex()
    for turn in range(40):
        index.remove([1, 2])
        index.add([1, 2], [some_features(turn), some_features(turn + 100)])
    assert len(index._fresh.entries) <= 500
    assert len(index) == 2
