"""The local stages in their order: votes propose designs, geometry verifies them, pixels compare the best.

Each stage is a module of its own, pure on arrays; this one hands their results on. What is stored of the views comes
through a Shelf, so that nothing here knows of a database.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from authcheck.local.confirm import confirm
from authcheck.local.features import Features
from authcheck.local.geometry import Fit, fit
from authcheck.local.index import FeatureIndex
from authcheck.local.looks import Look, Verified, assume, look_closer
from authcheck.local.numbers import numbers_of
from authcheck.local.pairs import Pairs, Points, mutual_pairs
from authcheck.local.score import Vector
from authcheck.local.subjects import Known, Submitted
from authcheck.local.vocabulary import edited
from authcheck.local.votes import Ballot, Edit, Pose, count_votes, edited_places, weights_of

CANDIDATES = 24  # views that are verified
NEGATIVES = 4  # negative pictures that are
NEGATIVE_PAIRS = 6  # from so many agreeing points on a negative picture is there
NEIGHBOURS = 10  # of each point, that vote
FEWEST_POINTS = 8  # a design is not favoured for having fewer; one that has is left to the hashes
POINTS_POWER = (
    0.4  # votes are divided by this power of a design's points: more points catch more votes by chance
)
ASSUMED = 2  # views that only hashes propose, that are looked at as they say it lies
LEAST_ASSUMED = 0.3  # score by the hashes from which
PLAIN = (Edit(), Edit(mirrored=True))
INVERTED = (Edit(inverted=True), Edit(mirrored=True, inverted=True))
INVERTED_CANDIDATES = 8
INVERTED_POINTS = (
    500  # of the grey ones, the strongest: swapped light and dark are looked for last, and seldom
)

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Hint:
    """What the hashes say of a view: its score, and how it lies if it covers the whole picture (`whole`)."""

    key: int
    score: float
    angle_deg: float
    mirrored: bool
    whole: bool


@dataclass(frozen=True, slots=True)
class Backdrop:
    """A negative picture; `owner` is the id of the one whose designs it counts for, None for all."""

    features: Features
    owner: str | None


class Shelf(Protocol):
    """Where what is stored comes from. Keys that are not there (any more) are left out."""

    def views(self, keys: Sequence[int]) -> Mapping[int, Known]:
        """Registered views by key."""

    def backdrops(self, keys: Sequence[int]) -> Mapping[int, Backdrop]:
        """Negative pictures by key."""


@dataclass(frozen=True, slots=True)
class Examined:
    """The views looked at closely, and by look the numbers that its score is made from."""

    looks: Sequence[Look]
    numbers: Sequence[Vector]


def examine(
    submitted: Submitted,
    nearest: Callable[[Callable[[FeatureIndex], list[Pose]]], list[Pose]],
    shelf: Shelf,
    hints: Sequence[Hint],
    enough: Callable[[Vector], bool],
) -> Examined:
    """All stages for one picture.

    `nearest` runs a question on the index; `hints` are what hashes found, best first. Where no design satisfies
    `enough`, the picture is looked at once more with light and dark swapped.
    """
    poses = nearest(lambda index: propose(index, submitted, PLAIN, None))
    barred = _barred(submitted, poses, shelf)
    verified, known = _verified(submitted, _with_hints(_of_views(poses)[:CANDIDATES], hints), shelf, barred)
    assumed = [
        assume(submitted, known[hint.key], angle_deg=hint.angle_deg, mirrored=hint.mirrored)
        for hint in hints[:ASSUMED]
        if hint.whole
        and hint.score >= LEAST_ASSUMED
        and hint.key in known
        and len(known[hint.key].features) >= FEWEST_POINTS
    ]
    scores = {hint.key: hint.score for hint in hints}
    found = _examined(submitted, verified, assumed, scores)
    if any(map(enough, found.numbers)):
        return found
    poses = nearest(lambda index: propose(index, submitted, INVERTED, INVERTED_POINTS))
    swapped, _ = _verified(submitted, _of_views(poses)[:INVERTED_CANDIDATES], shelf, barred)
    best = max((one.fit.votes for one in verified), default=0.0)
    if any(one.fit.votes > best for one in swapped):
        by_key = {one.known.key: one for one in sorted((*verified, *swapped), key=lambda one: one.fit.votes)}
        found = _examined(submitted, list(by_key.values()), assumed, scores)
    return found


def _examined(
    submitted: Submitted,
    verified: Sequence[Verified],
    assumed: Sequence[Verified],
    scores: Mapping[int, float],
) -> Examined:
    looks = look_closer(submitted, verified, assumed)
    return Examined(looks, numbers_of(looks, verified, scores))


def propose(
    index: FeatureIndex, submitted: Submitted, edits: Sequence[Edit], most_grey: int | None
) -> list[Pose]:
    """Every entry that got votes, the likeliest first; `most_grey` lets only so many of the grey points ask."""
    features = submitted.features
    asking = (
        np.arange(len(features)) if most_grey is None else np.nonzero(features.channels == 0)[0][:most_grey]
    )
    places, channels = features.places()[asking], features.channels[asking]
    ballots = []
    for edit in edits:
        codes = edited(features.descriptors[asking], mirrored=edit.mirrored, inverted=edit.inverted)
        near = index.nearest(codes, NEIGHBOURS)
        ballots.append(Ballot(edit, edited_places(places, edit), near, weights_of(near, channels)))
    poses = count_votes(ballots)
    points = np.maximum(index.points(np.array(list(poses), np.int64)), FEWEST_POINTS)
    worth = {
        key: pose.votes / count**POINTS_POWER
        for (key, pose), count in zip(poses.items(), points, strict=True)
    }
    return sorted(poses.values(), key=lambda pose: (-worth[pose.key], pose.key))


def is_view(key: int) -> bool:
    """Whether a key of the index is a view's: even ones are, odd ones are negative pictures'."""
    return key % 2 == 0


def _of_views(poses: Sequence[Pose]) -> list[tuple[int, Edit]]:
    return [(pose.key, pose.edit) for pose in poses if is_view(pose.key)]


def _with_hints(proposed: Sequence[tuple[int, Edit]], hints: Sequence[Hint]) -> list[tuple[int, Edit]]:
    """The views that votes propose, then those that only hashes do."""
    keys = {key for key, _ in proposed}
    return [*proposed, *((hint.key, Edit(hint.mirrored)) for hint in hints if hint.key not in keys)]


def _verified(
    submitted: Submitted,
    proposed: Sequence[tuple[int, Edit]],
    shelf: Shelf,
    barred: Callable[[Known], Rows],
) -> tuple[list[Verified], Mapping[int, Known]]:
    """The proposed views whose points agree, and all that were found on the shelf."""
    known = shelf.views([key for key, _ in proposed])
    verified = []
    for key, edit in proposed:
        if key in known:
            found = verify(submitted, known[key].features, edit, barred(known[key]))
            verified += [Verified(known[key], edit, found)] if found else []
    return verified, known


def verify(submitted: Submitted, features: Features, edit: Edit, barred: Rows) -> Fit | None:
    """The map that the points of one entry agree on; points of the picture in `barred` have no say."""
    picture, design = submitted.points(edit), Points.of(features)
    pairs = mutual_pairs(picture, design)
    if len(barred):
        free = ~np.isin(pairs.seen, barred)
        pairs = Pairs(pairs.seen[free], pairs.known[free], pairs.weights[free])
    return fit(picture.places, design.places, pairs)


def _barred(submitted: Submitted, poses: Sequence[Pose], shelf: Shelf) -> Callable[[Known], Rows]:
    """For a view the points of the picture that negative pictures explain; each counts for its owner's designs."""
    chosen = [pose for pose in poses if not is_view(pose.key)][:NEGATIVES]
    rows: list[tuple[str | None, Rows]] = []
    backdrops = shelf.backdrops([pose.key for pose in chosen]) if chosen else {}
    for pose in chosen:
        if (backdrop := backdrops.get(pose.key)) is None:
            continue
        found = verify(submitted, backdrop.features, pose.edit, np.empty(0, np.intp))
        if found is not None and len(found.pairs) >= NEGATIVE_PAIRS:
            longer_px = max(submitted.width_px, submitted.height_px)
            extent = (submitted.width_px / longer_px, submitted.height_px / longer_px)
            seen = confirm(
                submitted.points(pose.edit), Points.of(backdrop.features), found, extent=extent
            ).pairs.seen
            rows.append((backdrop.owner, np.union1d(seen, found.pairs.seen)))

    def barred(view: Known) -> Rows:
        mine = [seen for owner, seen in rows if owner in {None, view.owner}]
        return np.concatenate([np.empty(0, np.intp), *mine])

    return barred
