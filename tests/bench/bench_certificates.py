"""Certificates issued per second in one batch.

One durable transaction holds signatures, rows, entries and tiles.

    python tests/bench/bench_certificates.py [--count 10000] [--repeats 5]

The same run also measures the costs that cannot be avoided: as many raw Ed25519 signatures, and as many raw
inserts of rows of this size. Repeats are interleaved and medians taken. The second column is processor time
alone. Use that column when other processes compete for the cores. The last row revokes the batch.
"""

import argparse
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

sys.path.insert(0, str(Path(__file__).parents[1]))

import certificates_made as made
import make

from authcheck.config import Settings
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

ROW_BYTES = 1900  # size of the row of a certificate and of its entry, without indices


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(Settings(data_dir=Path(folder) / "state"))
        make.confirm_address(workspace.database)
        brand = made.brand(workspace)
        brand.issue("warm", now=utc_now())
        acts: dict[str, list[tuple[float, float]]] = {}
        for repeat in range(given.repeats):
            for name, act in acts_of(brand, Path(folder), f"r{repeat}", given.count).items():
                acts.setdefault(name, []).append(timed(act))
        brand.work.database.dispose()
    print(
        f"{given.count:,} at once\n\n| | a second | a second of processor | to issuing |\n|---|---|---|---|"
    )
    walls = {name: [wall for wall, _ in times] for name, times in acts.items()}
    for name, times in acts.items():
        wall, cpu = (given.count / statistics.median(column) for column in zip(*times, strict=True))
        ratio = statistics.median(a / b for a, b in zip(walls["issued"], walls[name], strict=True))
        print(f"| {name} | {wall:,.0f} | {cpu:,.0f} | {ratio:.1f} x |")


def acts_of(brand: made.Brand, folder: Path, request: str, count: int) -> dict[str, Callable[[], object]]:
    """Return the measured actions by name, in order."""
    batch_id: list[str] = []
    return {
        "issued": lambda: batch_id.append(brand.issue(request, now=utc_now(), count=count).id),
        "raw signatures": lambda: sign(count),
        "raw inserts": lambda: insert(folder / f"{request}.db", count),
        "revoked": lambda: brand.revoke(batch_id=batch_id[0], now=utc_now()),
    }


def timed(act: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of wall time and of processor time."""
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - wall, time.process_time() - cpu


def sign(count: int) -> None:
    """Make this number of signatures over 1,200 bytes each."""
    key = Ed25519PrivateKey.generate()
    for _ in range(count):
        key.sign(bytes(1200))


def insert(path: Path, count: int) -> None:
    """Insert this number of rows into one table without an index, durably."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE rows (number INTEGER PRIMARY KEY, body BLOB)")
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO rows (body) VALUES (?)", ((bytes(ROW_BYTES),) for _ in range(count)))
    connection.execute("COMMIT")
    connection.close()


if __name__ == "__main__":
    main()
