"""Time to put a picture into a cluster of a design that has many clusters already.

    python tests/bench/bench_clusters.py [--clusters 100 1000 10000]

The database is SQLite in a fresh folder. Every stored picture is the first of its own cluster: this is the
slowest case, because later pictures of a cluster are not read. The checked picture has two windows and joins
nothing. Medians of 21 rounds.
"""

import argparse
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
from bench_index import table
from sqlalchemy import insert, select

from authcheck.cases import clusters
from authcheck.cases.tables import ClusteredPicture, PictureCluster
from authcheck.checks.tables import Check
from authcheck.config import Settings
from authcheck.vision.fingerprints import copies
from authcheck.vision.fingerprints.fingerprint import REFERENCE_WINDOWS, SCHEME, Fingerprint
from authcheck.workspace import Workspace

sys.path.insert(0, str(Path(__file__).parents[1]))
import make

ROUNDS = 21
DICE = np.random.default_rng(0)


def main() -> None:
    """Print a Markdown table, a row a number of clusters."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, nargs="+", default=[100, 1_000, 10_000])
    rows = [measure(count) for count in parser.parse_args().clusters]
    table(
        [
            "clusters",
            "read the fingerprints ms",
            "compare ms",
            "join, all in all ms",
            "the same file again ms",
        ],
        rows,
    )


def some_fingerprint(orientations: int) -> Fingerprint:
    """Return a fingerprint of random bits."""
    codes = DICE.integers(0, 256, (2, orientations, 2, 32), dtype=np.uint8)
    return Fingerprint(SCHEME, REFERENCE_WINDOWS, codes)


def measure(count: int) -> list[str]:
    """Return the cells of a design with so many clusters."""
    with tempfile.TemporaryDirectory() as folder:
        work = Workspace.open(Settings(data_dir=Path(folder)))
        design_id = make.register(work).design.id
        fill(work, design_id, count)
        seconds: dict[str, list[float]] = {"read": [], "compare": [], "join": [], "again": []}
        for number in range(ROUNDS):
            picture = some_fingerprint(8)
            check = Check(
                id=f"chk_{number}", picture_sha256=f"new{number:061}", scheme=SCHEME, findings=[],
                fingerprint=picture.to_bytes(), design_id=design_id,
            )  # fmt: skip
            for name, took in time_round(work, check, picture).items():
                seconds[name].append(took)
        work.database.dispose()
    return [f"{count:,}", *(f"{statistics.median(values) * 1e3:.2f}" for values in seconds.values())]


def time_round(work: Workspace, check: Check, picture: Fingerprint) -> dict[str, float]:
    """Return the seconds of one join and of its parts. Transactions begin and end outside the clock."""
    design_id, now = str(check.design_id), make.NOW + timedelta(days=1)
    with work.database.writing() as session:
        start = time.perf_counter()
        query = select(ClusteredPicture.fingerprint).where(ClusteredPicture.design_id == design_id)
        records = session.scalars(query).all()
        read = time.perf_counter()
        copies.measure(picture, records)
        compared = time.perf_counter()
        clusters.join(session, check, design_id, now)
        joined = time.perf_counter()
    with work.database.writing() as session:
        again = time.perf_counter()
        clusters.join(session, check, design_id, now)
        found = time.perf_counter()
    return {
        "read": read - start,
        "compare": compared - read,
        "join": joined - compared,
        "again": found - again,
    }


def fill(work: Workspace, design_id: str, count: int) -> None:
    """Store clusters of one picture each."""
    names = [f"{number:064}" for number in range(count)]
    with work.database.writing() as session:
        session.execute(
            insert(PictureCluster),
            [
                {"id": name[-40:], "design_id": design_id, "representative_sha256": name, "spread_bits": 0,
                 "created_at": make.NOW}
                for name in names
            ],
        )  # fmt: skip
        session.execute(
            insert(ClusteredPicture),
            [
                {"design_id": design_id, "picture_sha256": name, "cluster_id": name[-40:], "scheme": SCHEME,
                 "fingerprint": some_fingerprint(1).to_bytes(), "joined_by": clusters.FIRST,
                 "distance_bits": 0, "added_at": make.NOW}
                for name in names
            ],
        )  # fmt: skip


if __name__ == "__main__":
    main()
