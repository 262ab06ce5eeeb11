"""Imitations and copies of the designs of match-data, made by script, and how many of them answer `match`.

    python tests/bench/imitations.py FOLDER

An imitation keeps parts of a design, and replaces, moves, removes or adds others, mostly in other colours. A
copy is the design with words, stickers, patches or watermarks over it, half of them in other light and
colours. The measurements of `redrawn` were not chosen on these pictures. Nothing of them is committed.
"""

import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from fit_local_score import answers
from fit_score import DATA, designs
from hard_kinds import DESIGN_PX, Dice, Pixels, read_pixels
from local_evidence import Evidence, Registry
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from authcheck.checks.policies import CURRENT_POLICY
from authcheck.vision.matching.score import load_model

SEED = 11
EACH = 500  # imitations, and copies
COLOURS = 7  # of a design, for cutting it into parts
LEAST_PART, MOST_PART = 0.004, 0.12  # of the design's area
PART_COLOUR_STEPS = 8
WORDS = ("SALE", "50 % OFF", "NEW", "best price", "shop24.example", "FREE SHIPPING", "2026", "size M")

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Made:
    """A picture that a script made of a design."""

    path: Path
    design_id: str
    is_imitation: bool


def find_parts(design: Pixels, dice: Dice) -> list[Mask]:
    """Cut a design into connected parts of one colour. The ground, which is larger than any part, is none."""
    height_px, width_px = design.shape[:2]
    labels = label_colours(design, dice)
    found = []
    for colour in range(COLOURS):
        _, numbers, stats, _ = cv2.connectedComponentsWithStats((labels == colour).astype(np.uint8))
        share = stats[1:, cv2.CC_STAT_AREA] / (height_px * width_px)
        found += [numbers == n + 1 for n in np.nonzero((share > LEAST_PART) & (share < MOST_PART))[0]]
    return found


def label_colours(design: Pixels, dice: Dice) -> NDArray[np.int32]:
    """Return the number of each pixel's colour, `(H, W)`."""
    lab = cv2.cvtColor(design / 255, cv2.COLOR_RGB2Lab).reshape(-1, 3)
    cv2.setRNGSeed(int(dice.integers(1 << 30)))
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, PART_COLOUR_STEPS, 1.0)
    seeds = np.zeros((len(lab), 1), np.int32)
    _, labels, _ = cv2.kmeans(lab, COLOURS, seeds, criteria, 1, cv2.KMEANS_PP_CENTERS)
    return labels.reshape(design.shape[:2])


def change_colours(design: Pixels, dice: Dice) -> Pixels:
    """Give every colour of the design another one, most of them near a common turn of the hue."""
    labels = label_colours(design, dice)
    lab = cv2.cvtColor(design / 255, cv2.COLOR_RGB2Lab)
    turn = np.deg2rad(dice.uniform(0, 360))
    spread = dice.uniform(0.1, 1.2)
    shift = np.zeros_like(lab)
    for colour in range(COLOURS):
        inside = labels == colour
        if not inside.any() or dice.random() < 0.25:
            continue
        middle = lab[inside].mean(axis=0)
        angle = turn + dice.normal(0, spread)
        turned = (
            np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            @ middle[1:]
            * dice.uniform(0.6, 1.3)
        )
        light = np.clip(middle[0] + dice.normal(0, 8), 2, 98)
        shift[inside] = np.array([light, *turned]) - middle
    soft = cv2.GaussianBlur(shift, (0, 0), 0.8)
    return np.clip(cv2.cvtColor((lab + soft).astype(np.float32), cv2.COLOR_Lab2RGB), 0, 1) * np.float32(255)


def remove(design: Pixels, part: Mask, dice: Dice) -> Pixels:
    """Fill a part with what is around it."""
    grown = cv2.dilate(part.astype(np.uint8), np.ones((7, 7), np.uint8))
    filled = cv2.inpaint(np.clip(design, 0, 255).astype(np.uint8), grown, 5, cv2.INPAINT_TELEA)
    return filled.astype(np.float32)


def flip(design: Pixels, part: Mask, dice: Dice) -> Pixels:
    """Turn a part around in its place."""
    rows, columns = np.nonzero(part)
    box = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    axis = int(dice.integers(0, 2))
    flipped, where = np.flip(design[box], axis), np.flip(part[box], axis)
    drawn = remove(design, part, dice)
    drawn[box] = np.where(where[..., None], flipped, drawn[box])
    return drawn


