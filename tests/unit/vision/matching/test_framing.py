"""The registered view in the frame of the submission: its place, its colours, what it refuses."""

import io
from dataclasses import replace

import cv2
import evidence_scenes as scenes
import make
import numpy as np
import pytest
from PIL import Image, ImageOps

from authcheck.vision.matching.alignment import Alignment
from authcheck.vision.matching.framing import in_frame, only_alike
from authcheck.vision.matching.placing import find_place

DESIGN = make.picture(4, (400, 320))
STRAIGHT = ((60.0, 40.0), (460.0, 40.0), (460.0, 360.0), (60.0, 360.0))


def laid(
    submission: Image.Image, alignment: Alignment, design: Image.Image = DESIGN
) -> tuple[np.ndarray, np.ndarray]:
    """Return the colours and the opacity of the view in the frame of a submission at half its size."""
    reduced = submission.resize((submission.width // 2, submission.height // 2))
    view = in_frame(reduced, submission.size, design, alignment)
    assert view is not None
    assert (view.mode, view.size) == ("RGBA", reduced.size)
    pixels = np.asarray(view).astype(np.float32)
    return pixels[..., :3], pixels[..., 3]


def error(submission: Image.Image, view: tuple[np.ndarray, np.ndarray]) -> float:
    """Return the mean distance of the view from the submission, where the view is opaque."""
    reduced = np.asarray(submission.resize((submission.width // 2, submission.height // 2)), np.float32)
    colours, opacity = view
    return float(np.abs(colours - reduced)[opacity > 250].mean())


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_view_lies_on_the_design(mirrored: bool) -> None:
    """Seen aslant and mirrored, the view covers the design's pixels, and is transparent all around."""
    corners = [scenes.SLANTED[place] for place in ((1, 0, 3, 2) if mirrored else (0, 1, 2, 3))]
    photo = scenes.photo(DESIGN, corners, lit=False)
    view = laid(photo, scenes.alignment(DESIGN, corners))
    assert error(photo, view) < 6
    opacity = view[1]
    assert opacity[180, 230] == 255
    assert opacity[5, 5] == opacity[-5, -5] == 0
    assert 0.3 < float((opacity > 0).mean()) < 0.5


def test_a_small_error_of_the_place_is_mended() -> None:
    """An alignment that is four pixels beside the design is refined by the pixels."""
    photo = scenes.photo(DESIGN, STRAIGHT, lit=False)
    beside = [(x + 4, y - 3) for x, y in STRAIGHT]
    assert error(photo, laid(photo, scenes.alignment(DESIGN, beside))) < 5


def test_another_picture_stays_where_the_alignment_puts_it() -> None:
    """Where nothing can be refined, a flat listing for example, the view is at the place of the alignment."""
    flat = Image.new("RGB", scenes.PHOTO_PX, (128, 128, 128))
    _, opacity = laid(flat, scenes.alignment(DESIGN, STRAIGHT))
    rows, columns = np.nonzero(opacity > 127)
    assert [rows.min(), rows.max(), columns.min(), columns.max()] == pytest.approx([20, 180, 30, 230], abs=1)


def test_a_place_behind_the_camera_is_none() -> None:
    """A homography that no photo can have gives no view."""
    alignment = scenes.alignment(DESIGN, STRAIGHT)
    folded = replace(alignment, homography=(1, 0, 0, 0, 1, 0, -4, 0, 1))
    assert in_frame(scenes.photo(DESIGN), scenes.PHOTO_PX, DESIGN, folded) is None
    tiny = replace(alignment, homography=(1, 0, 5, 0, 1, 5, 0, 0, 1))
    assert in_frame(scenes.photo(DESIGN), scenes.PHOTO_PX, DESIGN, tiny) is None


def test_the_edges_of_the_view_are_clean() -> None:
    """A white design has no dark rim, where its edge pixels are half transparent."""
    white = Image.new("RGB", (200, 160), (255, 255, 255))
    colours, opacity = laid(scenes.photo(white, lit=False), scenes.alignment(white), white)
    half = (opacity > 20) & (opacity < 235)
    assert half.any()
    assert float(colours[half].min()) > 250


def ground_of(kind: str, size: tuple[int, int]) -> Image.Image:
    """Return a canvas: flat, or of values that might resemble a picture by chance, pixel by pixel or in waves."""
    noise = np.random.default_rng(1).normal(0, 1, (size[1], size[0]))
    if kind == "smooth":
        noise = cv2.GaussianBlur(noise, (0, 0), 6)
    spread = 0 if kind == "grey" else 50 / float(noise.std())
    return Image.fromarray(np.clip(128 + noise * spread, 0, 255).astype(np.uint8)).convert("RGB")


@pytest.mark.parametrize("ground", ["grey", "noise", "smooth"])
def test_a_canvas_around_a_cut_out_shows_nothing_more(ground: str) -> None:
    """Seven tenths of a design, pasted onto a canvas as large as all of it, show seven tenths and no more.

    The view that is laid onto the canvas has all of the design. Outside the cut-out nothing of the design may
    stay, neither visible nor under what is transparent: only what is as flat and grey as the canvas.
    """
    margin_px, (width_px, height_px) = 30, (DESIGN.width * 7 // 10, DESIGN.height * 7 // 10)
    size = (DESIGN.width + 2 * margin_px, DESIGN.height + 2 * margin_px)
    canvas = ground_of(ground, size)
    canvas.paste(DESIGN.crop((0, 0, width_px, height_px)), (margin_px, margin_px))
    right_px, lower_px = margin_px + DESIGN.width, margin_px + DESIGN.height
    corners = [(margin_px, margin_px), (right_px, margin_px), (right_px, lower_px), (margin_px, lower_px)]
    whole = in_frame(canvas, canvas.size, DESIGN, scenes.alignment(DESIGN, corners))
    assert whole
    shown = np.asarray(only_alike(canvas, whole, inverted=False)).astype(int)

    window_px = max(size) // 16
    outside = np.ones(shown.shape[:2], bool)
    outside[: margin_px + height_px + window_px, : margin_px + width_px + window_px] = False
    before = np.asarray(whole.convert("L")).astype(int)
    told = outside & (np.abs(before - 128) > 25) & (np.asarray(whole.getchannel("A")) > 0)
    assert told.sum() > 10_000  # without the rule there is much to see
    assert not shown[told].any()
    inside = shown[margin_px : margin_px + height_px, margin_px : margin_px + width_px, 3]
    assert (inside > 0).mean() > 0.6


def test_a_whole_copy_stays_visible() -> None:
    """A smaller copy, saved as JPEG, shows the same nearly everywhere. So does a negative of it."""
    saved = io.BytesIO()
    DESIGN.resize((300, 240)).save(saved, "JPEG", quality=60)
    copy = Image.open(saved).convert("RGB")
    place = find_place(copy, copy.size, DESIGN)
    assert place
    view = in_frame(copy, copy.size, DESIGN, place)
    assert view
    opaque = np.asarray(view.getchannel("A")) > 0
    for seen, inverted in ((copy, False), (ImageOps.invert(copy), True)):
        shown = np.asarray(only_alike(seen, view, inverted=inverted).getchannel("A")) > 0
        assert shown[opaque].mean() > 0.95
