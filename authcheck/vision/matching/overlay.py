"""The evidence picture: a submission with its findings, beside the registered designs, differences marked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from authcheck.vision.matching import drawing
from authcheck.vision.matching.alignment import Alignment, Matrix
from authcheck.vision.matching.differences import SMALLEST_PX, Mask, Rgb, differing, settled

Layout = Literal["wide", "tall"]
MOST = 4  # most findings that are drawn
PANEL_PX = 320  # longer side of a panel: a panel shows no more of a design than its public preview
SHOWN_PX = {"wide": (560, 680), "tall": (656, 800)}  # largest (width, height) of the submission
ALONE_PX = (960, 720)
LARGEST_ZOOM = 4.0
# Maps the unit square turned by a quarter clockwise to the upright unit square.
QUARTER_CW = np.array([[0, 1, 0], [-1, 0, 1], [0, 0, 1]], np.float64)
FLIP = np.array([[-1, 0, 1], [0, 1, 0], [0, 0, 1]], np.float64)


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A finding: the design's picture (RGB; None where it may not be shown) and its place (None: unknown)."""

    design: Image.Image | None
    alignment: Alignment | None


@dataclass(frozen=True, slots=True)
class _Laid:
    """A design aligned with the submission and turned as it is seen there. All arrays have one size."""

    submitted: Rgb
    registered: Rgb
    inside: Mask
    softness_px: float


def compose(
    submission: Image.Image, full_px: tuple[int, int], exhibits: Sequence[Exhibit], layout: Layout = "wide"
) -> Image.Image:
    """Return one RGBA picture, at most 1,650 px wide. The page holds the words that explain it.

    `submission` is RGB, perhaps reduced. `full_px` is its full (width, height), and the alignments are in
    these pixels. The first four exhibits are drawn: outlines numbered 1 to 4 in the submission, and three
    panels for each. Panel A is the design's place cut out of the submission and straightened. Panel B is the
    registered design, turned as it is seen. Panel C is A in grey with differences marked, and a hatch where
    the picture ends. Without a usable alignment there is only panel B. If no exhibit has a place,
    the submission is panel A, as large as the designs. Without a design there is no panel.
    """
    shown = list(exhibits[:MOST])
    rows = [
        _panels(submission, full_px, exhibit, number)
        for number, exhibit in enumerate(shown, 1)
        if exhibit.design
    ]
    if rows and not any(exhibit.alignment for exhibit in shown):  # no place to point at
        panels = [drawing.Panel(0, "A", _fit(submission.convert("RGB"))), *(row[0] for row in rows)]
        return drawing.lined([panels] if layout == "wide" else [[panel] for panel in panels])
    main = _draw_outlines(submission, full_px, shown, SHOWN_PX[layout] if rows else ALONE_PX)
    return drawing.sheet(main, rows, beside=layout == "wide")


def _draw_outlines(
    submission: Image.Image, full_px: tuple[int, int], exhibits: Sequence[Exhibit], box_px: tuple[int, int]
) -> Image.Image:
    """Return the submission, as large as the box allows, with the outlines."""
    width_px, height_px = full_px
    scale = min(box_px[0] / width_px, box_px[1] / height_px, LARGEST_ZOOM)
    size = (max(1, round(width_px * scale)), max(1, round(height_px * scale)))
    image = submission.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    outlines = {
        number: np.clip(
            np.array(exhibit.alignment.outline, np.float64) * (size[0] / width_px, size[1] / height_px),
            0,
            size,
        )
        for number, exhibit in enumerate(exhibits, 1)
        if exhibit.alignment and _is_polygon(exhibit.alignment.outline)
    }
    return drawing.outlined(image, outlines)


def _is_polygon(outline: Sequence[Sequence[float]]) -> bool:
    return len(outline) > 2 and bool(np.isfinite(np.array(outline)).all())  # noqa: PLR2004 - three corners


def _panels(
    submission: Image.Image, full_px: tuple[int, int], exhibit: Exhibit, number: int
) -> list[drawing.Panel]:
    """Return the panels A, B and C of one exhibit, B alone, or none."""
    design, alignment = exhibit.design, exhibit.alignment
    if design is None:
        return []
    laid = _lay(submission, full_px, design, alignment) if alignment else None
    if laid is None or alignment is None:
        return [drawing.Panel(number, "B", _fit(design.convert("RGB")))]
    quarters = _count_quarters(alignment)
    signs = tuple(
        sign
        for sign, applies in (
            ("mirrored", alignment.mirrored),
            ("turned", quarters != 0),
            ("inverted", alignment.inverted),
        )
        if applies
    )
    marks = _marks(laid, inverted=alignment.inverted)
    return [
        drawing.Panel(number, "A", drawing.hatched(laid.submitted, laid.inside)),
        drawing.Panel(number, "B", Image.fromarray(laid.registered), signs),
        drawing.Panel(number, "C", drawing.marked(laid.submitted, laid.inside, marks)),
    ]


