"""The registered view in the frame of the submission: its place, its colours, what it refuses."""

from dataclasses import replace

import evidence_scenes as scenes
import make
import numpy as np
import pytest
from PIL import Image

from authcheck.vision.matching.alignment import Alignment
from authcheck.vision.matching.framing import in_frame

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
