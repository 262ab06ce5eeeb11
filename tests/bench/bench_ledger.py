"""Cost of the ledger: durable appends beside raw inserts and raw hashing, and proofs from stored tiles.

    python tests/bench/bench_ledger.py [--sizes 10000 100000 1000000] [--folder FOLDER]

Appends go through `journal.record` into a SQLite file on disk, one transaction per group. The raw inserts
write the same rows by `sqlite3.executemany` into one table with the same keys and pragmas (WAL,
synchronous=FULL), one transaction per group. The raw hashing is one SHA-256 per entry. All three are
interleaved. Figures are medians of rounds, and ratios are medians of the rounds' ratios. Proofs read their
tiles from the database each time, and keep nothing between two proofs.
"""

import argparse
import hashlib
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from authcheck.config import Settings
from authcheck.ledger.journal import ledger_size, read_tile_of, record
from authcheck.storage.database import Database
from authcheck.tlog.entries import Draft, body, tx_id
from authcheck.tlog.merkle import leaf_hash, verify_consistency, verify_inclusion
from authcheck.tlog.tiles import ReadTile, _layers, prove_consistency, prove_inclusion, root_at

START = datetime(2026, 11, 23, tzinfo=UTC)
GROUPS = {1: 300, 100: 30, 10_000: 3}  # entries per group: groups per round
ROUNDS = 5
PROOFS = 1000
FILL = 10_000
TABLE = """CREATE TABLE entries (number INTEGER PRIMARY KEY, tx_id VARCHAR(64) NOT NULL UNIQUE, type VARCHAR(30),
subject VARCHAR(60), at DATETIME, body BLOB)"""


