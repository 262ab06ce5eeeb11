"""Cost of `FiledFeatureIndex` beside plain faiss on the same points in the same run.

    python tests/bench/bench_features_index.py [--designs 600 3000 30000 100000]

Plain faiss is an IVF scalar quantiser with 1,024 lists, 5 of them probed. The points are synthetic: 250 per
design around words of the vocabulary. Their distance to the words is that of real points (some 120). The
words are as unevenly frequent as with real designs (imbalance 2.7, of match-data's 2.95). Half of the 4,800
queries are stored points with noise. The other half belong to no design. Repeats are interleaved and medians
taken, all on one thread. 100,000 designs need 7 GB and about five minutes.
"""

import argparse
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from authcheck.vision.features.features import DIMENSIONS, Features
from authcheck.vision.features.filed_index import FiledFeatureIndex
from authcheck.vision.features.filing import COARSE, FINE_EACH
from authcheck.vision.features.inverted import append
from authcheck.vision.features.snapshot import NAME, Snapshot, Stand, open_snapshot
from authcheck.vision.features.vocabulary import FINE_WORDS, WORDS
from authcheck.vision.fingerprints.blocks import on_one_thread

POINTS = 250
QUERIES = 4_800
COUNT = 10
BATCH = 500
PAGE_BYTES = 4096
HEAD = (
    "designs", "points", "fill s", "write s", "open ms", "file bytes a design", "memory filled", "memory from file",
    "search from file ms", "search from memory ms", "plain faiss ms", "file to faiss", "add one ms", "remove one ms",
)  # fmt: skip


