"""A closer look at a few views: guided matching, pixels, the design's place and how much of it is seen."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from authcheck.vision.features.thumbnail import SIDE_PX as THUMBNAIL_PX
from authcheck.vision.features.thumbnail import Thumbnail
from authcheck.vision.matching.alignment import Alignment, Matrix, alignment_of
from authcheck.vision.matching.confirm import Confirmation, confirm
from authcheck.vision.matching.geometry import Fit
from authcheck.vision.matching.pairs import NO_ROWS, Floats, Pairs, Points
from authcheck.vision.matching.pixels import BLOCK_PX, NOTHING, Mask, PixelEvidence, compare
from authcheck.vision.matching.subjects import Known, Submitted
from authcheck.vision.matching.votes import Edit

CLOSER_LOOKS = 4  # most views that are compared by their pixels
LIKELIEST = 2  # views that get a closer look with few votes
# Votes of the agreeing pairs from which the likeliest views, and from which others, get a closer look. In a
# picture that shows no design, most views have fewer votes.
LEAST_VOTES, LEAST_VOTES_OF_OTHERS = 1.0, 2.5
LEAST_SHARE = 0.15  # of the best view's votes: the least for a closer look
REACH = 3.0  # of a point's size: half the side of the square that its descriptor describes (Lowe 2004 s6.1)
BLOCK_SHOWS = 0.25  # correlation from which a block of a design counts as seen in its expected place


@dataclass(frozen=True, slots=True)
class Verified:
    """A view whose points have the same layout in the picture as in the design.

    `explained` `(n,)` says how well negatives explain the picture's points, 0 to 1. None where there are no
    negatives.
    """

    known: Known
    edit: Edit
    fit: Fit
    explained: Floats | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """The results of all stages for one view."""

    verified: Verified
    confirmation: Confirmation
    pixels: PixelEvidence
    alignment: Alignment


def assume(
    submitted: Submitted, known: Known, *, angle_deg: float, mirrored: bool, explained: Floats | None = None
) -> Verified:
    """Place a view as hashes say: over the whole picture, mirrored left to right, then turned clockwise."""
    turn = math.radians(-angle_deg if mirrored else angle_deg)
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    design_extent = (
        np.abs(rotation) @ np.array([known.width_px, known.height_px]) / max(known.width_px, known.height_px)
    )
    picture_extent = np.array([submitted.width_px, submitted.height_px]) / max(
        submitted.width_px, submitted.height_px
    )
    affine = np.column_stack([np.diag(picture_extent / design_extent) @ rotation, np.zeros(2)])
    no_pairs = Pairs(NO_ROWS, NO_ROWS, np.empty(0, np.float32))
    return Verified(known, Edit(mirrored=mirrored), Fit(affine, no_pairs, np.empty(0), 0), explained)


def look_closer(
    submitted: Submitted, verified: Sequence[Verified], assumed: Sequence[Verified] = ()
) -> list[Look]:
    """Confirm and compare the views with the most votes, best first, then the views that hashes propose."""
    by_votes = sorted(verified, key=lambda view: (-view.fit.votes, view.known.key))
    least = max(LEAST_VOTES, LEAST_SHARE * by_votes[0].fit.votes) if by_votes else LEAST_VOTES
    chosen = [view for view in by_votes[:LIKELIEST] if view.fit.votes >= least]
    others = by_votes[LIKELIEST:CLOSER_LOOKS]
    chosen += [view for view in others if view.fit.votes >= max(least, LEAST_VOTES_OF_OTHERS)]
    chosen_keys = {view.known.key for view in chosen}
    chosen += [view for view in assumed if view.known.key not in chosen_keys]
    return [_look_at(submitted, view) for view in chosen]


def _look_at(submitted: Submitted, view: Verified) -> Look:
    """Run guided matching and the pixel comparison for one view."""
    picture, design = submitted.points(view.edit), Points.of(view.known.features)
    confirmation = confirm(picture, design, view.fit, extent=submitted.extent, explained=view.explained)
    unmirror = np.diag([-1.0, 1.0, 1.0]) if view.edit.mirrored else np.eye(3)
    place = unmirror @ confirmation.homography
    thumbnail = view.known.read_thumbnail()
    to_picture = _pixel_map(submitted.pixels.shape)
    from_thumbnail = np.linalg.inv(_pixel_map(thumbnail.pixels.shape))
    pixels = compare(
        thumbnail,
        submitted.pixels,
        to_picture @ place @ from_thumbnail,
        inverted=view.edit.inverted,
        hidden=_mask_hidden(thumbnail.pixels.shape, design, confirmation),
    )
    if pixels is not NOTHING and pixels.aligned:
        place = np.linalg.inv(to_picture) @ pixels.homography @ np.linalg.inv(from_thumbnail)
    return Look(
        view,
        confirmation,
        pixels,
        _align(submitted, view, place, thumbnail, _measure_coverage(view, thumbnail, confirmation, pixels)),
    )


def _mask_hidden(shape: tuple[int, ...], design: Points, confirmation: Confirmation) -> Mask | None:
    """Return the parts of the thumbnail that something else covers in the picture, `(H, W) bool`, or None.

    These are the squares that the descriptors of the points in `confirmation.away` describe.
    """
    if not len(confirmation.away):
        return None
    hidden = np.zeros(shape[:2], np.bool_)
    height_px, width_px = shape[:2]
    places = design.places[confirmation.away, :3] * THUMBNAIL_PX
    reach = REACH * places[:, 2]
    left, right = places[:, 0] + width_px / 2 - reach, places[:, 0] + width_px / 2 + reach
    top, bottom = places[:, 1] + height_px / 2 - reach, places[:, 1] + height_px / 2 + reach
    edges = np.rint(np.column_stack([top, bottom, left, right])).clip(0).astype(int)
    for first_row, last_row, first_column, last_column in edges.tolist():
        hidden[first_row:last_row, first_column:last_column] = True
    return hidden


def _measure_coverage(
    view: Verified, thumbnail: Thumbnail, confirmation: Confirmation, pixels: PixelEvidence
) -> float:
    """Return the share of the design's parts with contrast that are seen.

    A part is seen when its pixels agree or one of its points is confirmed.
    """
    if pixels is NOTHING:  # too little of the design is inside the picture to compare pixels
        return confirmation.spread
    rows, columns = pixels.speaking.shape
    places = view.known.features.places()[confirmation.pairs.known, :2] * THUMBNAIL_PX
    height_px, width_px = thumbnail.pixels.shape[:2]
    row = np.clip((places[:, 1] + height_px / 2) / BLOCK_PX, 0, rows - 1).astype(int)
    column = np.clip((places[:, 0] + width_px / 2) / BLOCK_PX, 0, columns - 1).astype(int)
    is_seen = pixels.alike > BLOCK_SHOWS
    is_seen[row, column] = True
    has_contrast = pixels.speaking.copy()
    has_contrast[row, column] = True
    return float((is_seen & has_contrast).sum() / max(has_contrast.sum(), 1))


def _pixel_map(shape: tuple[int, ...]) -> Matrix:
    """Return the map from places to pixels of an array of this shape. Pixel centres are whole numbers."""
    height_px, width_px = shape[:2]
    longer_px = max(height_px, width_px)
    return np.array(
        [[longer_px, 0, (width_px - 1) / 2], [0, longer_px, (height_px - 1) / 2], [0, 0, 1]], np.float64
    )


def _align(
    submitted: Submitted, view: Verified, place: Matrix, thumbnail: Thumbnail, coverage: float
) -> Alignment:
    """Return the Alignment of a view. `place` maps places of the design to places of the picture."""
    longer_px = max(view.known.width_px, view.known.height_px)
    width, height = view.known.width_px / longer_px, view.known.height_px / longer_px
    from_unit_square = np.array([[width, 0, -width / 2], [0, height, -height / 2], [0, 0, 1]])
    picture_longer_px = max(submitted.width_px, submitted.height_px)
    to_pixels = np.array(
        [
            [picture_longer_px, 0, submitted.width_px / 2],
            [0, picture_longer_px, submitted.height_px / 2],
            [0, 0, 1],
        ]
    )
    return alignment_of(
        to_pixels @ place @ from_unit_square,
        design_px=(view.known.width_px, view.known.height_px),
        picture_px=(submitted.width_px, submitted.height_px),
        coverage=coverage,
        inverted=view.edit.inverted,
        content=thumbnail.content(),
    )
