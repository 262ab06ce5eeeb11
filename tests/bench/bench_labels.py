"""Labels: how fast sheets are drawn, and how many QR codes are read from worn prints.

    python tests/bench/bench_labels.py [--codes 200]

The bench puts each kind of wear on the QR codes of new labels, on a busy ground, turned by any angle. All
else is as new. `label_reading.read_label` then reads the codes through the decoder and the separate process
of the service. A code is "read" if its text is right, and "wrong" if it gives another text. The wear is
seeded and the same in every run. The codes differ.
"""

import argparse
import io
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import labels_made as made

from authcheck.labels.layouts import LAYOUTS
from authcheck.labels.reading import read_label
from authcheck.labels.sheets import Label, sheet
from authcheck.vision.pictures.decode import Limits

NEW = made.Wear()
WORN = made.Wear(module_px=4, slant=0.1, ink=0.1, blur=0.25, contrast=160, noise=8, jpeg=70)
WEARS = {
    "as new, 6 pixels a module": [NEW],
    "pixels a module: 4, 3, 2, 1.5": [replace(NEW, module_px=px) for px in (4, 3, 2, 1.5)],
    "blur of modules: 0.3, 0.5, 0.7, 0.9": [replace(NEW, blur=blur) for blur in (0.3, 0.5, 0.7, 0.9)],
    "ink run or starved by modules: 0.2, 0.3, -0.2, -0.3": [
        replace(NEW, ink=ink) for ink in (0.2, 0.3, -0.2, -0.3)
    ],
    "perspective, far edge shorter by: 10, 20, 30, 40 %": [
        replace(NEW, slant=slant) for slant in (0.1, 0.2, 0.3, 0.4)
    ],
    "contrast of 255: 100, 50, 30, 20": [replace(NEW, contrast=grey) for grey in (100, 50, 30, 20)],
    "noise in grey levels: 10, 30, 50, 70": [replace(NEW, noise=noise) for noise in (10, 30, 50, 70)],
    "JPEG quality: 50, 20, 10, 5": [replace(NEW, jpeg=quality) for quality in (50, 20, 10, 5)],
    "scratch of modules: 1, 2, 3, 4": [replace(NEW, scratch=scratch) for scratch in (1, 2, 3, 4)],
    "together: 4 px, 10 %, ink 0.1, blur 0.25, contrast 160, noise 8, JPEG 70": [WORN],
    "together, with a scratch of 1; with blur 0.45; at 2.5 px": [
        replace(WORN, scratch=1),
        replace(WORN, blur=0.45),
        replace(WORN, module_px=2.5),
    ],
}
LARGEST = 10_000


def main() -> None:
    """Print the tables of docs/benchmarks.md."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--codes", type=int, default=200)
    codes = parser.parse_args().codes
    for short in (True, False):
        _draw(short=short)
    labels = {short: made.labels(codes, short=short) for short in (True, False)}
    print(
        f"\n| wear ({codes} codes each) | short address, 29 modules | GS1 Digital Link, 37 modules |\n|---|---|---|"
    )
    wrong = 0
    for name, wears in WEARS.items():
        cells = []
        for short in (True, False):
            shares = []
            for wear in wears:
                good, bad = _read(labels[short], wear, name)
                wrong += bad
                shares.append(f"{good / codes:.3f}".removeprefix("0"))
            cells.append(", ".join(shares))
        print(f"| {name} | {cells[0]} | {cells[1]} |", flush=True)
    print(f"\ncodes read as another one: {wrong}")


def _draw(*, short: bool) -> None:
    labels, file = made.labels(LARGEST, short=short), io.BytesIO()
    began_s = time.perf_counter()
    printed = sheet(labels, LAYOUTS["a4-24"], file)
    took_s = time.perf_counter() - began_s
    size_mb = file.tell() / 1e6
    print(f"{LARGEST} labels, short={short}: {took_s:.0f} s, {printed.pages} pages, {size_mb:.1f} MB")


def _read(labels: list[Label], wear: made.Wear, name: str) -> tuple[int, int]:
    """Return how many codes were read right, and how many gave another text."""

    def one(numbered: tuple[int, Label]) -> tuple[bool, bool]:
        number, label = numbered
        dice = random.Random(f"{name} {number}")
        clean = made.symbol(label.url, 12)
        turned = replace(wear, turn_deg=dice.uniform(0, 360))
        data = made.photographed(clean, clean.width // 12, turned, dice)
        found = [read.code for read in read_label(data, Limits(), [made.HOST]) if read.ours]
        return label.code in found, any(code != label.code for code in found)

    with ThreadPoolExecutor() as threads:
        done = list(threads.map(one, enumerate(labels)))
    return sum(good for good, _ in done), sum(bad for _, bad in done)


if __name__ == "__main__":
    main()