def main() -> None:
    """Measure appends, then proofs at each size, and print two Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--folder", type=Path, help="where the databases lie: a disk, not memory")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        appends(Path(folder))
        proofs(Path(folder), sorted(chosen.sizes))


def drafts(first: int, count: int) -> list[Draft]:
    """Return entries of some 300 bytes each, like those of certificates."""
    return [
        Draft(
            "cert.issue",
            f"urn:uuid:{number:032x}",
            START + timedelta(microseconds=number),
            {
                "h": "sha256:" + hashlib.sha256(number.to_bytes(8)).hexdigest(),
                "iss": "did:web:authcheck.example:brands:acme",
                "kid": "did:web:authcheck.example:brands:acme#key-1",
            },
        )
        for number in range(first, first + count)
    ]


def appends(folder: Path) -> None:
    """Print entries per second for each group size, and the ratios."""
    database = Database.open(Settings(data_dir=folder / "ours"))
    raw = sqlite3.connect(folder / "raw.db", isolation_level=None)
    raw.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {TABLE};")
    first = 0
    print(
        "| group | appends a second | raw inserts a second | ratio of time | raw SHA-256 a second | ratio of time |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for size, count in GROUPS.items():
        rounds = []
        for _ in range(ROUNDS):
            groups = [drafts(first + at * size, size) for at in range(count)]
            first += size * count
            rounds.append(one_round(database, raw, groups))
        ours, theirs, hashing = (
            statistics.median(column) / size / count for column in zip(*rounds, strict=True)
        )
        inserts = statistics.median(mine / other for mine, other, _ in rounds)
        hashes = statistics.median(mine / other for mine, _, other in rounds)
        print(
            f"| {size:,} | {1 / ours:,.0f} | {1 / theirs:,.0f} | {inserts:.2f} | {1 / hashing:,.0f} | {hashes:,.0f} |"
        )
    raw.close()
    database.dispose()


def one_round(
    database: Database, raw: sqlite3.Connection, groups: Sequence[Sequence[Draft]]
) -> tuple[float, float, float]:
    """Return the seconds for the same groups by our appends, by raw inserts and by raw hashing."""
    start = raw.execute("SELECT count(*) FROM entries").fetchone()[0]
    rows = []
    for group in groups:
        bodies = [body(draft) for draft in group]
        rows.append(
            [
                (start + at, tx_id(text), draft.type, draft.subject, draft.at.isoformat(), text)
                for at, (draft, text) in enumerate(zip(group, bodies, strict=True))
            ]
        )
        start += len(group)

    def append() -> None:
        for group in groups:
            with database.writing() as session:
                record(session, group)

    def insert() -> None:
        for group in rows:
            raw.execute("BEGIN IMMEDIATE")
            raw.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)", group)
            raw.execute("COMMIT")

    def digest() -> None:
        for group in rows:
            for row in group:
                hashlib.sha256(row[-1]).digest()

    return timed(append)[0] / 1e3, timed(insert)[0] / 1e3, timed(digest)[0] / 1e3


def proofs(folder: Path, sizes: Sequence[int]) -> None:
    """Print the time of making and verifying proofs at each size."""
    database = Database.open(Settings(data_dir=folder / "proofs"))
    print(
        "\n| entries | inclusion ms (p95) | of it CPU | without the database | consistency ms (p95) | verify ms | MB on disk |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for size in sizes:
        have = 0
        while have < size:
            with database.writing() as session:
                have = ledger_size(session)
                record(session, drafts(have, min(FILL, size - have)))
        print(
            f"| {size:,} | {' | '.join(proof_cells(database, size))} | {megabytes(folder / 'proofs'):,.0f} |"
        )
    database.dispose()


def proof_cells(database: Database, size: int) -> list[str]:
    """Return the times of many verified proofs of random entries and old sizes."""
    dice = random.Random(size)
    with database.reading() as session:
        root = root_at(size, read_tile_of(session))
    rows = [one_proof(database, dice.randrange(size - 1), size, root) for _ in range(PROOFS)]
    inclusion, cpu, consistency, memory, verify = zip(*rows, strict=True)
    return [
        f"**{statistics.median(inclusion):.2f}** ({statistics.quantiles(inclusion, n=20)[-1]:.2f})",
        f"{statistics.median(cpu):.2f}",
        f"{statistics.median(memory):.2f}",
        f"**{statistics.median(consistency):.2f}** ({statistics.quantiles(consistency, n=20)[-1]:.2f})",
        f"{statistics.median(verify):.3f}",
    ]


def one_proof(
    database: Database, number: int, size: int, root: bytes
) -> tuple[float, float, float, float, float]:
    """Return milliseconds: inclusion proof, its processor time, consistency proof, from memory, verifying."""
    leaf = leaf_hash(body(drafts(number, 1)[0]))
    with database.reading() as session:
        read = read_tile_of(session)
        read(0, 0)  # from here on the connection is open
        cpu_start = time.thread_time()
        _layers.cache_clear()
        inclusion_ms, proof = timed(prove_inclusion, number, size, read)
        cpu_ms = (time.thread_time() - cpu_start) * 1e3
        _layers.cache_clear()
        consistency_ms, other = timed(prove_consistency, number + 1, size, read)
        older = root_at(number + 1, read)
        memory_ms, _ = timed(prove_inclusion, number, size, remembered(read, number, size))
    verify_ms, _ = timed(verify_inclusion, leaf, number, size, proof, root)
    verify_consistency(number + 1, size, other, older, root)
    return inclusion_ms, cpu_ms, consistency_ms, memory_ms, verify_ms


def timed(work: Callable[..., Any], *arguments: object) -> tuple[float, Any]:
    """Return the milliseconds of a call, and its result."""
    start = time.perf_counter()
    made = work(*arguments)
    return (time.perf_counter() - start) * 1e3, made


def remembered(read: ReadTile, number: int, size: int) -> ReadTile:
    """Return the tiles that a proof needs, as a dictionary."""
    tiles: dict[tuple[int, int], bytes] = {}

    def keep(level: int, at: int) -> bytes:
        return tiles.setdefault((level, at), read(level, at))

    prove_inclusion(number, size, keep)
    _layers.cache_clear()
    return lambda level, at: tiles[level, at]


def megabytes(folder: Path) -> float:
    """Return the size of the files of a folder in megabytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


if __name__ == "__main__":
    main()
