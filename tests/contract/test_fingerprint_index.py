"""The contract of `FingerprintIndex`, run on every implementation, and their agreement on random walks."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from authcheck.vision.fingerprints.index import CODE_BYTES, BruteForceIndex, FingerprintIndex, FlatIndex

Make = Callable[[], FingerprintIndex]


def small_blocks() -> FlatIndex:
    """Use blocks of three entries, so that every test meets the edges of blocks."""
    return FlatIndex(block_codes=3)


@pytest.fixture(params=[FlatIndex, small_blocks, BruteForceIndex], ids=["flat", "flat-small", "brute"])
def index(request: pytest.FixtureRequest) -> FingerprintIndex:
    """Return an empty index of each implementation."""
    make: Make = request.param
    return make()


def ids_of(*ids: int) -> NDArray[np.int64]:
    """Return these ids in the index's type."""
    return np.array(ids, np.int64)


def codes_with(*bits_set: int) -> NDArray[np.uint8]:
    """Return a code for each argument, that many bits away from the code of zeros."""
    bits = np.arange(CODE_BYTES * 8) < np.array(bits_set, np.int64).reshape(-1, 1)
    return np.packbits(bits, axis=1)


def hits(index: FingerprintIndex, codes: NDArray[np.uint8], radius_bits: int) -> list[tuple[int, int, int]]:
    """Return the hits within the radius as plain tuples."""
    rows, ids, bits = index.within(codes, radius_bits)
    return list(zip(rows.tolist(), ids.tolist(), bits.tolist(), strict=True))


def test_the_radius_is_inclusive(index: FingerprintIndex) -> None:
    """An entry exactly at the radius is found. An entry one bit further is not."""
    index.add(ids_of(1, 2, 3), codes_with(31, 32, 33))
    assert hits(index, codes_with(0), 32) == [(0, 1, 31), (0, 2, 32)]


def test_radius_0_finds_the_same_code_and_256_finds_all(index: FingerprintIndex) -> None:
    """Both ends of the range of radii work."""
    index.add(ids_of(1, 2, 3), codes_with(0, 1, 256))
    assert hits(index, codes_with(0), 0) == [(0, 1, 0)]
    assert hits(index, codes_with(0), 256) == [(0, 1, 0), (0, 2, 1), (0, 3, 256)]


def test_hits_are_sorted_by_query_then_distance_then_id(index: FingerprintIndex) -> None:
    """The order of adding does not affect the order of hits."""
    index.add(ids_of(9, 4, 7, 1, 5), codes_with(2, 2, 0, 3, 2))
    expected = [(7, 0), (4, 2), (5, 2), (9, 2), (1, 3)]
    assert hits(index, codes_with(0, 0), 5) == [(row, id_, bits) for row in (0, 1) for id_, bits in expected]


def test_equals_are_cut_by_the_smaller_id(index: FingerprintIndex) -> None:
    """Where several entries tie for the last place, the smallest ids get it."""
    index.add(ids_of(9, 8, 2, 7, 3, 6), codes_with(5, 5, 5, 5, 1, 5))
    ids, bits = index.nearest(codes_with(0), 3)
    assert (ids.tolist(), bits.tolist()) == ([[3, 2, 6]], [[1, 5, 5]])


def test_the_farthest_possible_entry_is_still_the_nearest_of_one(index: FingerprintIndex) -> None:
    """A distance of 256 is an answer, not a sentinel."""
    index.add(ids_of(0), codes_with(256))
    ids, bits = index.nearest(codes_with(0), 2)
    assert (ids.tolist(), bits.tolist()) == ([[0, -1]], [[256, -1]])


def test_an_empty_index_answers(index: FingerprintIndex) -> None:
    """Before the first design is registered, a search finds nothing and does not fail."""
    ids, bits = index.nearest(codes_with(0, 9), 2)
    assert hits(index, codes_with(0, 9), 256) == []
    assert ids.tolist() == bits.tolist() == [[-1, -1], [-1, -1]]
    assert (len(index), index.remove(ids_of(1)), index.codes_of(ids_of()).shape) == (0, 0, (0, CODE_BYTES))


