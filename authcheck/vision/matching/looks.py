"""A closer look at a few views: guided matching, pixels, where the design lies and how much of it is seen."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from authcheck.vision.features.thumbnail import SIDE_PX as THUMBNAIL_PX
from authcheck.vision.matching.alignment import Alignment, Matrix, alignment_of
from authcheck.vision.matching.confirm import Confirmation, confirm
from authcheck.vision.matching.geometry import Fit
from authcheck.vision.matching.pairs import NO_ROWS, Floats, Pairs, Points
from authcheck.vision.matching.pixels import BLOCK_PX, NOTHING, Mask, PixelEvidence, compare
from authcheck.vision.matching.subjects import Known, Submitted
from authcheck.vision.matching.votes import Edit

CLOSER_LOOKS = 4  # designs whose pixels are compared
LEAST_VOTES = 1.0  # of the pairs that agree, to be looked at any closer
LEAST_SHARE = 0.15  # of the best design's votes
REACH = 3.0  # of a point's size: half the side of the square that its descriptor describes (Lowe 2004 s6.1)
BLOCK_SHOWS = 0.25  # correlation from which a block of a design counts as seen where it is said to be


@dataclass(frozen=True, slots=True)
class Verified:
    """A view whose points lie in the picture as in the design.

    `explained` `(n,)` says how well negatives explain the picture's points, 0 to 1; None where there are none.
    """

    known: Known
    edit: Edit
    fit: Fit
    explained: Floats | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """All that the stages found out about one view."""

    verified: Verified
    confirmation: Confirmation
    pixels: PixelEvidence
    alignment: Alignment


def assume(
    submitted: Submitted, known: Known, *, angle_deg: float, mirrored: bool, explained: Floats | None = None
) -> Verified:
    """The view as hashes say it lies: over the whole picture, mirrored left to right, then turned clockwise."""
    turn = math.radians(-angle_deg if mirrored else angle_deg)
    turned = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    design = (
        np.abs(turned) @ np.array([known.width_px, known.height_px]) / max(known.width_px, known.height_px)
    )
    picture = np.array([submitted.width_px, submitted.height_px]) / max(
        submitted.width_px, submitted.height_px
    )
    affine = np.column_stack([np.diag(picture / design) @ turned, np.zeros(2)])
    nothing = Pairs(NO_ROWS, NO_ROWS, np.empty(0, np.float32))
    return Verified(known, Edit(mirrored=mirrored), Fit(affine, nothing, np.empty(0), 0), explained)


def look_closer(
    submitted: Submitted, verified: Sequence[Verified], assumed: Sequence[Verified] = ()
) -> list[Look]:
    """Confirm and compare the views that most votes agree on, best first, and those that hashes proposed besides."""
    order = sorted(verified, key=lambda one: (-one.fit.votes, one.known.key))
    least = max(LEAST_VOTES, LEAST_SHARE * order[0].fit.votes) if order else LEAST_VOTES
    chosen = [one for one in order[:CLOSER_LOOKS] if one.fit.votes >= least]
    fitted = {one.known.key for one in chosen}
    chosen += [one for one in assumed if one.known.key not in fitted]
    return [_look(submitted, one) for one in chosen]


def _look(submitted: Submitted, one: Verified) -> Look:
    picture, design = submitted.points(one.edit), Points.of(one.known.features)
    found = confirm(picture, design, one.fit, extent=submitted.extent, explained=one.explained)
    back = np.diag([-1.0, 1.0, 1.0]) if one.edit.mirrored else np.eye(3)
    place = back @ found.homography
    thumbnail = one.known.thumbnail
    to_picture = _pixels_of(submitted.pixels.shape)
    from_thumbnail = np.linalg.inv(_pixels_of(thumbnail.pixels.shape))
    pixels = compare(
        thumbnail,
        submitted.pixels,
        to_picture @ place @ from_thumbnail,
        inverted=one.edit.inverted,
        hidden=_hidden(thumbnail.pixels.shape, design, found),
    )
    if pixels is not NOTHING and pixels.aligned:
        place = np.linalg.inv(to_picture) @ pixels.homography @ np.linalg.inv(from_thumbnail)
    return Look(one, found, pixels, _alignment(submitted, one, place, _coverage(one, found, pixels)))


def _hidden(shape: tuple[int, ...], design: Points, found: Confirmation) -> Mask | None:
    """Where points of the design, whose like in the picture something else explains, look at on its thumbnail."""
    if not len(found.away):
        return None
    hidden = np.zeros(shape[:2], np.bool_)
    height_px, width_px = shape[:2]
    places = design.places[found.away, :3] * THUMBNAIL_PX
    reach = REACH * places[:, 2]
    left, right = places[:, 0] + width_px / 2 - reach, places[:, 0] + width_px / 2 + reach
    top, bottom = places[:, 1] + height_px / 2 - reach, places[:, 1] + height_px / 2 + reach
    edges = np.rint(np.column_stack([top, bottom, left, right])).clip(0).astype(int)
    for first_row, last_row, first_column, last_column in edges.tolist():
        hidden[first_row:last_row, first_column:last_column] = True
    return hidden


def _coverage(one: Verified, found: Confirmation, pixels: PixelEvidence) -> float:
    """The share of the design's parts with contrast that are seen: their pixels agree, or one of their points is there."""
    if pixels is NOTHING:  # too little of it lies in the picture to be compared
        return found.spread
    rows, columns = pixels.speaking.shape
    known = one.known.features.places()[found.pairs.known, :2] * THUMBNAIL_PX
    height_px, width_px = one.known.thumbnail.pixels.shape[:2]
    row = np.clip((known[:, 1] + height_px / 2) / BLOCK_PX, 0, rows - 1).astype(int)
    column = np.clip((known[:, 0] + width_px / 2) / BLOCK_PX, 0, columns - 1).astype(int)
    there = pixels.alike > BLOCK_SHOWS
    there[row, column] = True
    speaking = pixels.speaking.copy()
    speaking[row, column] = True
    return float((there & speaking).sum() / max(speaking.sum(), 1))


def _pixels_of(shape: tuple[int, ...]) -> Matrix:
    """The map from places to pixels of an array of that shape, whose pixel centres are whole numbers."""
    height_px, width_px = shape[:2]
    longer_px = max(height_px, width_px)
    return np.array(
        [[longer_px, 0, (width_px - 1) / 2], [0, longer_px, (height_px - 1) / 2], [0, 0, 1]], np.float64
    )


def _alignment(submitted: Submitted, one: Verified, place: Matrix, coverage: float) -> Alignment:
    longer_px = max(one.known.width_px, one.known.height_px)
    width, height = one.known.width_px / longer_px, one.known.height_px / longer_px
    unit = np.array([[width, 0, -width / 2], [0, height, -height / 2], [0, 0, 1]])
    across = max(submitted.width_px, submitted.height_px)
    pixels = np.array([[across, 0, submitted.width_px / 2], [0, across, submitted.height_px / 2], [0, 0, 1]])
    return alignment_of(
        pixels @ place @ unit,
        design_px=(one.known.width_px, one.known.height_px),
        picture_px=(submitted.width_px, submitted.height_px),
        coverage=coverage,
        inverted=one.edit.inverted,
        content=one.known.thumbnail.content(),
    )
