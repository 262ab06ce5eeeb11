"""Series of harder and harder scenes of our own designs, with the answers of `authcheck scan`.

    python tests/bench/failure_ladder.py

The output is the source of what docs/quality.md says about hard cases besides the pictures of
draw_failures.py.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from draw_failures import BLACK, DARK_WOOD, NAVY, WHITE, YELLOW, answers, design_of, on_shirt
from failure_scenes import (
    Rgb,
    all_over,
    cloth,
    folded,
    inverted,
    mixed,
    mug,
    one_ink,
    printed,
    screen,
    shirt,
    square,
)
from PIL import Image

SLANTED = [(0.1, 0.2), (0.9, 0.1), (0.95, 0.85), (0.05, 0.75)]


def scenes() -> Iterator[tuple[str, str, str, Rgb]]:
    """Yield kind, design, difficulty and scene."""
    for name in ("NW-003", "TT-011", "AS-001", "MI-014", "HL-010"):
        design = design_of(name)
        colour = WHITE if name == "TT-011" else NAVY  # the star is light
        for side in (0.3, 0.14, 0.08):
            yield "logo, folds", name, f"width {side}", folded(on_shirt(design, side, colour), 30, 4)
    for name in ("HL-006", "HL-001", "NW-001", "AS-010"):
        for side in (0.4, 0.2, 0.12):
            yield "soft, folds", name, f"width {side}", folded(on_shirt(design_of(name), side, WHITE), 30, 4)
    for name in ("HL-004", "TT-006", "MI-010", "TT-005", "NW-001"):
        design = design_of(name)
        for side in (0.42, 0.2):
            yield (
                "one ink",
                name,
                f"width {side}",
                on_shirt(one_ink(design, (30, 40, 90)), side, YELLOW, DARK_WOOD),
            )
            yield "inverted", name, f"width {side}", on_shirt(inverted(design), side, BLACK)
    yield from _more()


def _more() -> Iterator[tuple[str, str, str, Rgb]]:
    for name in ("TT-001", "TT-012", "AS-001", "HL-009", "TT-005"):
        for tile_px in (150, 80, 48):
            yield (
                "all-over",
                name,
                f"tile {tile_px / 640:.2f}",
                all_over(cloth(WHITE, 6), design_of(name), tile_px, 1.25),
            )
    for name in ("HL-009", "TT-002", "HL-003", "MI-010"):
        for turn in (0, 45, 80):
            yield "mug", name, f"turned {turn}", mug(design_of(name), turn, (236, 234, 228))
    for name in ("HL-003", "TT-005", "NW-012"):
        design = design_of(name)
        for side in (0.2, 0.1, 0.06):
            yield "small", name, f"width {side}", on_shirt(design, side, (60, 70, 84))
        for depth in (30, 70, 120):
            flat = printed(shirt(WHITE, DARK_WOOD, 3), design, square(0.35, 0.3, 0.3, design, -8))
            yield "folds", name, f"depth {depth}", folded(flat, depth, 4)
        for stripes in (0.1, 0.25, 0.4):
            yield "screen", name, f"stripes {stripes}", screen(design, stripes, SLANTED)
    for name in ("HL-003", "NW-012", "TT-005", "HL-005", "MI-012"):
        yield "mix", name, "", mixed(design_of(name))


def main() -> None:
    """Print one line per series."""
    series: dict[tuple[str, str], list[tuple[str, str]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "scenes").mkdir()
        for number, (kind, design, hard, scene) in enumerate(scenes()):
            Image.fromarray(scene).save(folder / "scenes" / f"{number}.jpg", quality=85)
            series.setdefault((kind, design), []).append((str(number), hard))
        given = answers(folder)
    for (kind, design), steps in series.items():
        cells = []
        for number, hard in steps:
            row = given[number]
            other = f" of {row['design_id']}" if row["design_id"] not in {"", design} else ""
            cells.append(f"{hard} {row['verdict']}{other} {float(row['score']):.2f}".strip())
        print(f"{kind:12} {design}: {'; '.join(cells)}")


if __name__ == "__main__":
    main()
