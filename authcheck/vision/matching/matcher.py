"""The local stages in their order: votes propose designs, geometry verifies them, pixels compare the best.

Each stage is a module of its own, pure on arrays; this one hands their results on. What is stored of the views comes
through a Shelf, so that nothing here knows of a database.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from authcheck.vision.features.features import Features
from authcheck.vision.features.index import FeatureIndex
from authcheck.vision.features.vocabulary import edited
from authcheck.vision.matching.backdrops import Backdrop, Explained, explain
from authcheck.vision.matching.geometry import Fit, fit
from authcheck.vision.matching.looks import Look, Verified, assume, look_closer
from authcheck.vision.matching.numbers import numbers_of
from authcheck.vision.matching.pairs import Floats, Points, mutual_pairs
from authcheck.vision.matching.score import Vector
from authcheck.vision.matching.subjects import Known, Submitted
from authcheck.vision.matching.votes import Ballot, Edit, Pose, count_votes, edited_places, weights_of

CANDIDATES = 24  # views that are verified
NEGATIVES = 4  # negative pictures of one owner that are
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


@dataclass(frozen=True, slots=True)
class Hint:
    """What the hashes say of a view: its score, and how it lies if it covers the whole picture (`whole`)."""

    key: int
    score: float
    angle_deg: float
    mirrored: bool
    whole: bool


# Asked of the index of views and, by owner (None: everybody), those of negative pictures.
Question = Callable[[FeatureIndex, Mapping[str | None, FeatureIndex]], list[Pose]]


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
    nearest: Callable[[Question], list[Pose]],
    shelf: Shelf,
    hints: Sequence[Hint],
    enough: Callable[[Vector], bool],
) -> Examined:
    """All stages for one picture.

    `nearest` runs a question on the indexes; `hints` are what hashes found, best first. Where no design satisfies
    `enough`, the picture is looked at once more with light and dark swapped.
    """
    asking = _Asking(submitted, nearest, shelf)
    proposed = _with_hints(asking.likely(PLAIN, None)[:CANDIDATES], hints)
    known = shelf.views([key for key, _ in proposed])
    explained = asking.explained(PLAIN, None, known)
    verified = _verified(submitted, proposed, known, explained)
    assumed = _assumed(submitted, hints[:ASSUMED], known, explained)
    scores = {hint.key: hint.score for hint in hints}
    found = _examined(submitted, verified, assumed, scores)
    if any(map(enough, found.numbers)):
        return found
    proposed = _with_hints(asking.likely(INVERTED, INVERTED_POINTS)[:INVERTED_CANDIDATES], ())
    known = shelf.views([key for key, _ in proposed])
    explained = explained.and_by(asking.explained(INVERTED, INVERTED_POINTS, known))
    swapped = _verified(submitted, proposed, known, explained)
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


@dataclass(frozen=True, slots=True)
class _Asking:
    """What one picture asks of the indexes."""

    submitted: Submitted
    nearest: Callable[[Question], list[Pose]]
    shelf: Shelf

    def likely(self, edits: Sequence[Edit], most_grey: int | None) -> list[Pose]:
        """How views may lie in the picture, the likeliest first."""
        return self.nearest(lambda views, _: propose(views, self.submitted, edits, most_grey))

    def explained(
        self, edits: Sequence[Edit], most_grey: int | None, known: Mapping[int, Known]
    ) -> Explained:
        """What negative pictures explain of the picture, as far as it matters to these views.

        Each owner's are searched apart: in one index, whoever adds many could keep those of others from being seen.
        """
        owners = {None, *(view.owner for view in known.values())}

        def likely(_: FeatureIndex, negatives: Mapping[str | None, FeatureIndex]) -> list[Pose]:
            asked = [index for owner, index in negatives.items() if owner in owners]
            found = [propose(index, self.submitted, edits, most_grey)[:NEGATIVES] for index in asked]
            return [pose for poses in found for pose in poses]

        poses = self.nearest(likely)
        backdrops = self.shelf.backdrops([pose.key for pose in poses]) if poses else {}
        return explain(self.submitted, poses, backdrops)


def propose(
    index: FeatureIndex, submitted: Submitted, edits: Sequence[Edit], most_grey: int | None
) -> list[Pose]:
    """Every entry that got votes, the likeliest first; `most_grey` lets only so many of the grey points ask."""
    if not len(index):
        return []
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


def _with_hints(poses: Sequence[Pose], hints: Sequence[Hint]) -> list[tuple[int, Edit]]:
    """The views that votes propose, then those that only hashes do."""
    keys = {pose.key for pose in poses}
    proposed = [(pose.key, pose.edit) for pose in poses]
    return [*proposed, *((hint.key, Edit(hint.mirrored)) for hint in hints if hint.key not in keys)]


def _verified(
    submitted: Submitted,
    proposed: Sequence[tuple[int, Edit]],
    known: Mapping[int, Known],
    explained: Explained,
) -> list[Verified]:
    """The proposed views whose points agree."""
    verified = []
    for key, edit in proposed:
        if (view := known.get(key)) is None:
            continue
        away = _by_negatives(submitted, explained, view)
        found = verify(submitted, view.features, edit, away)
        verified += [Verified(view, edit, found, away)] if found else []
    return verified


def _assumed(
    submitted: Submitted, hints: Sequence[Hint], known: Mapping[int, Known], explained: Explained
) -> list[Verified]:
    """The views that hashes are sure enough cover the whole picture."""
    return [
        assume(
            submitted,
            known[hint.key],
            angle_deg=hint.angle_deg,
            mirrored=hint.mirrored,
            explained=_by_negatives(submitted, explained, known[hint.key]),
        )
        for hint in hints
        if hint.whole
        and hint.score >= LEAST_ASSUMED
        and hint.key in known
        and len(known[hint.key].features) >= FEWEST_POINTS
    ]


def _by_negatives(submitted: Submitted, explained: Explained, view: Known) -> Floats | None:
    return explained.for_owner(view.owner, len(submitted.features)) if explained.points else None


def verify(
    submitted: Submitted, features: Features, edit: Edit, explained: Floats | None = None
) -> Fit | None:
    """The map that the points of one entry agree on; points of the picture that negatives explain have no say."""
    picture, design = submitted.points(edit), Points.of(features)
    pairs = mutual_pairs(picture, design)
    if explained is not None:
        pairs = pairs.where(explained[pairs.seen] == 0)
    return fit(picture.places, design.places, pairs)
