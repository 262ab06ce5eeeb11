"""Pictures per core of `scan --fast` beside decoding alone, and the start-up with a large registry in SQLite.

    python tests/bench/bench_scan.py [--pictures 400] [--views 1000000]

Decoding alone is Pillow's 1/8-scale JPEG decode (`draft`) of the same files in one process.
"""

import argparse
import io
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image
from sqlalchemy import insert

from authcheck.checks.policies import FAST_POLICY
from authcheck.checks.scan import scan
from authcheck.config import Settings
from authcheck.members import organisations
from authcheck.registry.clock import next_tick
from authcheck.registry.live_hashes import LiveGallery
from authcheck.registry.tables import Design, View
from authcheck.storage.opening import utc_now
from authcheck.vision.fingerprints import fingerprint
from authcheck.vision.fingerprints.fingerprint import Fingerprint
from authcheck.workspace import Workspace

SIDES = ((1155, 866), (2000, 1500), (4000, 3000))


def noisy_picture(seed: int, size: tuple[int, int]) -> bytes:
    """Draw a JPEG with detail at every scale, like a photograph."""
    dice = np.random.default_rng(seed)
    pixels = np.zeros((size[1], size[0], 3), np.float32)
    for cells in (4, 16, 64, 256):
        small = Image.fromarray(dice.integers(0, 256, (cells, cells, 3), np.uint8))
        pixels += np.asarray(small.resize(size, Image.Resampling.BICUBIC), np.float32) / 4
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def decode_alone(names: list[str]) -> float:
    """Return the seconds of decoding all files at 1/8 scale."""
    started = time.perf_counter()
    for name in names:
        image = Image.open(io.BytesIO(Path(name).read_bytes()))
        image.draft("L", (1, 1))
        image.load()
    return time.perf_counter() - started


def fill(work: Workspace, views: int) -> None:
    """Fill a registry with this number of views with random fingerprints, one design per 1,000 views."""
    print(f"filling a registry of {views:,} views ...")
    real = fingerprint.read(noisy_picture(0, (512, 512)))[1].reference()
    dice, now = np.random.default_rng(1), datetime.now(UTC)
    with work.database.writing() as session:
        owner = organisations.ensure_brand(session, "bench", now)
        tick = next_tick(session)
        for start in range(0, views, 1000):
            design = f"dsn_{start:020}"
            words = {"reference": design, "title": design, "kind": "other", "state": "registered"}
            session.execute(
                insert(Design),
                {"id": design, "owner_id": owner.id, "public_preview": False, "registered_at": now,
                 "registered_tick": tick, "version": 1, **words},
            )  # fmt: skip
            rows = [
                _view(design, _random_like(real, dice), tick, now) for _ in range(min(1000, views - start))
            ]
            session.execute(insert(View), rows)


def _random_like(real: Fingerprint, dice: np.random.Generator) -> bytes:
    record = bytearray(real.to_bytes())
    codes = real.codes.nbytes
    record[-codes:] = dice.bytes(codes)
    return bytes(record)


def _view(design: str, record: bytes, tick: int, now: datetime) -> dict[str, object]:
    return {
        "design_id": design, "picture_sha256": os.urandom(32).hex(), "picture_format": "JPEG", "width_px": 512,
        "height_px": 512, "scheme": fingerprint.SCHEME, "fingerprint": record, "added_at": now, "added_tick": tick,
    }  # fmt: skip


def bench_scan(work: Workspace, pictures: int, workers: int) -> None:
    """Print pictures per second and core for each size, beside decoding alone."""
    print(f"\nscan --fast, {workers} workers, registry of {len(work.finder.live):,} views")
    print(
        "| MP | pictures | decode alone, a second and core | scan --fast, a second and core | ratio of time |"
    )
    print("|---|---|---|---|---|")
    for size in SIDES:
        with tempfile.TemporaryDirectory() as folder:
            sources = [noisy_picture(seed, size) for seed in range(8)]
            names = [str(Path(folder) / f"{number}.jpg") for number in range(pictures)]
            for number, name in enumerate(names):
                Path(name).write_bytes(sources[number % 8])
            alone = decode_alone(names)
            started = time.perf_counter()
            answers = list(
                scan(
                    work.database,
                    work.settings,
                    names,
                    policy=FAST_POLICY,
                    designs=8,
                    workers=workers,
                    now=utc_now,
                )
            )
            whole = (time.perf_counter() - started) * workers
        unread = [one.error for one in answers if one.answer is None]
        if unread:
            message = f"{len(unread)} pictures were not read: {unread[0]}"
            raise SystemExit(message)
        per_core = f"{pictures / alone:.0f} | {pictures / whole:.0f} | {whole / alone:.2f}"
        print(f"| {size[0] * size[1] / 1e6:.0f} | {pictures} | {per_core} |")


def bench_startup(views: int) -> None:
    """Print how long a fresh process takes to open the database and to fill its index."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        work = Workspace.open(settings)
        fill(work, views)
        started = time.perf_counter()
        fresh, live = Workspace.open(settings), LiveGallery()
        with fresh.database.reading() as session:
            live.refresh(session)
        took_s = time.perf_counter() - started
        size_bytes = (Path(folder) / "authcheck.db").stat().st_size
        print(
            f"\nstart-up with {len(live):,} views in SQLite: {took_s:.2f} s; {size_bytes / views:.0f} bytes a view on disk"
        )


def main() -> None:
    """Run both benches."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pictures", type=int, default=400)
    arguments.add_argument("--views", type=int, default=1_000_000)
    arguments.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Workspace.open(Settings(data_dir=Path(folder)))
        fill(work, 1000)
        with work.database.reading() as session:
            work.finder.live.refresh(session)
        bench_scan(work, given.pictures, given.workers)
    bench_startup(given.views)


if __name__ == "__main__":
    main()
