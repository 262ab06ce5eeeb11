"""Cost of `FlatIndex` beside raw faiss, numpy and a rebuild, on the same codes in the same run.

    python tests/bench/bench_index.py [--codes 10000 1000000 10000000]

All measurements are interleaved and medians taken, so that a busy machine slows all of them alike. A ratio is
the median of the ratios within a repeat. faiss runs on one thread throughout, as it does through the port.
10 million codes need 1.5 GB.
"""

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from authcheck.vision.fingerprints.index import CODE_BITS, CODE_BYTES, BruteForceIndex, FlatIndex

RADIUS_BITS = 40
COUNT = 10
QUERIES = (1, 8, 16)  # one picture has up to eight orientations in one or two hash families
BATCH = 50_000
PAGE_BYTES = 4096


def main() -> None:
    """Measure each size in turn and print two Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codes", type=int, nargs="+", default=[10_000, 1_000_000, 10_000_000])
    sizes: list[int] = parser.parse_args().codes
    faiss.omp_set_num_threads(1)
    searches, changes = [], []
    for size in sizes:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            memory = pool.apply(bytes_each, (size,))
        codes = some_codes(size)
        start = time.perf_counter()
        index = filled(codes)
        rebuild_s = time.perf_counter() - start
        searches += search_rows(index, codes)
        changes.append([f"{size:,}", f"{memory:.0f}", f"{rebuild_s * 1e3:.0f}", *change_cells(index, codes)])
    print(f"radius {RADIUS_BITS} bits, {COUNT} nearest, faiss {faiss.__version__}, numpy {np.__version__}\n")
    table(
        [
            "codes",
            "queries",
            "`within` ms",
            "to raw faiss",
            "`nearest` ms",
            "to raw faiss",
            "numpy to `within`",
        ],
        searches,
    )
    table(
        [
            "codes",
            "bytes an entry",
            "rebuild ms",
            "add one ms",
            "add one amid ms",
            "remove one ms",
            "remove 100 ms",
        ],
        changes,
    )


def filled(codes: NDArray[np.uint8]) -> FlatIndex:
    """Fill the index in batches, as from a database, under even ids."""
    index = FlatIndex()
    for first in range(0, len(codes), BATCH):
        part = codes[first : first + BATCH]
        index.add(np.arange(first, first + len(part), dtype=np.int64) * 2, part)
    return index


def bytes_each(size: int) -> float:
    """Return the memory per entry that an index of this size takes from the system.

    Call it in a fresh process.
    """
    codes = some_codes(size)
    before = resident_bytes()
    index = filled(codes)
    return (resident_bytes() - before) / len(index)


def some_codes(size: int) -> NDArray[np.uint8]:
    """Return codes of random bits."""
    return np.random.default_rng(size).integers(0, 256, (size, CODE_BYTES), dtype=np.uint8)


def search_rows(index: FlatIndex, codes: NDArray[np.uint8]) -> list[list[str]]:
    """Measure searches through the port, in raw faiss and in numpy.

    Each query is a stored code with 20 bits flipped.
    """
    flat = faiss.IndexBinaryFlat(CODE_BITS)
    flat.add(codes)
    brute = BruteForceIndex()
    brute.add(np.arange(len(codes), dtype=np.int64), codes)
    rng, rows = np.random.default_rng(1), []
    repeats = max(9, min(1_000, 30_000_000 // len(codes)))
    for count in QUERIES:
        turned = np.packbits(np.arange(CODE_BITS) < 20)
        queries = codes[rng.integers(0, len(codes), count)] ^ turned
        seconds = interleaved(
            {
                "within": partial(index.within, queries, RADIUS_BITS),
                "range_search": partial(flat.range_search, queries, RADIUS_BITS + 1),
                "nearest": partial(index.nearest, queries, COUNT),
                "search": partial(flat.search, queries, COUNT),
            },
            repeats,
        )
        slow = interleaved({"numpy": partial(brute.within, queries, RADIUS_BITS)}, 3)["numpy"]
        within, nearest = statistics.median(seconds["within"]), statistics.median(seconds["nearest"])
        rows.append(
            [
                f"{len(codes):,}",
                str(count),
                f"{within * 1e3:.3f}",
                f"{ratio(seconds['within'], seconds['range_search']):.2f}",
                f"{nearest * 1e3:.3f}",
                f"{ratio(seconds['nearest'], seconds['search']):.2f}",
                f"{statistics.median(slow) / within:.1f}",
            ]
        )
    return rows


def change_cells(index: FlatIndex, codes: NDArray[np.uint8]) -> list[str]:
    """Measure single changes: add the greatest id, add an id in the middle, remove one entry, remove a hundred at once."""
    rng = np.random.default_rng(2)
    amid = rng.permutation(len(codes))[:21].astype(np.int64) * 2 + 1
    gone = rng.permutation(len(codes))[: 21 + 2_100].astype(np.int64) * 2
    took: dict[str, list[float]] = {}
    for number in range(21):
        last = np.array([2 * len(codes) + number], np.int64)
        hundred = gone[21 + 100 * number : 121 + 100 * number]
        actions: dict[str, Callable[[], object]] = {
            "add": partial(index.add, last, codes[:1]),
            "amid": partial(index.add, amid[number : number + 1], codes[:1]),
            "remove": partial(index.remove, gone[number : number + 1]),
            "hundred": partial(index.remove, hundred),
        }
        for name, seconds in interleaved(actions, 1).items():
            took.setdefault(name, []).extend(seconds)
    return [f"{statistics.median(seconds) * 1e3:.3f}" for seconds in took.values()]


def interleaved(actions: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Return the seconds of each action. Every repeat runs all actions in turn."""
    took: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(repeats):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            took[name].append(time.perf_counter() - start)
    return took


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the ratios within each repeat."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def resident_bytes() -> int:
    """Return the memory that this process really uses (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def table(head: list[str], rows: list[list[str]]) -> None:
    """Print a Markdown table."""
    for cells in (head, ["---:"] * len(head), *rows):
        print("| " + " | ".join(cells) + " |")
    print()


if __name__ == "__main__":
    main()