def recolour(design: Pixels, part: Mask, dice: Dice) -> Pixels:
    """Give a part a colour far from its own."""
    drawn = design.copy()
    soft = cv2.GaussianBlur(part.astype(np.float32), (0, 0), 0.8)[..., None]
    colour = (design[part].mean(axis=0) + dice.uniform(70, 180, 3) * dice.choice([-1, 1], 3)) % 255
    drawn = design * (1 - soft) + soft * (design * 0.15 + np.float32(0.85) * colour)
    return drawn.astype(np.float32)


def piece_of(other: Pixels, dice: Dice) -> tuple[Pixels, Mask] | None:
    """Cut a thing out of another design: everything inside the outline of its drawing, or one part."""
    ground = np.median(np.concatenate([other[0], other[-1], other[:, 0], other[:, -1]]), axis=0)
    mask = np.abs(other - ground).max(axis=2) > 24
    if dice.random() < 0.5 and (parts := find_parts(other, dice)):
        mask = parts[int(dice.integers(len(parts)))]
    rows, columns = np.nonzero(mask)
    if len(rows) < 100:
        return None
    box = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return other[box], mask[box]


def add(design: Pixels, other: Pixels, share: float, dice: Dice, at: Mask | None = None) -> Pixels:
    """Draw a piece of another design, `share` of the longer side large, at a part or anywhere."""
    piece = piece_of(other, dice)
    if piece is None:
        return design
    pixels, mask = piece
    height_px, width_px = design.shape[:2]
    scale = share * max(height_px, width_px) / max(mask.shape)
    size = (
        max(4, min(width_px - 1, round(mask.shape[1] * scale))),
        max(4, min(height_px - 1, round(mask.shape[0] * scale))),
    )
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    seen = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)[..., None]
    top, left = dice.integers(0, height_px - size[1] + 1), dice.integers(0, width_px - size[0] + 1)
    if at is not None:
        rows, columns = np.nonzero(at)
        top = int(np.clip(rows.mean() - size[1] / 2, 0, height_px - size[1]))
        left = int(np.clip(columns.mean() - size[0] / 2, 0, width_px - size[0]))
    drawn = design.copy()
    box = np.s_[top : top + size[1], left : left + size[0]]
    drawn[box] = drawn[box] * (1 - seen) + small * seen
    return drawn


def imitate(design: Pixels, others: Sequence[Pixels], dice: Dice) -> Pixels:
    """Redraw a design: other colours in four of five, and two to six parts replaced, moved, removed, added."""
    parts = find_parts(design, dice)
    drawn = change_colours(design, dice) if dice.random() < 0.8 else design.copy()
    edits: Sequence[Callable[[Pixels, Mask, Dice], Pixels]] = (remove, flip, recolour)
    for _ in range(int(dice.integers(2, 7))):
        other = others[int(dice.integers(len(others)))]
        if not parts or dice.random() < 0.3:
            drawn = add(drawn, other, dice.uniform(0.08, 0.3), dice)
            continue
        part = parts[int(dice.integers(len(parts)))]
        if dice.random() < 0.35:
            size = float(np.sqrt(part.mean())) * dice.uniform(1, 1.8)
            drawn = add(remove(drawn, part, dice), other, min(size, 0.5), dice, part)
        else:
            drawn = edits[int(dice.integers(len(edits)))](drawn, part, dice)
    return drawn


def write_words(design: Pixels, dice: Dice, *, opacity: float, times: int) -> Pixels:
    """Write a line of words over a design."""
    layer, covered = np.zeros_like(design), np.zeros(design.shape[:2], np.uint8)
    colour = dice.choice([0, 255], 3).astype(float).tolist()
    font = int(dice.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX]))
    for _ in range(times):
        words = str(dice.choice(WORDS))
        (width_px, _), _ = cv2.getTextSize(words, font, 1, 1)
        scale = dice.uniform(0.3, 0.9) * design.shape[1] / max(width_px, 1)
        at = (
            int(dice.uniform(0, max(1, design.shape[1] - width_px * scale))),
            int(dice.uniform(0.1, 1) * design.shape[0]),
        )
        cv2.putText(covered, words, at, font, scale, 255, max(1, round(2 * scale)), cv2.LINE_AA)
    layer[:] = colour
    seen = covered[..., None].astype(np.float32) / 255 * opacity
    return (design * (1 - seen) + layer * seen).astype(np.float32)


