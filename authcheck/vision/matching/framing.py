"""The registered view in the frame of the submission: what a moderator lays over the listing's picture."""

import cv2
import numpy as np
from PIL import Image

from authcheck.vision.matching.alignment import Alignment, Matrix
from authcheck.vision.matching.differences import SMALLEST_PX, Rgb, settled
from authcheck.vision.matching.overlay import PANEL_PX, is_usable, warp

# OpenCV puts pixel centres at whole numbers.
CENTRES = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]], np.float64)


def in_frame(
    submission: Image.Image, full_px: tuple[int, int], design: Image.Image, alignment: Alignment
) -> Image.Image | None:
    """Return the registered picture as it is placed in the submission: RGBA, as large as `submission`.

    `submission` is RGB, perhaps reduced. `full_px` is its full (width, height), and the alignment is in these
    pixels. All around the design the result is transparent. The colours are the registered ones, also when
    the submission shows light and dark swapped. The place is refined by the pixels if possible. Returns None
    when the alignment is not usable: then nobody knows the place.
    """
    to_reduced = np.diag([submission.width / full_px[0], submission.height / full_px[1], 1.0])
    placed = to_reduced @ alignment.matrix()
    if not is_usable(placed):
        return None
    picture = np.asarray(submission.convert("RGB"))
    registered = np.asarray(design.convert("RGB"))
    placed = _settle(picture, placed, registered, inverted=alignment.inverted)
    drawn = _reduce(registered, placed)
    height_px, width_px = drawn.shape[:2]
    to_picture = np.linalg.inv(CENTRES) @ placed @ np.diag([1 / width_px, 1 / height_px, 1.0]) @ CENTRES
    # Colours and opacity apart, so that the edges do not mix with the black of what is transparent.
    colours = cv2.warpPerspective(drawn, to_picture, submission.size, borderMode=cv2.BORDER_REPLICATE)
    opacity = cv2.warpPerspective(np.full((height_px, width_px), 255, np.uint8), to_picture, submission.size)
    laid = np.dstack([colours, opacity])
    return Image.fromarray(laid.astype(np.uint8), "RGBA")


def _settle(picture: Rgb, placed: Matrix, registered: Rgb, *, inverted: bool) -> Matrix:
    """Return the homography from the unit square, refined by the pixels, or as it is if that fails."""
    scale = PANEL_PX / max(registered.shape[:2])
    width_px, height_px = (max(1, round(side * scale)) for side in registered.shape[1::-1])
    if min(width_px, height_px) < SMALLEST_PX:
        return placed
    panel = cv2.resize(registered, (width_px, height_px), interpolation=cv2.INTER_AREA).astype(np.uint8)
    unit = np.diag([1 / width_px, 1 / height_px, 1.0])
    to_picture = np.linalg.inv(CENTRES) @ placed @ unit @ CENTRES
    seen, inside = warp(picture, to_picture, (width_px, height_px))
    if not inside.any():
        return placed
    correction = settled(seen, (255 - panel).astype(np.uint8) if inverted else panel, inside)
    if correction is None:
        return placed
    refined = CENTRES @ to_picture @ correction @ np.linalg.inv(CENTRES) @ np.linalg.inv(unit)
    return refined if is_usable(refined) else placed


def _reduce(registered: Rgb, placed: Matrix) -> Rgb:
    """Return the design with about as many pixels as its place has, so that fine lines do not flicker."""
    corners = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], np.float64) @ placed.T
    quad = (corners[:, :2] / corners[:, 2:]).astype(np.float32)
    height_px, width_px = registered.shape[:2]
    growth = float(np.sqrt(abs(cv2.contourArea(quad)) / (width_px * height_px)))
    if growth >= 1:
        return registered
    size = (max(1, round(width_px * growth)), max(1, round(height_px * growth)))
    return cv2.resize(registered, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
