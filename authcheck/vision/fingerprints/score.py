"""The score of a distance: the probability that the found design is the design in the picture.

One logistic curve over one number, the joint distance of the two families. Both distances are between the
same window and orientation of the picture and the same window of the design.
"""

import math

import numpy as np

from authcheck.vision.fingerprints.blocks import Bits
from authcheck.vision.fingerprints.index import CODE_BITS

# Beyond this distance a bit of phash counts half, and dhash must decide. A large phash distance means that
# the pictures differ, or that they are mirror-symmetric: then half of phash's bits are noise (63-96 bits
# after a plain re-save).
PHASH_FULL_BITS = 60
JOINT_MOST_BITS = (CODE_BITS + PHASH_FULL_BITS) // 2 + CODE_BITS

# MODEL names the fit: every change of the figures below needs a new name. Fitted by
# `python tests/bench/fit_score.py`, November 2026, on half of match-data: queries of designs with even
# numbers, every second negative, and these designs among each other as sister designs at a tenth of the
# weight. The registry had 599 designs. The score is 0.9 at 88 bits and 0.5 at 113 bits.
MODEL = "joint-1"
BIAS = 10.00
PER_BIT = 0.0882

# A search misses nothing up to this distance, a score of 0.36. No policy may set `lookalike` below it.
REACH_BITS = 120

SCORES = tuple(1.0 / (1.0 + math.exp(PER_BIT * bits - BIAS)) for bits in range(JOINT_MOST_BITS + 1))


def joint_bits(phash_bits: Bits, dhash_bits: Bits) -> Bits:
    """Return the joint distance in bits, 0-414, of distances by family (0-256), elementwise."""
    return np.minimum(phash_bits, (phash_bits + PHASH_FULL_BITS) // 2) + dhash_bits


def score_of(joint: int) -> float:
    """Return the score in [0, 1] of a joint distance in bits.

    The score falls strictly and has the same meaning for every picture.
    """
    return SCORES[joint]
