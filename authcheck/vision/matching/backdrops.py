"""What negative pictures explain of a submitted one: points that are evidence for no design they count for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from authcheck.vision.features.features import Features
from authcheck.vision.matching.confirm import confirm
from authcheck.vision.matching.geometry import fit
from authcheck.vision.matching.pairs import Floats, Indexes, Points, mutual_pairs
from authcheck.vision.matching.subjects import Submitted
from authcheck.vision.matching.votes import Pose

LEAST_PAIRS = 6  # from so many agreeing points on a negative picture is there


@dataclass(frozen=True, slots=True)
class Backdrop:
    """A negative picture; `owner` is the id of the one whose designs it counts for, None for all."""

    features: Features
    owner: str | None


@dataclass(frozen=True, slots=True)
class Explained:
    """By owner (None: everybody) rows of the picture's points that negatives explain, and how well: in (0, 1]."""

    points: Sequence[tuple[str | None, Indexes, Floats]] = ()

    def for_owner(self, owner: str, count: int) -> Floats:
        """How well each of the picture's `count` points is explained by negatives that count for this owner; 0: not."""
        best = np.zeros(count, np.float32)
        for of, rows, closeness in self.points:
            if of in {None, owner}:
                np.maximum.at(best, rows, closeness)
        return best

    def and_by(self, other: "Explained") -> "Explained":
        """What either explains."""
        return Explained((*self.points, *other.points))


def explain(submitted: Submitted, poses: Sequence[Pose], backdrops: Mapping[int, Backdrop]) -> Explained:
    """Find negative pictures in a picture. `poses` say how each may lie."""
    points: list[tuple[str | None, Indexes, Floats]] = []
    for pose in poses:
        if (backdrop := backdrops.get(pose.key)) is None:
            continue
        picture, known = submitted.points(pose.edit), Points.of(backdrop.features)
        found = fit(picture.places, known.places, mutual_pairs(picture, known))
        if found is not None and len(found.pairs) >= LEAST_PAIRS:
            near = confirm(picture, known, found, extent=submitted.extent).pairs
            points.append((backdrop.owner, near.seen, near.weights))
            points.append((backdrop.owner, found.pairs.seen, np.ones(len(found.pairs), np.float32)))
    return Explained(points)
