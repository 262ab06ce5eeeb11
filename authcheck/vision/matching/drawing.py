"""Drawing of evidence: colours, lines, badges, signs, sheets. This module does not know what they mean."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from authcheck.vision.matching.differences import LIGHT, Mask, Rgb, boxes

Colour = tuple[int, int, int]

GROUND: Colour = (255, 255, 255)
INK: Colour = (34, 37, 45)
EDGE: Colour = (176, 179, 186)
# Okabe and Ito: colour-blind people can tell these colours apart.
COLOURS: Sequence[Colour] = ((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167))
MARK: Colour = (213, 60, 0)
HATCH: tuple[Colour, Colour] = ((221, 223, 228), (190, 193, 201))
DARK = 115  # of 255: letters on a colour darker than this are white
EDGE_PX = 1
GAP_PX = 12
WIDEST_PX = 1600  # of a sheet
LARGEST_SCALE = 2.0  # of a panel that fills what the sheet would leave empty
STRIP_PX = 42  # height of the strip above a panel that holds its badge and signs
MOST_BOXES = 12
LINE_PX = 3


@dataclass(frozen=True, slots=True)
class Panel:
    """A picture with its letter and its finding's number, 0 for none.

    `signs` are some of mirrored, turned, inverted.
    """

    number: int
    letter: str
    image: Image.Image
    signs: tuple[str, ...] = ()


def outlined(image: Image.Image, outlines: Mapping[int, NDArray[np.float64]]) -> Image.Image:
    """Draw each numbered polygon, `(N, 2)` pixels, onto the picture.

    A polygon is a coloured line with a white and a dark edge, so that it shows on any ground.
    """
    pixels = np.array(image)
    for number, outline in outlines.items():
        polygon = [np.round(outline).astype(np.int32)]
        for colour, width_px in ((INK, LINE_PX + 5), (GROUND, LINE_PX + 3), (COLOURS[number - 1], LINE_PX)):
            cv2.polylines(
                pixels, polygon, isClosed=True, color=colour, thickness=width_px, lineType=cv2.LINE_AA
            )
    drawn = Image.fromarray(pixels)
    for number, outline in outlines.items():
        x, y = min(outline.tolist(), key=lambda corner: corner[0] + corner[1])
        _draw_badge(drawn, (int(x) + 2, int(y) + 2), str(number), COLOURS[number - 1])
    return drawn


def hatched(pixels: Rgb, inside: Mask) -> Image.Image:
    """Return the picture, with a hatch where it has no pixels."""
    height_px, width_px = inside.shape
    down, across = np.mgrid[:height_px, :width_px]
    stripes = ((down + across) // 6 % 2).astype(bool)
    hatch = np.where(stripes[..., None], np.array(HATCH[0], np.uint8), np.array(HATCH[1], np.uint8))
    return Image.fromarray(np.where(inside[..., None], pixels, hatch).astype(np.uint8))


def marked(pixels: Rgb, inside: Mask, marks: Mask) -> Image.Image:
    """Return the picture in pale grey, with `marks` tinted in colour and surrounded by contours and boxes."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    pale = np.repeat((110 + grey * (145 / 255))[..., None], 3, axis=-1)
    tinted = 0.45 * np.array(MARK, np.float32) + 0.55 * grey[..., None]
    shown = np.array(hatched(np.where(marks[..., None], tinted, pale).astype(np.uint8), inside))
    contours, _ = cv2.findContours(marks.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(shown, contours, -1, MARK, 1, cv2.LINE_AA)
    for left, top, right, bottom in boxes(marks, MOST_BOXES):
        for colour, width_px in ((GROUND, 4), (MARK, 2)):
            cv2.rectangle(shown, (left - 3, top - 3), (right + 2, bottom + 2), colour, width_px)
    return Image.fromarray(shown)


def sheet(main: Image.Image, rows: Sequence[Sequence[Panel]], *, beside: bool) -> Image.Image:
    """Draw the main picture and the panels of each finding, RGBA. Between them the picture is transparent.

    If `beside` is true, the panels stand to the right, one row for each finding, and are larger where the
    main picture leaves room. Otherwise they stand below, two in a line, as wide as the main picture.
    """
    if beside:
        room_px = (WIDEST_PX - main.width - 2 * GAP_PX, main.height)
        block = lined(_enlarge(rows, room_px))
        corner_px = (main.width + 2 * GAP_PX, 0)
    else:
        lines = [row[first : first + 2] for row in rows for first in range(0, len(row), 2)]
        block = lined([_fill(line, main.width) for line in lines])
        corner_px = (0, main.height + GAP_PX)
    size_px = (
        max(main.width + 2 * EDGE_PX, corner_px[0] + block.width if rows else 0),
        max(main.height + 2 * EDGE_PX, corner_px[1] + block.height if rows else 0),
    )
    canvas = Image.new("RGBA", size_px)
    _paste(canvas, main, (EDGE_PX, EDGE_PX))
    canvas.paste(block, corner_px)
    return canvas


def lined(lines: Sequence[Sequence[Panel]]) -> Image.Image:
    """Draw lines of panels, RGBA. Panels of a line stand side by side."""
    sizes_px = [_measure(line) for line in lines]
    width_px = max((width for width, _ in sizes_px), default=0)
    height_px = sum(height for _, height in sizes_px) + GAP_PX * max(0, len(lines) - 1)
    canvas = Image.new("RGBA", (width_px + 2 * EDGE_PX, height_px + 2 * EDGE_PX))
    top_px = EDGE_PX
    for line, (_, line_px) in zip(lines, sizes_px, strict=True):
        left_px = EDGE_PX
        for panel in line:
            _draw_panel(canvas, panel, (left_px, top_px))
            left_px += panel.image.width + GAP_PX
        top_px += line_px + GAP_PX
    return canvas


def _measure(line: Sequence[Panel]) -> tuple[int, int]:
    """Return the (width, height) of a line in pixels, with the strip above its panels."""
    width_px = sum(panel.image.width for panel in line) + GAP_PX * (len(line) - 1)
    return width_px, STRIP_PX + max(panel.image.height for panel in line)


def _enlarge(rows: Sequence[Sequence[Panel]], room_px: tuple[int, int]) -> list[list[Panel]]:
    """Return the rows as large as the room allows, but never smaller than they are."""
    scale = LARGEST_SCALE
    for row in rows:
        gaps_px = GAP_PX * (len(row) - 1)
        scale = min(scale, (room_px[0] - gaps_px) / (_measure(row)[0] - gaps_px))
    strips_px = STRIP_PX * len(rows) + GAP_PX * (len(rows) - 1)
    panels_px = sum(_measure(row)[1] - STRIP_PX for row in rows)
    scale = max(1.0, min(scale, (room_px[1] - strips_px) / panels_px)) if rows else 1.0
    return [[_scale(panel, scale) for panel in row] for row in rows]


def _fill(line: Sequence[Panel], width_px: int) -> list[Panel]:
    """Return a line as wide as asked, unless it would have to be much larger."""
    gaps_px = GAP_PX * (len(line) - 1)
    scale = min(LARGEST_SCALE, (width_px - gaps_px) / (_measure(line)[0] - gaps_px))
    return [_scale(panel, scale) for panel in line]


def _scale(panel: Panel, scale: float) -> Panel:
    size_px = (max(1, int(panel.image.width * scale)), max(1, int(panel.image.height * scale)))
    return replace(panel, image=panel.image.resize(size_px, Image.Resampling.LANCZOS))


def _draw_panel(canvas: Image.Image, panel: Panel, corner_px: tuple[int, int]) -> None:
    left_px, top_px = corner_px
    text, colour = (
        (f"{panel.number}{panel.letter}", COLOURS[panel.number - 1]) if panel.number else (panel.letter, INK)
    )
    right_px = _draw_badge(canvas, corner_px, text, colour)
    for sign in panel.signs:
        _draw_sign(canvas, sign, (right_px + 10, top_px))
        right_px += 10 + STRIP_PX - 8
    _paste(canvas, panel.image, (left_px, top_px + STRIP_PX))


def _paste(canvas: Image.Image, image: Image.Image, corner_px: tuple[int, int]) -> None:
    canvas.paste(image, corner_px)
    box = (corner_px[0] - 1, corner_px[1] - 1, corner_px[0] + image.width, corner_px[1] + image.height)
    ImageDraw.Draw(canvas).rectangle(box, outline=EDGE)


def _draw_badge(canvas: Image.Image, corner_px: tuple[int, int], text: str, colour: Colour) -> int:
    """Draw a numbered plate, moved inside the picture where necessary. Returns the plate's right edge."""
    width_px, height_px = 16 + 15 * len(text), STRIP_PX - 8
    left = max(0, min(corner_px[0], canvas.width - width_px - 1))
    top = max(0, min(corner_px[1], canvas.height - height_px - 1))
    draw = ImageDraw.Draw(canvas)
    draw.rounded_rectangle(
        (left, top, left + width_px, top + height_px), 6, fill=colour, outline=GROUND, width=2
    )
    ink = GROUND if float(LIGHT @ np.array(colour)) < DARK else (0, 0, 0)
    middle = (left + width_px / 2, top + height_px / 2)
    draw.text(middle, text, fill=ink, font=ImageFont.load_default(24), anchor="mm")
    return left + width_px


def _draw_sign(canvas: Image.Image, sign: str, corner_px: tuple[int, int]) -> None:
    """Draw a sign of 24 px on a light plate, which any ground needs.

    Mirrored is two facing triangles, turned is an arc with an arrowhead, inverted is a half-filled disc.
    """
    draw = ImageDraw.Draw(canvas)
    side_px = STRIP_PX - 8
    plate = (*corner_px, corner_px[0] + side_px, corner_px[1] + side_px)
    draw.rounded_rectangle(plate, 6, fill=GROUND, outline=EDGE)
    left, top = corner_px[0] + 6, corner_px[1] + 6
    if sign == "mirrored":
        draw.polygon([(left, top + 3), (left + 9, top + 11), (left, top + 19)], fill=INK)
        draw.polygon(
            [(left + 22, top + 3), (left + 13, top + 11), (left + 22, top + 19)], outline=INK, width=2
        )
        draw.line([(left + 11, top), (left + 11, top + 22)], fill=INK, width=1)
    elif sign == "turned":
        draw.arc((left + 2, top + 2, left + 20, top + 20), 180, 90, fill=INK, width=3)
        tip = (left + 2, top + 11)
        spread = [(tip[0] + 6 * math.cos(angle), tip[1] + 6 * math.sin(angle)) for angle in (0.0, math.pi)]
        draw.polygon([*spread, (tip[0], tip[1] + 8)], fill=INK)
    else:
        draw.ellipse((left + 1, top + 1, left + 21, top + 21), outline=INK, width=2)
        draw.pieslice((left + 1, top + 1, left + 21, top + 21), 90, 270, fill=INK)