def test_no_queries_no_answers(index: FingerprintIndex) -> None:
    """A batch of zero queries is valid."""
    index.add(ids_of(1), codes_with(0))
    ids, bits = index.nearest(codes_with(), 2)
    assert hits(index, codes_with(), 256) == []
    assert ids.shape == bits.shape == (0, 2)


def test_answers_have_the_promised_types(index: FingerprintIndex) -> None:
    """Ids are int64 and distances int32, found or not, and callers may write to their answer."""
    for _ in range(2):
        for answer in (*index.within(codes_with(0), 3), *index.nearest(codes_with(0), 1)):
            assert answer.flags.writeable
        assert [part.dtype.name for part in index.within(codes_with(0), 3)] == ["int64", "int64", "int32"]
        assert [part.dtype.name for part in index.nearest(codes_with(0), 1)] == ["int64", "int32"]
        index.add(ids_of(len(index)), codes_with(0))


def test_removed_entries_are_gone_and_can_come_back(index: FingerprintIndex) -> None:
    """Removing an unknown or repeated id does nothing. A removed id can be added again."""
    index.add(ids_of(1, 2, 3, 4), codes_with(1, 2, 3, 4))
    assert index.remove(ids_of(3, 99, 1, 3, -1)) == 2
    assert hits(index, codes_with(0), 9) == [(0, 2, 2), (0, 4, 4)]
    index.add(ids_of(3), codes_with(0))
    assert (len(index), hits(index, codes_with(0), 2)) == (3, [(0, 3, 0), (0, 2, 2)])


def test_codes_come_back_in_the_order_asked(index: FingerprintIndex) -> None:
    """An id may be asked for twice. The error names an unknown id."""
    index.add(ids_of(8, 3, 5, 1), codes_with(8, 3, 5, 1))
    assert np.array_equal(index.codes_of(ids_of(5, 1, 5, 8)), codes_with(5, 1, 5, 8))
    with pytest.raises(KeyError, match="4"):
        index.codes_of(ids_of(8, 4))


@pytest.mark.parametrize(
    ("ids", "codes"),
    [
        pytest.param(ids_of(7, 2), codes_with(1, 1), id="known"),
        pytest.param(ids_of(7, 7), codes_with(1, 1), id="repeated"),
        pytest.param(ids_of(7, -1), codes_with(1, 1), id="negative"),
        pytest.param(ids_of(7, 8), codes_with(1), id="too-few-codes"),
        pytest.param(ids_of(7), codes_with(1)[:, :31], id="short-code"),
        pytest.param(ids_of(7), codes_with(1)[0], id="flat-code"),
        pytest.param(ids_of(7), codes_with(1).astype(np.int64), id="wrong-code-type"),
        pytest.param(ids_of(7).astype(np.int32), codes_with(1), id="wrong-id-type"),
        pytest.param(ids_of(7).reshape(1, 1), codes_with(1), id="wrong-id-shape"),
    ],
)
def test_a_bad_batch_changes_nothing(
    index: FingerprintIndex, ids: NDArray[np.int64], codes: NDArray[np.uint8]
) -> None:
    """A batch is added completely or not at all."""
    index.add(ids_of(1, 2, 9), codes_with(1, 2, 3))
    with pytest.raises(ValueError, match=r"id|codes"):
        index.add(ids, codes)
    assert hits(index, codes_with(0), 256) == [(0, 1, 1), (0, 2, 2), (0, 9, 3)]


@pytest.mark.parametrize("radius_bits", [-1, 257])
def test_an_impossible_radius_is_refused(index: FingerprintIndex, radius_bits: int) -> None:
    """A radius outside 0 to 256 raises an error."""
    with pytest.raises(ValueError, match="radius"):
        index.within(codes_with(0), radius_bits)