def _marks(laid: _Laid, *, inverted: bool) -> Mask:
    """Return the pixels of a panel that differ from the registered design."""
    registered = 255 - laid.registered if inverted else laid.registered
    return differing(laid.submitted, registered, laid.inside, softness_px=laid.softness_px)


def _fit(picture: Image.Image) -> Image.Image:
    """Return a picture in the size of a panel."""
    scale = PANEL_PX / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _count_quarters(alignment: Alignment) -> int:
    """Return how many clockwise quarter turns bring the (unmirrored) design nearest to how it is seen."""
    return round(alignment.angle_deg / 90) % 4 if math.isfinite(alignment.angle_deg) else 0


def _lay(
    submission: Image.Image, full_px: tuple[int, int], design: Image.Image, alignment: Alignment
) -> _Laid | None:
    """Cut the design's place out of the submission. Returns None when the homography is not usable."""
    picture = np.asarray(submission.convert("RGB"))
    to_reduced = np.diag([submission.width / full_px[0], submission.height / full_px[1], 1.0])
    placed = to_reduced @ alignment.matrix()
    if not is_usable(placed):
        return None
    shown = design.convert("RGB").transpose(Image.Transpose.FLIP_LEFT_RIGHT) if alignment.mirrored else design
    quarters = _count_quarters(alignment)
    registered = np.ascontiguousarray(np.rot90(np.asarray(_fit(shown.convert("RGB"))), -quarters))
    from_unit_square = (
        placed @ (FLIP if alignment.mirrored else np.eye(3)) @ np.linalg.matrix_power(QUARTER_CW, quarters)
    )
    height_px, width_px = registered.shape[:2]
    density = _measure_density(from_unit_square, width_px, height_px)
    if density > 1:  # The submission has more pixels than the panel. Average them to avoid aliasing.
        size = (max(1, round(picture.shape[1] / density)), max(1, round(picture.shape[0] / density)))
        from_unit_square = (
            np.diag([size[0] / picture.shape[1], size[1] / picture.shape[0], 1.0]) @ from_unit_square
        )
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], 3)
    softness_px = 0.5 * max(0.0, 1 / density - 1)
    return _cut_out(
        picture.astype(np.uint8),
        from_unit_square,
        registered,
        softness_px=softness_px,
        inverted=alignment.inverted,
    )


def _cut_out(
    picture: Rgb, from_unit_square: Matrix, registered: Rgb, *, softness_px: float, inverted: bool
) -> _Laid:
    """Warp the submission onto the panel, first by the alignment, then refined by the pixels if possible."""
    height_px, width_px = registered.shape[:2]
    # OpenCV puts pixel centres at whole numbers.
    centres = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]], np.float64)
    to_picture = (
        np.linalg.inv(centres) @ from_unit_square @ np.diag([1 / width_px, 1 / height_px, 1.0]) @ centres
    )
    submitted, inside = warp(picture, to_picture, (width_px, height_px))
    if inside.any() and min(inside.shape) >= SMALLEST_PX:
        correction = settled(submitted, 255 - registered if inverted else registered, inside)
        if correction is not None:
            submitted, inside = warp(picture, to_picture @ correction, (width_px, height_px))
    return _Laid(submitted, registered, inside, softness_px)


def warp(picture: Rgb, to_picture: Matrix, size_px: tuple[int, int]) -> tuple[Rgb, Mask]:
    """Return the part of a picture that a panel shows, and where the panel is inside the picture."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpPerspective(picture, to_picture, size_px, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    filled = np.full(picture.shape[:2], 255, np.uint8)
    inside = cv2.warpPerspective(filled, to_picture, size_px, flags=flags) > 127  # noqa: PLR2004 - by half a pixel
    return cut.astype(np.uint8), inside


def is_usable(placed: Matrix) -> bool:
    """Return whether the unit square becomes a convex quadrilateral before the camera, 4 x 4 px or more."""
    if not np.isfinite(placed).all() or np.abs(placed).max() > 1e9 or placed[2, 2] == 0:  # noqa: PLR2004 - beyond any picture
        return False
    corners = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], np.float64) @ (placed / placed[2, 2]).T
    if (corners[:, 2] < 1e-6).any():  # noqa: PLR2004 - at or behind the camera
        return False
    quad = corners[:, :2] / corners[:, 2:]
    sides = np.roll(quad, -1, axis=0) - quad
    next_sides = np.roll(sides, -1, axis=0)
    turns = sides[:, 0] * next_sides[:, 1] - sides[:, 1] * next_sides[:, 0]
    area_px = abs(float(cv2.contourArea(quad.astype(np.float32))))
    return bool((turns > 0).all() or (turns < 0).all()) and area_px >= 16  # noqa: PLR2004 - 4 x 4


def _measure_density(from_unit_square: Matrix, width_px: int, height_px: int) -> float:
    """Return the pixels of the submission per pixel of the panel, along a side, on average."""
    corners = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], np.float64) @ from_unit_square.T
    quad = (corners[:, :2] / corners[:, 2:]).astype(np.float32)
    return math.sqrt(abs(float(cv2.contourArea(quad))) / (width_px * height_px))
