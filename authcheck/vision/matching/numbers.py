"""Evidence in numbers: what `score.Model` looks at."""

from collections.abc import Mapping, Sequence

import numpy as np

from authcheck.vision.matching.alignment import in_one_place
from authcheck.vision.matching.geometry import TOLERANCE
from authcheck.vision.matching.looks import Look, Verified
from authcheck.vision.matching.score import AHEAD_MOST, NUMBERS, RIVAL_MOST, Vector

NOISE_RANK = 4  # the design of this rank by votes is taken for chance
LEAST_NOISE = 0.3
NO_RIVAL = 0.5


def numbers_of(
    looks: Sequence[Look], verified: Sequence[Verified], nearness: Mapping[int, float]
) -> list[Vector]:
    """The numbers of each look, in the order of `score.NUMBERS`.

    `verified` are all views of this picture that points agreed on, `nearness` the scores by the hashes, by key.
    """
    return [_numbers(look, looks, verified, nearness.get(look.verified.known.key, 0.0)) for look in looks]


def _numbers(look: Look, looks: Sequence[Look], verified: Sequence[Verified], nearness: float) -> Vector:
    one, found, pixels = look.verified, look.confirmation, look.pixels
    scales = np.linalg.svd(one.fit.affine[:, :2], compute_uv=False)
    pairs, confirmed = len(one.fit.pairs), len(found.pairs)
    votes = np.log1p(one.fit.votes)
    rivals = [
        other
        for other in looks
        if other.verified.known.design != one.known.design and in_one_place(look.alignment, other.alignment)
    ]
    rival_votes = max((other.verified.fit.votes for other in rivals), default=NO_RIVAL)
    rival_confirmed = max((len(other.confirmation.pairs) for other in rivals), default=0)
    numbers = {
        "votes": votes,
        "pairs": np.log1p(pairs),
        "agreeing": pairs / max(one.fit.tried, 1),
        "error": float(one.fit.errors.mean()) if pairs else TOLERANCE,
        "shear": np.log(scales[0] / max(scales[1], 1e-6)),
        "size": np.log2(max(float(np.sqrt(scales[0] * scales[1])), 1e-3)),
        "visible": np.log1p(found.visible),
        "confirmed": found.confirmed,
        "confirmed_count": np.log1p(confirmed),
        "likeness": found.likeness,
        "spread": found.spread,
        "channels": found.channels,
        "seen": pixels.seen,
        "grey": pixels.grey,
        "gradient": pixels.gradient,
        "colour": pixels.colour,
        "blocks": pixels.blocks,
        "design_points": np.log1p(len(one.known.features)),
        "ahead_of_rival": min(votes - np.log1p(rival_votes), AHEAD_MOST),
        "ahead_of_noise": votes - np.log1p(_chance(one, verified)),
        "rival_confirmed": min(rival_confirmed / max(confirmed, 1), RIVAL_MOST),
        "hash": nearness,
    }
    return np.array([numbers[name] for name in NUMBERS], np.float64)


def _chance(one: Verified, verified: Sequence[Verified]) -> float:
    """The votes that a design gets in this picture by chance: those of one far down the list."""
    others = sorted((x.fit.votes for x in verified if x.known.design != one.known.design), reverse=True)
    return others[NOISE_RANK - 1] if len(others) >= NOISE_RANK else LEAST_NOISE