def main() -> None:
    """Measure each size in a process of its own and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--designs", type=int, nargs="+", default=[600, 3_000, 30_000, 100_000])
    print(f"| {' | '.join(HEAD)} |\n|{'---:|' * len(HEAD)}")
    for designs in parser.parse_args().designs:
        with tempfile.TemporaryDirectory() as folder:
            context = multiprocessing.get_context("spawn")
            with context.Pool(1) as pool:
                filled = pool.apply(fill, (designs, folder))
            with context.Pool(1) as pool:
                print("| " + " | ".join(pool.apply(measure, (designs, folder, filled))) + " |")
        sys.stdout.flush()


def fill(designs: int, folder: str) -> tuple[float, float, float, float]:
    """Return seconds for filling and for writing, bytes per design in memory, and seconds for a search in memory."""
    index, before, took = FiledFeatureIndex(), resident_bytes(), 0.0
    for first, batch in batches(designs):
        start = time.perf_counter()
        index.add(range(first, first + len(batch)), batch)
        took += time.perf_counter() - start
    memory = (resident_bytes() - before) / designs
    start = time.perf_counter()
    index.write(Path(folder), Stand("bench", 1, ""))
    wrote = time.perf_counter() - start
    search = interleaved({"": partial(index.nearest, queries(), COUNT)}, 5)[""]
    return took, wrote, memory, statistics.median(search)


def measure(designs: int, folder: str, filled: tuple[float, float, float, float]) -> list[str]:
    """Return the cells of one size, measured on the file that `fill` wrote."""
    fill_s, write_s, memory, from_memory_s = filled
    asked, before, start = queries(), resident_bytes(), time.perf_counter()
    index = FiledFeatureIndex(snapshot := opened(folder))
    open_s = time.perf_counter() - start
    index.nearest(asked, COUNT)
    mapped = (resident_bytes() - before) / designs
    plain = plain_faiss(snapshot)
    searches: dict[str, Callable[[], object]] = {
        "file": partial(index.nearest, asked, COUNT),
        "faiss": partial(on_one_thread(plain.search), asked.astype(np.float32), COUNT),
    }
    seconds = interleaved(searches, 7)
    new = [(number, features(np.random.default_rng(number))) for number in range(designs, designs + 9)]
    adding = [interleaved({"": partial(index.add, [key], [one])}, 1)[""][0] for key, one in new]
    removing = [interleaved({"": partial(index.remove, [key])}, 1)[""][0] for key in range(9)]
    return [
        f"{designs:,}",
        f"{designs * POINTS:,}",
        f"{fill_s:.1f}",
        f"{write_s:.2f}",
        f"{open_s * 1e3:.0f}",
        f"{(Path(folder) / NAME).stat().st_size / designs:,.0f}",
        f"{memory:,.0f}",
        f"{mapped:,.0f}",
        f"{statistics.median(seconds['file']) * 1e3:.0f}",
        f"{from_memory_s * 1e3:.0f}",
        f"{statistics.median(seconds['faiss']) * 1e3:.0f}",
        f"{statistics.median(a / b for a, b in zip(seconds['file'], seconds['faiss'], strict=True)):.2f}",
        f"{statistics.median(adding) * 1e3:.1f}",
        f"{statistics.median(removing) * 1e3:.2f}",
    ]


def opened(folder: str) -> Snapshot:
    """Open the snapshot in a folder."""
    snapshot = open_snapshot(Path(folder))
    if snapshot is None:
        raise SystemExit("the snapshot was not found whole")
    return snapshot


def plain_faiss(snapshot: Snapshot) -> faiss.IndexIVF:
    """Return a plain faiss index of the same points under the same 1,024 words."""
    words = faiss.IndexFlatL2(DIMENSIONS)
    words.add(WORDS + np.float32(128))
    residual = False
    plain = faiss.IndexIVFScalarQuantizer(
        words, DIMENSIONS, COARSE, faiss.ScalarQuantizer.QT_8bit_direct, faiss.METRIC_L2, residual
    )
    plain.is_trained, plain.nprobe = True, 5
    starts = snapshot.starts[::FINE_EACH]
    for word in range(COARSE):
        rows = np.arange(starts[word], starts[word + 1])
        append(plain, snapshot.codes[rows].astype(np.float32), rows, np.full(len(rows), word))
    return plain


def batches(designs: int) -> Iterator[tuple[int, list[Features]]]:
    """Yield batches of designs, each with the number of its first design."""
    for first in range(0, designs, BATCH):
        dice = np.random.default_rng(first)
        yield first, [features(dice) for _ in range(first, min(designs, first + BATCH))]


def features(dice: np.random.Generator) -> Features:
    """Return the features of a random design."""
    codes = some_codes(dice, POINTS)
    steps = dice.integers(0, 65536, (POINTS, 4)).astype(np.uint16)
    return Features(320, 256, steps, codes, np.zeros(POINTS, np.uint8))


def some_codes(dice: np.random.Generator, count: int) -> NDArray[np.uint8]:
    """Return descriptors around words. Some words are far more frequent than others."""
    weights = np.random.default_rng(0).lognormal(0, 1, COARSE).cumsum()
    coarse = np.searchsorted(weights, dice.uniform(0, weights[-1], count))
    words = FINE_WORDS[coarse, dice.integers(0, FINE_EACH, count)]
    return as_bytes(words + 128 + dice.normal(0, 15, words.shape))


def queries() -> NDArray[np.uint8]:
    """Return points of the first designs with noise, and as many points that belong to no design."""
    stored = np.concatenate([one.descriptors for one in next(batches(BATCH))[1]])[: QUERIES // 2]
    dice = np.random.default_rng(99)
    again = as_bytes(stored + dice.normal(0, 10, stored.shape))
    return np.concatenate([again, some_codes(dice, QUERIES - len(again))])


def as_bytes(numbers: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Round to the nearest byte."""
    return np.clip(np.rint(numbers), 0, 255).astype(np.uint8)


def interleaved(actions: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Return the seconds of each action. Every repeat runs all actions in turn."""
    took: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(repeats):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            took[name].append(time.perf_counter() - start)
    return took


def resident_bytes() -> int:
    """Return the memory that this process really uses (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


if __name__ == "__main__":
    main()
