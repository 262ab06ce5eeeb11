"""Scenes in which designs are hard to find, drawn with numpy and OpenCV, the same in every run.

A scene takes the design as `(H, W, 4) uint8` RGBA and returns `(H, W, 3) uint8` RGB.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE_PX = 640
Colour = tuple[int, int, int]
Rgb = NDArray[np.uint8]
Rgba = NDArray[np.uint8]
Corners = Sequence[tuple[float, float]]  # shares of the scene's side, from the top left, clockwise


def cloth(colour: Colour, seed: int) -> Rgb:
    """Draw fabric of one colour with soft shade, weave and sensor noise."""
    dice = np.random.default_rng(seed)
    shade = cv2.resize(
        dice.normal(1, 0.08, (5, 5)).astype(np.float32), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC
    )
    rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX]
    weave = 1 + 0.03 * (np.sin(rows * 2.1) * np.sin(columns * 2.1))
    noise = dice.normal(0, 3, (SIDE_PX, SIDE_PX, 1))
    return _bytes(np.array(colour) * (shade * weave)[..., None] + noise)


def shirt(colour: Colour, floor: Colour, seed: int) -> Rgb:
    """Draw a shirt on a floor of boards."""
    outline = np.array(
        [(0.30, 0.06), (0.42, 0.10), (0.58, 0.10), (0.70, 0.06), (0.96, 0.22), (0.87, 0.38), (0.77, 0.33),
         (0.78, 0.96), (0.22, 0.96), (0.23, 0.33), (0.13, 0.38), (0.04, 0.22)]
    )  # fmt: skip
    scene = cloth(floor, seed + 1)
    scene[::80] //= 2
    mask = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    cv2.fillPoly(mask, [np.rint(outline * SIDE_PX).astype(np.int32)], 255, cv2.LINE_AA)
    soft = cv2.GaussianBlur(mask, (0, 0), 1.5)[..., None] / 255
    return _bytes(cloth(colour, seed) * soft + scene * (1 - soft))


def printed(scene: Rgb, design: Rgba, corners: Corners, ink: float = 0.92) -> Rgb:
    """Print the design on the scene, with the shade of the fabric. `ink` is the opacity of the print."""
    height, width = design.shape[:2]
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    shape = cv2.getPerspectiveTransform(source, np.array(corners, np.float32) * SIDE_PX)
    smaller = width / (SIDE_PX * float(np.hypot(*np.subtract(corners[1], corners[0]))))
    reduced = cv2.GaussianBlur(design, (0, 0), max(0.3, 0.35 * smaller))
    laid = cv2.warpPerspective(reduced, shape, (SIDE_PX, SIDE_PX), flags=cv2.INTER_AREA)
    cover = laid[..., 3:] / 255 * ink
    light = cv2.GaussianBlur(scene, (0, 0), 1).mean(axis=2, keepdims=True)
    relative = np.clip(light / max(1.0, float(np.median(light))), 0.6, 1.3)
    return _bytes(laid[..., :3] * relative * cover + scene * (1 - cover))


def folded(scene: Rgb, depth_px: float, seed: int) -> Rgb:
    """Fold the whole scene. Ridges shift and shade the picture."""
    dice = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX].astype(np.float32) / SIDE_PX
    height = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    for _ in range(7):
        angle, offset, width = dice.uniform(0, np.pi), dice.uniform(-0.2, 1.0), dice.uniform(0.02, 0.06)
        bend = 0.05 * np.sin(6 * (rows + columns) + 9 * offset)
        across = columns * np.cos(angle) + rows * np.sin(angle) - offset + bend
        height += np.exp(-((across / width) ** 2)).astype(np.float32)
    down, right = np.gradient(height)
    moved = cv2.remap(
        scene,
        (columns * SIDE_PX + depth_px * 12 * right).astype(np.float32),
        (rows * SIDE_PX + depth_px * 12 * down).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    return _bytes(moved * np.clip(1 + depth_px * 0.35 * (right + down), 0.35, 1.5)[..., None])


def mug(design: Rgba, turn_deg: float, colour: Colour) -> Rgb:
    """Wrap the design around a mug over 200 degrees, turned away by `turn_deg`, seen a little from above."""
    scene, wall = cloth((150, 120, 92), 5), np.array(colour, np.float32)
    left, right, top, bottom = 170, 470, 150, 540
    half = (right - left) / 2
    rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX].astype(np.float32)
    sine = np.clip((columns - left - half) / half, -1, 1)
    angle = np.arcsin(sine)
    sag = 26 * np.sqrt(1 - sine**2)
    along = (np.rad2deg(angle) + turn_deg + 100) / 200
    up = (rows - sag - (top + 60)) / (bottom - top - 130)
    design = cv2.resize(
        design, (400, round(400 * design.shape[0] / design.shape[1])), interpolation=cv2.INTER_AREA
    )
    height, width = design.shape[:2]
    laid = cv2.remap(
        design, (along * width).astype(np.float32), (up * height).astype(np.float32), cv2.INTER_LINEAR
    )
    cover = laid[..., 3:].astype(np.float32) / 255
    light = (0.55 + 0.5 * np.cos(angle - 0.5))[..., None]
    body = (laid[..., :3] * cover + wall * (1 - cover)) * light
    inside = ((np.abs(columns - left - half) < half) & (rows - sag > top) & (rows - sag < bottom))[..., None]
    cv2.ellipse(
        scene, (right, 340), (70, 100), 0, -90, 90, tuple(int(0.7 * c) for c in colour), 26, cv2.LINE_AA
    )
    scene = _bytes(np.where(inside, body, scene))
    cv2.ellipse(
        scene,
        (int(left + half), top + 2),
        (int(half), 26),
        0,
        0,
        360,
        tuple(int(0.45 * c) for c in colour),
        -1,
        cv2.LINE_AA,
    )
    return scene


def screen(design: Rgba, moire: float, corners: Corners) -> Rgb:
    """Show the design among other things on a photographed screen, with stripes, glare and a slanted view."""
    page = np.full((720, 960, 3), 244, np.uint8)
    page[:60], page[90:690, 640:930] = (52, 60, 76), (228, 230, 234)
    factor = min(560 / design.shape[0], 560 / design.shape[1])
    small = cv2.resize(
        flat(design, (255, 255, 255)), None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA
    )
    page[100 : 100 + small.shape[0], 40 : 40 + small.shape[1]] = small
    source = np.array([(0, 0), (960, 0), (960, 720), (0, 720)], np.float32)
    shape = cv2.getPerspectiveTransform(source, np.array(corners, np.float32) * SIDE_PX)
    seen = cv2.warpPerspective(page, shape, (SIDE_PX, SIDE_PX), flags=cv2.INTER_AREA).astype(np.float32)
    rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX].astype(np.float32)
    for channel in range(3):
        stripes = np.sin(rows * 0.61 + 14 * np.sin(columns / 170) + channel * 2.1)
        seen[..., channel] *= 1 + moire * (stripes + 0.7 * np.sin(columns * 0.83 + rows * 0.11 + channel))
    glare = np.exp(-(((columns - 250) / 130) ** 2) - ((rows - 200) / 90) ** 2)
    return _bytes(cv2.GaussianBlur(seen, (0, 0), 1.4) * 0.8 + 190 * glare[..., None])


def one_ink(design: Rgba, ink: Colour) -> Rgba:
    """Print with one ink: dots where the design is dark, no ink elsewhere."""
    grey = cv2.cvtColor(flat(design, (255, 255, 255)), cv2.COLOR_RGB2GRAY)
    limit, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    made = np.empty((*grey.shape, 4), np.uint8)
    made[..., :3], made[..., 3] = ink, np.where(grey < limit, 255, 0)
    return made


def inverted(design: Rgba) -> Rgba:
    """Exchange light and dark, colours too."""
    return np.dstack([255 - design[..., :3], design[..., 3]]).astype(np.uint8)


def all_over(scene: Rgb, design: Rgba, tile_px: int, step: float) -> Rgb:
    """Repeat the design in many small copies, every second copy turned."""
    size = tile_px / SIDE_PX
    for row, top in enumerate(np.arange(-0.05, 1, size * step)):
        for column, left in enumerate(np.arange(-0.1 + row % 2 * size * step / 2, 1, size * step)):
            corners = _turned(
                left, top, size, size * design.shape[0] / design.shape[1], (row * 3 + column) % 4 * 90
            )
            scene = printed(scene, design, corners)
    return scene


def mixed(design: Rgba) -> Rgb:
    """Put a part, turned, greyed, blurred and under a sticker, small on a foreign photograph."""
    height, width = design.shape[:2]
    part = design[height // 3 :, : 3 * width // 5].copy()
    part[..., :3] = cv2.cvtColor(part[..., :3], cv2.COLOR_RGB2GRAY)[..., None]
    cv2.circle(
        part,
        (part.shape[1] // 2, part.shape[0] // 2),
        min(part.shape[:2]) // 4,
        (255, 206, 60, 255),
        -1,
        cv2.LINE_AA,
    )
    scene = printed(
        shirt((96, 120, 92), (170, 140, 110), 8),
        part,
        _turned(0.33, 0.36, 0.3, 0.3 * part.shape[0] / part.shape[1], 33),
        0.8,
    )
    return cv2.GaussianBlur(scene, (0, 0), 2.6)


def square(left: float, top: float, side: float, design: Rgba, turn_deg: float = 0.0) -> Corners:
    """Return the corners of an upright print of that width."""
    return _turned(left, top, side, side * design.shape[0] / design.shape[1], turn_deg)


def flat(design: Rgba, ground: Colour) -> Rgb:
    """Put the design on a plain ground."""
    cover = design[..., 3:] / 255
    return _bytes(design[..., :3] * cover + np.array(ground) * (1 - cover))


def _turned(left: float, top: float, width: float, height: float, turn_deg: float) -> Corners:
    middle = np.array([left + width / 2, top + height / 2])
    spin = np.deg2rad(turn_deg)
    turn = np.array([[np.cos(spin), -np.sin(spin)], [np.sin(spin), np.cos(spin)]])
    sides = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (width / 2, height / 2)
    return [(float(x), float(y)) for x, y in sides @ turn.T + middle]


def _bytes(values: NDArray[np.floating]) -> Rgb:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
