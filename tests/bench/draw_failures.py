"""Drawings for docs/img/failure-*.png: scenes of our own sample designs that authcheck does not find.

    python tests/bench/draw_failures.py

The script registers the designs of fixtures/ in a fresh folder and runs `authcheck scan` on every scene. It
writes the design beside the scene where the answer is not `match` with the right design. It reports each
scene that is now found, and fails.
"""

import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from failure_scenes import (
    Rgb,
    Rgba,
    all_over,
    cloth,
    flat,
    folded,
    inverted,
    mixed,
    mug,
    printed,
    screen,
    shirt,
    square,
)
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SHOWN_PX = 210
COLOURS = 128  # colours of the palette: keeps a picture at some 30 KB
WHITE, NAVY, YELLOW, BLACK = (228, 226, 222), (70, 86, 120), (222, 196, 90), (40, 44, 52)
WOOD, DARK_WOOD = (170, 140, 110), (120, 100, 84)
Scene = Callable[[Rgba], Rgb]


def on_shirt(
    design: Rgba, side: float, colour: tuple[int, int, int], floor: tuple[int, int, int] = WOOD
) -> Rgb:
    """Print the design on the chest, slightly turned."""
    return printed(shirt(colour, floor, 3), design, square(0.5 - side / 2, 0.34, side, design, 6))


SCENES: Mapping[str, tuple[str, Scene]] = {
    "mono-logo": ("MI-014", lambda d: folded(on_shirt(d, 0.25, NAVY), 20, 4)),
    "inverted": ("AS-001", lambda d: on_shirt(inverted(d), 0.2, BLACK)),
    "all-over": ("TT-001", lambda d: all_over(cloth(WHITE, 6), d, 48, 1.25)),
    "mug": ("TT-002", lambda d: mug(d, 80, (236, 234, 228))),
    "folds": (
        "TT-005",
        lambda d: folded(printed(shirt(WHITE, DARK_WOOD, 3), d, square(0.35, 0.3, 0.3, d, -8)), 70, 4),
    ),
    "screen": ("NW-012", lambda d: screen(d, 0.4, [(0.1, 0.2), (0.9, 0.1), (0.95, 0.85), (0.05, 0.75)])),
    "mix": ("HL-005", mixed),
}


def design_of(reference: str) -> Rgba:
    """Open a design's picture."""
    path = next((ROOT / "fixtures" / "designs").glob(f"{reference.lower()}-*"))
    return np.asarray(Image.open(path).convert("RGBA"))


def answers(folder: Path) -> dict[str, dict[str, str]]:
    """Return the answers of `authcheck scan` to the scenes in a folder, by name."""
    environment = {**os.environ, "AUTHCHECK_DATA_DIR": str(folder / "data")}
    program = str(Path(sys.executable).with_name("authcheck"))
    table, scenes = folder / "answers.csv", folder / "scenes"
    for words in (
        ["designs", "import", str(ROOT / "fixtures" / "designs.csv")],
        ["scan", str(scenes), "--csv", str(table)],
    ):
        subprocess.run([program, *words], env=environment, cwd=folder, check=True, capture_output=True)  # noqa: S603
    with table.open(newline="") as file:
        return {Path(row["query"]).stem: row for row in csv.DictReader(file)}


def montage(reference: str, scene: Path, target: Path) -> None:
    """Put the design at the left and the scene at the right."""
    board = Image.new("RGB", (2 * SHOWN_PX + 10, SHOWN_PX), "white")
    design = Image.fromarray(flat(design_of(reference), (255, 255, 255)))
    design.thumbnail((SHOWN_PX, SHOWN_PX))
    board.paste(design, ((SHOWN_PX - design.width) // 2, (SHOWN_PX - design.height) // 2))
    with Image.open(scene) as seen:
        board.paste(seen.resize((SHOWN_PX, SHOWN_PX), Image.Resampling.LANCZOS), (SHOWN_PX + 10, 0))
    board.quantize(COLOURS).save(target, optimize=True)


def main() -> int:
    """Draw all pictures. Return how many scenes are now found."""
    found = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "scenes").mkdir()
        for case, (reference, scene) in SCENES.items():
            picture = Image.fromarray(scene(design_of(reference)))
            picture.save(folder / "scenes" / f"{case}.jpg", quality=85)
        given = answers(folder)
        for case, (reference, _) in SCENES.items():
            row = given[case]
            print(
                f"{case:14} shows {reference}: {row['verdict']} {row['design_id']} {float(row['score']):.2f}"
            )
            if row["verdict"] == "match" and row["design_id"] == reference:
                found += 1
                print("  found: choose a harder scene")
                continue
            montage(
                reference, folder / "scenes" / f"{case}.jpg", ROOT / "docs" / "img" / f"failure-{case}.png"
            )
    return found


if __name__ == "__main__":
    sys.exit(main())
