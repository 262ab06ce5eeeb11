"""The local stages in their order: votes propose views, geometry verifies them, pixels compare the best.

Each stage is a module of its own with pure functions on arrays. This module passes their results on. Stored
views come through a Shelf, so this module does not depend on a database.
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
from authcheck.vision.matching.numbers import numbers_among_earlier, numbers_of
from authcheck.vision.matching.pairs import Floats, Points, mutual_pairs, nearest_pairs, repeats_itself
from authcheck.vision.matching.score import Vector
from authcheck.vision.matching.subjects import Known, Submitted
from authcheck.vision.matching.votes import Ballot, Edit, Pose, count_votes, edited_places, weights_of

CANDIDATES = 24  # most views that are verified
NEGATIVES = 4  # most negative pictures of one owner that are verified
REPEATED_CANDIDATES = 6  # likeliest views that are verified as the motif of an all-over print, too
REPEATED_PAIRS = 300
NEIGHBOURS = 10  # nearest neighbours of each point that vote
# A design with fewer points than this gets no advantage in the votes, and is not assumed from hashes alone.
FEWEST_POINTS = 8
# Votes are divided by this power of a design's number of points: more points get more votes by chance.
POINTS_POWER = 0.4
ASSUMED = 2  # most views that get a closer look at the place that the hashes give
LEAST_ASSUMED = 0.3  # least score by the hashes for such a view
PLAIN = (Edit(), Edit(mirrored=True))
INVERTED = (Edit(inverted=True), Edit(mirrored=True, inverted=True))
INVERTED_CANDIDATES = 4
# The strongest grey points. Swapped light and dark are searched last, and seldom, so fewer points ask.
INVERTED_POINTS = 500


@dataclass(frozen=True, slots=True)
class Hint:
    """The hashes' answer about a view: its score and its placement in the picture.

    `angle_deg` and `mirrored` hold if the design covers the whole picture (`whole`).
    """

    key: int
    score: float
    angle_deg: float
    mirrored: bool
    whole: bool


# A function of the index of views and, by owner (None: everybody), the indexes of negative pictures.
Question = Callable[[FeatureIndex, Mapping[str | None, FeatureIndex]], list[Pose]]


class Shelf(Protocol):
    """The source of stored views and negatives.

    Leaves out keys that are not stored (any more), and views that the comparison must not use.
    """

    def views(self, keys: Sequence[int]) -> Mapping[int, Known]:
        """Return registered views by key."""

    def backdrops(self, keys: Sequence[int]) -> Mapping[int, Backdrop]:
        """Return negative pictures by key."""


@dataclass(frozen=True, slots=True)
class Examined:
    """The views that got a closer look and, for each look, the numbers that its score is computed from.

    `among_earlier` has the numbers without the rivals that are later views of other owners, None where they
    are the same numbers.
    """

    looks: Sequence[Look]
    numbers: Sequence[Vector]
    among_earlier: Sequence[Vector | None]


def examine(
    submitted: Submitted,
    nearest: Callable[[Question], list[Pose]],
    shelf: Shelf,
    hints: Sequence[Hint],
    enough: Callable[[Vector], bool],
) -> Examined:
    """Run all stages for one picture.

    `nearest` runs a question on the indexes. `hints` are the views that hashes found, best first. When no
    design satisfies `enough`, the picture is examined once more with light and dark swapped.
    """
    questions = _Questions(submitted, nearest, shelf)
    proposed, views = _take_likeliest(shelf, questions.find_likely(PLAIN, None), CANDIDATES, hints)
    explained = questions.find_explained(PLAIN, None, views)
    is_repeating = repeats_itself(submitted.points(Edit()))
    verified = _verify_views(submitted, proposed, views, explained, is_repeating=is_repeating)
    assumed = _assume_views(submitted, hints[:ASSUMED], views, explained)
    scores = {hint.key: hint.score for hint in hints}
    examined = _score_looks(submitted, verified, assumed, scores)
    if any(map(enough, examined.numbers)):
        return examined
    inverted_poses = questions.find_likely(INVERTED, INVERTED_POINTS)
    proposed, views = _take_likeliest(shelf, inverted_poses, INVERTED_CANDIDATES, ())
    explained = explained.and_by(questions.find_explained(INVERTED, INVERTED_POINTS, views))
    swapped = _verify_views(submitted, proposed, views, explained, is_repeating=is_repeating)
    most_votes = max((view.fit.votes for view in verified), default=0.0)
    if any(view.fit.votes > most_votes for view in swapped):
        by_votes = sorted((*verified, *swapped), key=lambda view: view.fit.votes)
        by_key = {view.known.key: view for view in by_votes}
        examined = _score_looks(submitted, list(by_key.values()), assumed, scores)
    return examined


def _score_looks(
    submitted: Submitted,
    verified: Sequence[Verified],
    assumed: Sequence[Verified],
    scores: Mapping[int, float],
) -> Examined:
    """Look closer at the views and compute each look's numbers. `scores` are those of the hashes, by key."""
    looks = look_closer(submitted, verified, assumed)
    return Examined(
        looks, numbers_of(looks, verified, scores), numbers_among_earlier(looks, verified, scores)
    )


