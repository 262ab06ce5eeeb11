"""Pictures of kinds that match-data lacks, made from its designs and photographs: track M of our measurements.

    python tests/bench/hard_kinds.py FOLDER

Tiny crops, sketches, barrel distortion, four edits at once, prints in one ink, all-over prints. The kinds are
known to be weak. The pictures serve fitting and development, and nothing of them is committed.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from fit_score import DATA, Query, designs, read_queries
from numpy.typing import NDArray
from PIL import Image

SEED = 7
EACH = 35
DESIGN_PX, PHOTO_PX, TILE_PX = 512, 800, 110
Pixels = NDArray[np.float32]  # (H, W, 3), 0 to 255
Dice = np.random.Generator


def read_pixels(path: Path, side_px: int) -> Pixels:
    """Read a picture on white, with a longer side of at most `side_px`."""
    picture = Image.open(path).convert("RGBA")
    picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    picture.thumbnail((side_px, side_px))
    return np.asarray(picture, np.float32)


def cut_tiny(design: Pixels, photo: Pixels, dice: Dice) -> Pixels:
    """Keep a twentieth to a seventh of the area, where the design has contrast, enlarged."""
    share = dice.uniform(0.22, 0.38)
    cuts = [_cut(design, share, dice) for _ in range(12)]
    cut = max(cuts, key=lambda pixels: float(pixels.std()))
    growth = dice.uniform(1, 2.5)
    return _float(cv2.resize(cut, None, fx=growth, fy=growth, interpolation=cv2.INTER_CUBIC))


def draw_sketch(design: Pixels, photo: Pixels, dice: Dice) -> Pixels:
    """Draw the edges in grey, as a pencil filter does."""
    grey = design.mean(axis=2)
    blurred = cv2.GaussianBlur(255 - grey, (0, 0), dice.uniform(2, 6))
    pencil = np.clip(grey * 255 / np.maximum(255 - blurred, 1), 0, 255)
    dark = 255 - (255 - pencil) * dice.uniform(1, 2)
    return _float(np.repeat(dark[..., None], 3, axis=2))


def bulge(design: Pixels, photo: Pixels, dice: Dice) -> Pixels:
    """Distort like a wide lens (barrel) or a long one (pincushion)."""
    height_px, width_px = design.shape[:2]
    half_px, strength = max(height_px, width_px) / 2, dice.uniform(0.15, 0.45) * dice.choice([1, -1])
    down, across = np.mgrid[0:height_px, 0:width_px].astype(np.float32)
    u, v = (across - width_px / 2) / half_px, (down - height_px / 2) / half_px
    factor = (1 + strength * (u * u + v * v)) / (1 + max(strength, 0) / 2)
    maps = [
        (part * factor * half_px + middle).astype(np.float32)
        for part, middle in ((u, width_px / 2), (v, height_px / 2))
    ]
    return _float(cv2.remap(design, *maps, cv2.INTER_LINEAR, borderValue=(255, 255, 255)))


def mix_four(design: Pixels, photo: Pixels, dice: Dice) -> Pixels:
    """Apply four edits of ten, in any order."""
    edits: Sequence[Callable[[Pixels], NDArray[np.floating]]] = (
        lambda pixels: pixels * dice.uniform(0.6, 1.4, 3) + dice.uniform(-30, 30, 3),
        lambda pixels: cv2.GaussianBlur(pixels, (0, 0), dice.uniform(1, 2.5)),
        lambda pixels: pixels + dice.normal(0, dice.uniform(10, 25), pixels.shape),
        lambda pixels: _turn(pixels, dice),
        lambda pixels: _cut(pixels, dice.uniform(0.55, 0.8), dice),
        lambda pixels: pixels[:, ::-1],
        lambda pixels: np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2),
        lambda pixels: cv2.resize(pixels, None, fx=dice.uniform(0.65, 1.5), fy=1),
        lambda pixels: _stick(pixels, photo, dice),
        lambda pixels: _cover(pixels, dice),
    )
    for number in dice.permutation(len(edits))[:4]:
        design = _float(np.ascontiguousarray(edits[number](design)))
    return design


def print_in_one_ink(design: Pixels, photo: Pixels, dice: Dice) -> Pixels:
    """Print the dark parts in one colour, with or without halftones."""
    grey = design.mean(axis=2)
    low, high = np.percentile(grey, [3, 97])
    ink = np.clip((high - grey) / max(float(high - low), 1), 0, 1)
    if dice.random() < 0.5:
        ink = (ink > 0.5).astype(np.float32)
    colour = _float(np.ones_like(design) * dice.uniform(0, 230, 3))
    return _print_on(photo, colour, _float(ink * 0.9), dice.uniform(0.3, 0.6), dice)


def print_all_over(design: Pixels, photo: Pixels, dice: Dice) -> Pixels:
    """Print 3 x 3 to 5 x 5 copies."""
    count, scale = int(dice.integers(3, 6)), TILE_PX / max(design.shape[:2])
    small = cv2.resize(design, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    gap = dice.uniform(1.05, 1.4)
    tile = np.full(
        (round(small.shape[0] * gap), round(small.shape[1] * gap), 3), dice.uniform(120, 255, 3), np.float32
    )
    tile[: small.shape[0], : small.shape[1]] = small
    cloth = _float(np.tile(tile, (count, count, 1)))
    light = np.clip(cv2.GaussianBlur(photo.mean(axis=2), (0, 0), 6) / 140, 0.4, 1.3)
    whole = np.ones(cloth.shape[:2], np.float32)
    return _float(_print_on(photo, cloth, whole, dice.uniform(0.6, 0.9), dice) * light[..., None])


KINDS: dict[str, Callable[[Pixels, Pixels, Dice], Pixels]] = {
    "tiny_crop": cut_tiny, "sketch": draw_sketch, "barrel": bulge,
    "four_edits": mix_four, "one_ink": print_in_one_ink, "all_over": print_all_over,
}  # fmt: skip


def make_queries(folder: Path) -> list[Query]:
    """Draw all pictures to a folder, the same ones each time, and return them as queries."""
    dice, paths, queries = np.random.default_rng(SEED), designs(), []
    photos = [query.path for query in read_queries() if query.kind == "photo_clothing"]
    (folder / "queries").mkdir(parents=True, exist_ok=True)
    for kind, edit in KINDS.items():
        for _ in range(EACH):
            path, photo = paths[dice.integers(len(paths))], photos[dice.integers(len(photos))]
            made = edit(read_pixels(path, DESIGN_PX), read_pixels(photo, PHOTO_PX), dice)
            query = Query(f"queries/m{len(queries):04}.jpg", path.stem, "M", f"M_{kind}", folder)
            picture = Image.fromarray(np.clip(made, 0, 255).astype(np.uint8))
            picture.save(query.path, quality=int(dice.integers(60, 96)))
            queries.append(query)
    return queries


def _float(pixels: NDArray[np.generic]) -> Pixels:
    return np.asarray(pixels, np.float32)


def _cut(pixels: Pixels, share: float, dice: Dice) -> Pixels:
    height_px, width_px = (int(side * share) for side in pixels.shape[:2])
    top = dice.integers(0, pixels.shape[0] - height_px + 1)
    left = dice.integers(0, pixels.shape[1] - width_px + 1)
    return pixels[top : top + height_px, left : left + width_px]


def _turn(pixels: Pixels, dice: Dice) -> Pixels:
    height_px, width_px = pixels.shape[:2]
    middle = (width_px / 2, height_px / 2)
    turn = cv2.getRotationMatrix2D(middle, dice.uniform(-40, 40), dice.uniform(0.7, 0.9))
    ground = tuple(dice.uniform(0, 255, 3))
    return _float(cv2.warpAffine(pixels, turn, (width_px, height_px), borderValue=ground))


def _stick(pixels: Pixels, photo: Pixels, dice: Dice) -> Pixels:
    """Put the picture upright on a photograph."""
    scale = dice.uniform(0.35, 0.65) * min(photo.shape[n] / pixels.shape[n] for n in (0, 1))
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    top = dice.integers(0, photo.shape[0] - small.shape[0] + 1)
    left = dice.integers(0, photo.shape[1] - small.shape[1] + 1)
    stuck = photo.copy()
    stuck[top : top + small.shape[0], left : left + small.shape[1]] = small
    return stuck


def _cover(pixels: Pixels, dice: Dice) -> Pixels:
    covered = pixels.copy()
    for _ in range(3):
        side = int(min(pixels.shape[:2]) * dice.uniform(0.12, 0.3))
        top, left = (dice.integers(0, pixels.shape[n] - side) for n in (0, 1))
        covered[top : top + side, left : left + side] = dice.uniform(0, 255, 3)
    return covered


def _print_on(photo: Pixels, layer: Pixels, opacity: Pixels, share: float, dice: Dice) -> Pixels:
    """Print a layer on a photograph, turned, a little askew. `share` is of the photograph's shorter side."""
    height_px, width_px = layer.shape[:2]
    side_px = share * min(photo.shape[:2])
    extent = np.array([width_px, height_px]) / max(width_px, height_px) * side_px
    turn = np.deg2rad(dice.uniform(-20, 20))
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * extent / 2 @ turned.T
    corners += np.array(photo.shape[1::-1]) * dice.uniform(0.4, 0.6, 2)
    corners += dice.normal(0, 0.03 * side_px, corners.shape)
    frame = np.array([[0, 0], [width_px, 0], [width_px, height_px], [0, height_px]], np.float32)
    place = cv2.getPerspectiveTransform(frame, corners.astype(np.float32))
    size = photo.shape[1], photo.shape[0]
    seen = cv2.warpPerspective(opacity, place, size)[..., None]
    return _float(photo * (1 - seen) + cv2.warpPerspective(layer, place, size) * seen)


if __name__ == "__main__":
    print(f"{len(make_queries(Path(sys.argv[1])))} pictures, made of the designs in {DATA}")