def test_an_impossible_query_is_refused(index: FingerprintIndex) -> None:
    """A count below one and codes of another width are refused."""
    with pytest.raises(ValueError, match="count"):
        index.nearest(codes_with(0), 0)
    with pytest.raises(ValueError, match="codes"):
        index.nearest(codes_with(0)[:, :8], 1)
    with pytest.raises(ValueError, match="codes"):
        index.within(codes_with(0)[:, :8], 1)


def test_the_callers_arrays_are_not_kept(index: FingerprintIndex) -> None:
    """Changing an array after adding it, or an array of an answer, changes nothing in the index."""
    ids, codes = ids_of(1, 2), codes_with(1, 2)
    index.add(ids, codes)
    ids[:], codes[:] = 5, 255
    index.codes_of(ids_of(1))[:] = 255
    assert hits(index, codes_with(0), 256) == [(0, 1, 1), (0, 2, 2)]


def test_queries_need_not_be_contiguous(index: FingerprintIndex) -> None:
    """Adding and searching take an array with steps and reversed columns as well as a contiguous copy."""
    index.add(ids_of(1, 2, 3), codes_with(1, 2, 3)[:, ::-1])
    queries = codes_with(1, 9, 3)[::2, ::-1]
    assert hits(index, queries, 0) == [(0, 1, 0), (1, 3, 0)]


Step = tuple[str, list[int], int]


def steps() -> st.SearchStrategy[list[Step]]:
    """Draw adds and removals of few ids, so that they collide, with the seed of the codes."""
    ids = st.lists(st.integers(0, 40), max_size=12)
    return st.lists(st.tuples(st.sampled_from(["add", "remove"]), ids, st.integers(0, 2**16)), max_size=25)


def few_codes(seed: int, count: int) -> NDArray[np.uint8]:
    """Return codes with many equal ones and many equal distances: every byte is one of two values."""
    return np.random.default_rng(seed).choice(np.array([0, 3], np.uint8), (count, CODE_BYTES), p=[0.9, 0.1])


def change(index: FingerprintIndex, step: Step) -> int:
    """Take the step and return its result, with -1 for a refusal."""
    action, numbers, seed = step
    if action == "remove":
        return index.remove(ids_of(*numbers))
    try:
        index.add(ids_of(*numbers), few_codes(seed, len(numbers)))
    except ValueError:
        return -1
    return len(index)


@given(walk=steps(), block_codes=st.integers(1, 9), count=st.integers(1, 50), radius_bits=st.integers(0, 256))
def test_flat_equals_brute_force_on_every_walk(
    walk: list[Step], block_codes: int, count: int, radius_bits: int
) -> None:
    """After each step of any walk both implementations give the same ids and types."""
    flat, brute = FlatIndex(block_codes=block_codes), BruteForceIndex()
    queries = few_codes(0, 3)
    for step in walk:
        assert change(flat, step) == change(brute, step)
        assert len(flat) == len(brute)
        for radius in (0, radius_bits, 256):
            assert_same(flat.within(queries, radius), brute.within(queries, radius))
        assert_same(flat.nearest(queries, count), brute.nearest(queries, count))
        known = brute.nearest(queries[:1], 50)[0][0]
        assert_same([flat.codes_of(known[known >= 0])], [brute.codes_of(known[known >= 0])])


@pytest.mark.slow
def test_flat_equals_brute_force_across_real_blocks() -> None:
    """Three blocks of the default size, with ties at every cut, give the answers of brute force."""
    rng = np.random.default_rng(7)
    count = 300_000
    codes = np.zeros((count, CODE_BYTES), np.uint8)
    codes[:, :3] = rng.integers(0, 256, (count, 3))
    ids = rng.permutation(2 * count)[:count].astype(np.int64)
    flat, brute = FlatIndex(), BruteForceIndex()
    for index in (flat, brute):
        index.add(ids[:200_000], codes[:200_000])
        index.add(ids[200_000:], codes[200_000:])
        assert index.remove(ids[::3]) == count // 3
    assert_same(flat.within(codes[:4], 3), brute.within(codes[:4], 3))
    assert_same(flat.nearest(codes[:4], 500), brute.nearest(codes[:4], 500))


