"""The evidence for a view as numbers, the input of `score.Model`."""

from collections.abc import Mapping, Sequence

import numpy as np

from authcheck.vision.matching.alignment import in_one_place
from authcheck.vision.matching.geometry import TOLERANCE
from authcheck.vision.matching.looks import Look, Verified
from authcheck.vision.matching.score import AHEAD_MOST, NUMBERS, RIVAL_MOST, Vector

NOISE_RANK = 4  # the votes of the other design with this rank count as chance
LEAST_NOISE = 0.3
NO_RIVAL = 0.5


def numbers_of(
    looks: Sequence[Look], verified: Sequence[Verified], nearness: Mapping[int, float]
) -> list[Vector]:
    """Return the numbers of each look, in the order of `score.NUMBERS`.

    `verified` are all views of this picture whose points agree. `nearness` are the scores by the hashes, by
    key.
    """
    return [
        _compute_numbers(look, looks, verified, nearness.get(look.verified.known.key, 0.0)) for look in looks
    ]


def numbers_among_earlier(
    looks: Sequence[Look], verified: Sequence[Verified], nearness: Mapping[int, float]
) -> list[Vector | None]:
    """Return the numbers of each look as if later views of other owners were no rivals.

    None where there is no such rival.
    """
    numbers: list[Vector | None] = []
    for look in looks:
        known = look.verified.known
        others = [rival for rival in looks if not known.precedes(rival.verified.known)]
        is_same = len(others) == len(looks)
        near = nearness.get(known.key, 0.0)
        numbers.append(None if is_same else _compute_numbers(look, others, verified, near))
    return numbers


def _compute_numbers(
    look: Look, looks: Sequence[Look], verified: Sequence[Verified], nearness: float
) -> Vector:
    view, confirmation, pixels = look.verified, look.confirmation, look.pixels
    scales = np.linalg.svd(view.fit.affine[:, :2], compute_uv=False)
    pairs, confirmed = len(view.fit.pairs), len(confirmation.pairs)
    votes = np.log1p(view.fit.votes)
    rivals = [
        rival
        for rival in looks
        if rival.verified.known.design != view.known.design and in_one_place(look.alignment, rival.alignment)
    ]
    rival_votes = max((rival.verified.fit.votes for rival in rivals), default=NO_RIVAL)
    rival_confirmed = max((len(rival.confirmation.pairs) for rival in rivals), default=0)
    numbers = {
        "votes": votes,
        "pairs": np.log1p(pairs),
        "agreeing": pairs / max(view.fit.tried, 1),
        "error": float(view.fit.errors.mean()) if pairs else TOLERANCE,
        "shear": np.log(scales[0] / max(scales[1], 1e-6)),
        "size": np.log2(max(float(np.sqrt(scales[0] * scales[1])), 1e-3)),
        "visible": np.log1p(confirmation.visible),
        "confirmed": confirmation.confirmed,
        "confirmed_count": np.log1p(confirmed),
        "likeness": confirmation.likeness,
        "spread": confirmation.spread,
        "channels": confirmation.channels,
        "seen": pixels.seen,
        "grey": pixels.grey,
        "gradient": pixels.gradient,
        "colour": pixels.colour,
        "blocks": pixels.blocks,
        "design_points": np.log1p(len(view.known.features)),
        "ahead_of_rival": min(votes - np.log1p(rival_votes), AHEAD_MOST),
        "ahead_of_noise": votes - np.log1p(_estimate_chance(view, verified)),
        "rival_confirmed": min(rival_confirmed / max(confirmed, 1), RIVAL_MOST),
        "hash": nearness,
    }
    return np.array([numbers[name] for name in NUMBERS], np.float64)


def _estimate_chance(view: Verified, verified: Sequence[Verified]) -> float:
    """Return the votes that a design gets in this picture by chance: those of a design far down the list."""
    others = [other.fit.votes for other in verified if other.known.design != view.known.design]
    return sorted(others, reverse=True)[NOISE_RANK - 1] if len(others) >= NOISE_RANK else LEAST_NOISE
