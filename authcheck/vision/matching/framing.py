"""The registered view in the frame of the submission: what a moderator lays over the listing's picture."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from authcheck.vision.matching.alignment import Alignment, Matrix
from authcheck.vision.matching.differences import SMALLEST_PX, Rgb, settled
from authcheck.vision.matching.overlay import PANEL_PX, is_usable, warp

LEAST_ALIKE = 0.6  # correlation of the pixels around a pixel; figures: docs/flows/who-was-first.md
BLUR_PX = 1.5  # the pixels may agree a little beside each other
FLAT = 4.0  # variance of grey values: below, there is nothing to compare
SAME_GREY = 8.0  # of 255
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


def only_alike(submission: Image.Image, laid: Image.Image, *, inverted: bool) -> Image.Image:
    """Return a picture of `in_frame` that is opaque only where the submission shows the same.

    Whoever pastes a cut-out of a design onto a large canvas would otherwise see all of the design around it.
    The same: grey pixels that correlate in a window of a sixteenth of the longer side, or that are flat in
    both pictures and of one grey.
    """
    window_px = max(9, max(submission.size) // 16)
    seen, drawn = (
        cv2.GaussianBlur(cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2GRAY), (0, 0), BLUR_PX)
        for image in (submission, laid)
    )
    alike = _alike(np.asarray(255 - seen if inverted else seen), np.asarray(drawn), window_px)
    opacity = np.asarray(laid.getchannel("A")) * alike
    # Nothing stays under what is transparent: whoever opens the file would read it.
    colours = np.asarray(laid.convert("RGB")) * (opacity > 0)[..., np.newaxis]
    return Image.fromarray(np.dstack([colours, opacity]).astype(np.uint8), "RGBA")


def _alike(first: NDArray[Any], second: NDArray[Any], window_px: int) -> NDArray[np.uint8]:
    """Return 1 where two grey pictures of one size show the same in the window around a pixel, else 0.

    What correlates in places smaller than a window does so by chance, and counts for nothing: a canvas of
    noise or waves would show a twentieth to half of a picture. Small holes among what correlates are closed.
    Among what is flat a hole is a thin line, and stays one.
    """

    def mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.boxFilter(values, cv2.CV_32F, (window_px, window_px)), np.float32)

    left, right = first.astype(np.float32), second.astype(np.float32)
    left_mean, right_mean = mean(left), mean(right)
    left_variance = np.maximum(mean(left * left) - left_mean**2, 0)
    right_variance = np.maximum(mean(right * right) - right_mean**2, 0)
    covariance = mean(left * right) - left_mean * right_mean
    both = np.sqrt(left_variance * right_variance)
    correlates = ((both > FLAT) & (covariance >= LEAST_ALIKE * both)).astype(np.uint8)
    window = np.ones((window_px, window_px), np.uint8)
    opened = cv2.morphologyEx(correlates, cv2.MORPH_OPEN, window)
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, window)
    is_flat = (left_variance < FLAT) & (right_variance < FLAT)
    is_same = is_flat & (np.abs(left_mean - right_mean) < SAME_GREY)
    return np.asarray(np.maximum(closed, is_same.astype(np.uint8)), np.uint8)