def shine(design: Pixels, dice: Dice) -> Pixels:
    """Change light and colour cast of the whole picture."""
    gain, lift = dice.uniform(0.7, 1.25, 3), dice.uniform(-20, 20, 3)
    lit = 255 * np.clip(design / 255, 0, 1) ** dice.uniform(0.7, 1.4) * gain + lift
    if dice.random() < 0.3:
        lit = cv2.cvtColor(np.clip(lit, 0, 255).astype(np.float32) / 255, cv2.COLOR_RGB2HLS)
        lit[..., 0] = (lit[..., 0] + dice.uniform(-40, 40)) % 360
        lit = cv2.cvtColor(lit, cv2.COLOR_HLS2RGB) * 255
    return np.asarray(lit, np.float32)


def copy(design: Pixels, others: Sequence[Pixels], dice: Dice) -> Pixels:
    """Copy a design with something over it."""
    made = shine(design, dice) if dice.random() < 0.5 else design.copy()
    kind = dice.integers(5)
    if kind == 0:
        made = write_words(made, dice, opacity=1.0, times=int(dice.integers(1, 4)))
    elif kind == 1:
        made = write_words(made, dice, opacity=dice.uniform(0.3, 0.7), times=int(dice.integers(3, 9)))
    elif kind == 2:
        for _ in range(int(dice.integers(1, 3))):
            made = add(made, others[int(dice.integers(len(others)))], dice.uniform(0.15, 0.45), dice)
    elif kind == 3:
        side = np.array(made.shape[:2]) * dice.uniform(0.12, 0.4, 2)
        top, left = (int(dice.uniform(0, made.shape[n] - side[n])) for n in (0, 1))
        made[top : top + int(side[0]), left : left + int(side[1])] = dice.uniform(0, 255, 3)
    return made


def photograph(made: Pixels, dice: Dice) -> Image.Image:
    """Cut, blur and turn some of the pictures a little, as a listing's picture is."""
    if dice.random() < 0.3:
        keep = dice.uniform(0.75, 0.97)
        height_px, width_px = (int(side * keep) for side in made.shape[:2])
        top, left = (
            int(dice.integers(0, made.shape[n] - side + 1)) for n, side in enumerate((height_px, width_px))
        )
        made = made[top : top + height_px, left : left + width_px]
    if dice.random() < 0.3:
        made = cv2.GaussianBlur(made, (0, 0), dice.uniform(0.5, 1.8))
    if dice.random() < 0.3:
        middle = (made.shape[1] / 2, made.shape[0] / 2)
        turn = cv2.getRotationMatrix2D(middle, dice.uniform(-25, 25), dice.uniform(0.6, 0.95))
        made = cv2.warpAffine(made, turn, made.shape[1::-1], borderValue=tuple(dice.uniform(0, 255, 3)))
    return Image.fromarray(np.clip(made, 0, 255).astype(np.uint8))


def make(folder: Path) -> list[Made]:
    """Draw all pictures to a folder, the same ones each time."""
    dice, paths, made = np.random.default_rng(SEED), designs(), []
    folder.mkdir(parents=True, exist_ok=True)
    others = [read_pixels(paths[n], DESIGN_PX // 2) for n in dice.choice(len(paths), 60, replace=False)]
    for is_imitation in (True, False):
        for _ in range(EACH):
            design = paths[int(dice.integers(len(paths)))]
            draw = imitate if is_imitation else copy
            picture = photograph(draw(read_pixels(design, DESIGN_PX), others, dice), dice)
            path = folder / f"{'imitation' if is_imitation else 'copy'}-{len(made):04}.jpg"
            picture.save(path, quality=int(dice.integers(60, 96)))
            made.append(Made(path, design.stem, is_imitation))
    return made


_registry = Registry()


def _look(one: Made) -> Evidence:
    return _registry.look_at(one.path.read_bytes())


def judge(made: Sequence[Made]) -> None:
    """Print how many pictures answer `match`, with and without the rule about redrawings."""
    _registry.register(designs())
    with get_context("fork").Pool(os.cpu_count()) as pool:
        evidence = list(track(pool.imap(_look, made, 4), "Looking", len(made)))
    policy = CURRENT_POLICY
    model = load_model(str(policy.model))
    print("| | pictures | `match` without the rule | `match` |\n|---|---|---|---|")
    for is_imitation, name in ((True, "imitations"), (False, "copies")):
        group = [
            one for one, picture in zip(evidence, made, strict=True) if picture.is_imitation == is_imitation
        ]
        counts = [
            sum(
                bool(found) and found[0][1] >= rule.match
                for found in (answers(one, model, rule) for one in group)
            )
            for rule in (replace(policy, redrawn=math.inf), policy)
        ]
        print(f"| {name} | {len(group)} | " + " | ".join(map(str, counts)) + " |")


if __name__ == "__main__":
    print(f"pictures made of the designs in {DATA}")
    judge(make(Path(sys.argv[1])))