@dataclass(frozen=True, slots=True)
class _Questions:
    """The questions of one picture to the indexes."""

    submitted: Submitted
    nearest: Callable[[Question], list[Pose]]
    shelf: Shelf

    def find_likely(self, edits: Sequence[Edit], most_grey: int | None) -> list[Pose]:
        """Return how views may be placed in the picture, the likeliest first."""
        return self.nearest(lambda views, _: propose(views, self.submitted, edits, most_grey))

    def find_explained(
        self, edits: Sequence[Edit], most_grey: int | None, views: Mapping[int, Known]
    ) -> Explained:
        """Return the points of the picture that negatives explain, as far as they matter to these views.

        Searches each owner's negatives separately. In a shared index, an owner who adds many negatives could
        keep the negatives of other owners from being found.
        """
        owners = {None, *(view.owner for view in views.values())}

        def likely_negatives(_: FeatureIndex, negatives: Mapping[str | None, FeatureIndex]) -> list[Pose]:
            indexes = [index for owner, index in negatives.items() if owner in owners]
            proposed = [propose(index, self.submitted, edits, most_grey)[:NEGATIVES] for index in indexes]
            return [pose for poses in proposed for pose in poses]

        poses = self.nearest(likely_negatives)
        backdrops = self.shelf.backdrops([pose.key for pose in poses]) if poses else {}
        return explain(self.submitted, poses, backdrops)


def propose(
    index: FeatureIndex, submitted: Submitted, edits: Sequence[Edit], most_grey: int | None
) -> list[Pose]:
    """Return the pose of every entry that got votes, the likeliest first.

    With `most_grey` only that many of the grey points ask, the strongest ones.
    """
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


def _take_likeliest(
    shelf: Shelf, poses: Sequence[Pose], count: int, hints: Sequence[Hint]
) -> tuple[list[tuple[int, Edit]], dict[int, Known]]:
    """Return `count` views that votes propose, then the views that only hashes propose, and their data."""
    views: dict[int, Known] = {}
    voted: list[tuple[int, Edit]] = []
    for first in range(0, len(poses), count):
        page = poses[first : first + count]
        views.update(shelf.views([pose.key for pose in page]))
        voted += [(pose.key, pose.edit) for pose in page if pose.key in views]
        if len(voted) >= count:
            break
    voted = voted[:count]
    voted_keys = {key for key, _ in voted}
    hinted = [(hint.key, Edit(hint.mirrored)) for hint in hints if hint.key not in voted_keys]
    if unread := [key for key, _ in hinted if key not in views]:
        views.update(shelf.views(unread))
    return [*voted, *hinted], views


def _verify_views(
    submitted: Submitted,
    proposed: Sequence[tuple[int, Edit]],
    views: Mapping[int, Known],
    explained: Explained,
    *,
    is_repeating: bool,
) -> list[Verified]:
    """Return the proposed views whose points agree. `is_repeating` says that the picture repeats itself."""
    verified = []
    for rank, (key, edit) in enumerate(proposed):
        if (view := views.get(key)) is None:
            continue
        explained_points = _rate_explained(submitted, explained, view)
        is_motif = is_repeating and rank < REPEATED_CANDIDATES
        placed = verify(submitted, view.features, edit, explained_points, is_motif=is_motif)
        verified += [Verified(view, edit, placed, explained_points)] if placed else []
    return verified


def _assume_views(
    submitted: Submitted, hints: Sequence[Hint], views: Mapping[int, Known], explained: Explained
) -> list[Verified]:
    """Return the views that, by the hashes, cover the whole picture with a sufficient score."""
    return [
        assume(
            submitted,
            views[hint.key],
            angle_deg=hint.angle_deg,
            mirrored=hint.mirrored,
            explained=_rate_explained(submitted, explained, views[hint.key]),
        )
        for hint in hints
        if hint.whole
        and hint.score >= LEAST_ASSUMED
        and hint.key in views
        and len(views[hint.key].features) >= FEWEST_POINTS
    ]


def _rate_explained(submitted: Submitted, explained: Explained, view: Known) -> Floats | None:
    """Return how well negatives explain each point of the picture for this view's owner, or None."""
    return explained.for_owner(view.owner, len(submitted.features)) if explained.points else None


def verify(
    submitted: Submitted,
    features: Features,
    edit: Edit,
    explained: Floats | None = None,
    *,
    is_motif: bool = False,
) -> Fit | None:
    """Return the map on which the points of a view agree, or None.

    Points of the picture that negatives explain do not vote. `is_motif` says that the view may be the motif
    of an all-over print. The map is then that of the clearest copy, if more points agree on it.
    """
    picture, design = submitted.points(edit), Points.of(features)
    proposed = [mutual_pairs(picture, design)]
    if is_motif:
        proposed.append(nearest_pairs(picture, design, REPEATED_PAIRS))
    placed = []
    for pairs in proposed:
        free = pairs if explained is None else pairs.where(explained[pairs.seen] == 0)
        placed.append(fit(picture.places, design.places, free))
    return max((found for found in placed if found is not None), key=lambda found: found.votes, default=None)
