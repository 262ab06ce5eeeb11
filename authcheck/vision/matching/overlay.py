"""The evidence picture: a submission with what was found in it, beside the registered designs, differences marked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from authcheck.vision.matching import drawing
from authcheck.vision.matching.alignment import Alignment, Matrix
from authcheck.vision.matching.differences import Mask, Rgb, differing, settled

Layout = Literal["wide", "tall"]
MOST = 4  # findings that are drawn
PANEL_PX = 320  # longer side of a panel: no more of a design is shown than its public preview shows
SMALLEST_PX = 24  # a panel with a shorter side than that is not compared
SHOWN_PX = {"wide": (560, 680), "tall": (656, 800)}  # the submission: width, height
ALONE_PX = (960, 720)
IN_A_ROW = {"wide": 3, "tall": 2}
LARGEST_ZOOM = 4.0
QUARTER_CW = np.array(
    [[0, 1, 0], [-1, 0, 1], [0, 0, 1]], np.float64
)  # of the turned unit square, to the upright one
FLIP = np.array([[-1, 0, 1], [0, 1, 0], [0, 0, 1]], np.float64)


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One finding: the design's picture (RGB; None where it may not be shown) and where it is (None: not known)."""

    design: Image.Image | None
    alignment: Alignment | None


@dataclass(frozen=True, slots=True)
class _Laid:
    """A design laid onto the submission, turned as it is seen there; all arrays of one size."""

    submitted: Rgb
    registered: Rgb
    inside: Mask
    softness_px: float


def compose(
    submission: Image.Image, full_px: tuple[int, int], exhibits: Sequence[Exhibit], layout: Layout = "wide"
) -> Image.Image:
    """One RGB picture, at most 1,600 px wide; the words that explain it are the page's.

    `submission` is RGB, perhaps reduced; `full_px` its full (width, height), in whose pixels the alignments are. The
    first four exhibits are drawn: outlines numbered 1 to 4 in the submission, and for each the panels A (the design cut out
    of the submission and straightened), B (as it is registered, turned as it is seen) and C (A in grey, differences
    marked, what is not in the picture hatched). Without a usable alignment there is B alone, without a design no panel.
    """
    shown = list(exhibits[:MOST])
    rows = [
        _panels(submission, full_px, exhibit, number)
        for number, exhibit in enumerate(shown, 1)
        if exhibit.design
    ]
    box_px = SHOWN_PX[layout] if rows else ALONE_PX
    if rows and all(len(row) == 1 for row in rows):
        box_px = (PANEL_PX, PANEL_PX)  # nothing to point at: two pictures of one size
    main = _outlined(submission, full_px, shown, box_px)
    return drawing.sheet(main, rows, beside=layout == "wide", in_a_row=IN_A_ROW[layout])


def _outlined(
    submission: Image.Image, full_px: tuple[int, int], exhibits: Sequence[Exhibit], box_px: tuple[int, int]
) -> Image.Image:
    """The submission, as large as the box allows, with the outlines."""
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
    design, alignment = exhibit.design, exhibit.alignment
    if design is None:
        return []
    laid = _lay(submission, full_px, design, alignment) if alignment else None
    if laid is None or alignment is None:
        return [drawing.Panel(number, "B", _fit(design.convert("RGB")))]
    turned = _quarters(alignment)
    signs = tuple(
        sign
        for sign, wanted in (
            ("mirrored", alignment.mirrored),
            ("turned", turned != 0),
            ("inverted", alignment.inverted),
        )
        if wanted
    )
    marks = _marks(laid, inverted=alignment.inverted)
    return [
        drawing.Panel(number, "A", drawing.hatched(laid.submitted, laid.inside)),
        drawing.Panel(number, "B", Image.fromarray(laid.registered), signs),
        drawing.Panel(number, "C", drawing.marked(laid.submitted, laid.inside, marks)),
    ]


def _marks(laid: _Laid, *, inverted: bool) -> Mask:
    if min(laid.inside.shape) < SMALLEST_PX:
        return np.zeros_like(laid.inside)
    registered = 255 - laid.registered if inverted else laid.registered
    return differing(laid.submitted, registered, laid.inside, softness_px=laid.softness_px)


def _fit(design: Image.Image) -> Image.Image:
    """The design in the size of a panel."""
    scale = PANEL_PX / max(design.size)
    size = (max(1, round(design.width * scale)), max(1, round(design.height * scale)))
    return design.resize(size, Image.Resampling.LANCZOS)