def assert_same(got: tuple[NDArray[np.generic], ...] | list[NDArray[np.uint8]], expected: object) -> None:
    """Assert equal values, shapes and types, part by part."""
    assert isinstance(expected, tuple | list)
    for one, other in zip(got, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other, strict=True)


@pytest.fixture
def _eager_switching() -> Iterator[None]:
    """Make Python change threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.slow
@pytest.mark.usefixtures("_eager_switching")
def test_searches_see_each_change_whole(index: FingerprintIndex) -> None:
    """While pairs of entries come and go together, no search sees half a pair or another code under an id."""
    pairs = np.arange(400, dtype=np.int64).reshape(-1, 2)
    index.add(ids_of(10_000), codes_with(256))
    stop, wrong = threading.Event(), list[object]()

    def search() -> None:
        while not stop.is_set():
            _, ids, bits = index.within(codes_with(0), 100)
            whole = np.array_equal(np.sort(ids)[::2] + 1, np.sort(ids)[1::2])
            if not whole or not np.array_equal(bits, ids % 100 // 2):
                wrong.append((ids, bits))
            if index.nearest(codes_with(256), 1)[0].item() != 10_000:
                wrong.append("the lasting entry was missed")

    readers = [threading.Thread(target=search) for _ in range(3)]
    for reader in readers:
        reader.start()
    rng = np.random.default_rng(3)
    for _ in range(4):
        for pair in rng.permutation(pairs):
            index.add(pair, codes_with(*(pair % 100 // 2)))
        for pair in rng.permutation(pairs):
            assert index.remove(pair) == 2
    stop.set()
    for reader in readers:
        reader.join()
    assert not wrong


@pytest.mark.usefixtures("_eager_switching")
def test_changes_from_several_threads_all_arrive(index: FingerprintIndex) -> None:
    """Racing writers lose nothing. When two writers add the same id, one of them is refused."""
    refused = list[int]()

    def write(offset: int) -> None:
        for number in range(100):
            index.add(ids_of(1_000 * offset + number), codes_with(number))
            try:
                index.add(ids_of(50_000 + number), codes_with(number))
            except ValueError:
                refused.append(number)
            if number % 2:
                index.remove(ids_of(1_000 * offset + number))

    writers = [threading.Thread(target=write, args=(offset,)) for offset in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert (len(index), len(refused)) == (4 * 50 + 100, 3 * 100)


def test_searching_leaves_the_threads_of_faiss_as_they_were() -> None:
    """A search uses one thread and changes the thread count of no thread."""
    index = FlatIndex()
    index.add(ids_of(1), codes_with(1))
    before, seen = faiss.omp_get_max_threads(), list[int]()
    try:
        faiss.omp_set_num_threads(3)
        index.within(codes_with(0), 3)
        index.nearest(codes_with(0), 1)
        assert faiss.omp_get_max_threads() == 3
    finally:
        faiss.omp_set_num_threads(before)
    other = threading.Thread(target=lambda: seen.append(faiss.omp_get_max_threads()))
    other.start()
    other.join()
    assert seen == [before]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_can_search() -> None:
    """OpenMP's threads do not survive a fork. A search in the child process must not wait for them."""
    program = (
        "import os, signal, numpy as np; from authcheck.vision.fingerprints.index import FlatIndex; index = FlatIndex()\n"
        "codes = np.zeros((1000, 32), np.uint8); index.add(np.arange(1000), codes)\n"
        "def search(): return len(index.within(codes[:8], 0)[1]) == 8000 and index.nearest(codes[:8], 1)[0].max() == 0\n"
        "assert search(); child = os.fork()\n"
        "if child == 0: signal.alarm(30); os._exit(0 if search() else 1)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "4"}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)  # noqa: S603 - our own program


def test_the_module_imports_without_a_warning() -> None:
    """SWIG's wrappers warn on some versions of faiss. Our module must not pass the warning on."""
    program = "import authcheck.vision.fingerprints.index"
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60)  # noqa: S603 - our own program