def _quarters(alignment: Alignment) -> int:
    """How many quarters of a turn, clockwise, bring the (unmirrored) design nearest to how it is seen."""
    return round(alignment.angle_deg / 90) % 4 if math.isfinite(alignment.angle_deg) else 0


def _lay(
    submission: Image.Image, full_px: tuple[int, int], design: Image.Image, alignment: Alignment
) -> _Laid | None:
    """Cut the design's place out of the submission; None where the homography is of no use."""
    picture = np.asarray(submission.convert("RGB"))
    reduced = np.diag([submission.width / full_px[0], submission.height / full_px[1], 1.0])
    placed = reduced @ alignment.matrix()
    if not _is_usable(placed):
        return None
    shown = design.convert("RGB").transpose(Image.Transpose.FLIP_LEFT_RIGHT) if alignment.mirrored else design
    quarters = _quarters(alignment)
    registered = np.ascontiguousarray(np.rot90(np.asarray(_fit(shown.convert("RGB"))), -quarters))
    seen = placed @ (FLIP if alignment.mirrored else np.eye(3)) @ np.linalg.matrix_power(QUARTER_CW, quarters)
    height_px, width_px = registered.shape[:2]
    density = _density(seen, width_px, height_px)
    if density > 1:  # more pixels in the submission than in the panel: average them, else they alias
        size = (max(1, round(picture.shape[1] / density)), max(1, round(picture.shape[0] / density)))
        seen = np.diag([size[0] / picture.shape[1], size[1] / picture.shape[0], 1.0]) @ seen
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], 3)
    softness_px = 0.5 * max(0.0, 1 / density - 1)
    return _cut(
        picture.astype(np.uint8), seen, registered, softness_px=softness_px, inverted=alignment.inverted
    )


def _cut(picture: Rgb, seen: Matrix, registered: Rgb, *, softness_px: float, inverted: bool) -> _Laid:
    height_px, width_px = registered.shape[:2]
    middles = np.array(
        [[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]], np.float64
    )  # whole numbers are pixels' middles to OpenCV
    to_picture = np.linalg.inv(middles) @ seen @ np.diag([1 / width_px, 1 / height_px, 1.0]) @ middles
    submitted, inside = _warped(picture, to_picture, (width_px, height_px))
    if inside.any() and min(inside.shape) >= SMALLEST_PX:
        small = settled(submitted, 255 - registered if inverted else registered, inside)
        if small is not None:
            submitted, inside = _warped(picture, to_picture @ small, (width_px, height_px))
    return _Laid(submitted, registered, inside, softness_px)


def _warped(picture: Rgb, to_picture: Matrix, size_px: tuple[int, int]) -> tuple[Rgb, Mask]:
    """The part of a picture that a panel shows, and where the panel lies in the picture at all."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpPerspective(picture, to_picture, size_px, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    everywhere = np.full(picture.shape[:2], 255, np.uint8)
    inside = cv2.warpPerspective(everywhere, to_picture, size_px, flags=flags) > 127  # noqa: PLR2004 - by half a pixel
    return cut.astype(np.uint8), inside


def _is_usable(placed: Matrix) -> bool:
    """Whether the unit square becomes a convex quadrilateral of at least 4 x 4 pixels, all of it before the camera."""
    if not np.isfinite(placed).all() or np.abs(placed).max() > 1e9 or placed[2, 2] == 0:  # noqa: PLR2004 - beyond any picture
        return False
    corners = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], np.float64) @ (placed / placed[2, 2]).T
    if (corners[:, 2] < 1e-6).any():  # noqa: PLR2004 - at or behind the camera
        return False
    quad = corners[:, :2] / corners[:, 2:]
    sides = np.roll(quad, -1, axis=0) - quad
    nexts = np.roll(sides, -1, axis=0)
    turns = sides[:, 0] * nexts[:, 1] - sides[:, 1] * nexts[:, 0]
    area_px = abs(float(cv2.contourArea(quad.astype(np.float32))))
    return bool((turns > 0).all() or (turns < 0).all()) and area_px >= 16  # noqa: PLR2004 - 4 x 4


def _density(seen: Matrix, width_px: int, height_px: int) -> float:
    """Pixels of the submission a pixel of the panel, along a side, on average."""
    corners = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], np.float64) @ seen.T
    quad = (corners[:, :2] / corners[:, 2:]).astype(np.float32)
    return math.sqrt(abs(float(cv2.contourArea(quad))) / (width_px * height_px))
