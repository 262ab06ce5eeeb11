"""What a distance is worth: the probability that the design found is the one in the picture.

One logistic curve over one number, the joint distance of the two families between the same window and orientation of
the picture and the same window of the design.
"""

import math

import numpy as np

from authcheck.vision.fingerprints.blocks import Bits
from authcheck.vision.fingerprints.index import CODE_BITS

# From here on a bit of phash counts half: far away it says that the pictures differ, or that they are mirror-symmetric,
# where half of its bits are noise (63-96 bits after a plain re-save). dhash has to decide then.
PHASH_FULL_BITS = 60
JOINT_MOST_BITS = (CODE_BITS + PHASH_FULL_BITS) // 2 + CODE_BITS

# MODEL names the fit: a new one with every change of the figures below. `python tests/bench/fit_score.py`, November
# 2026: half of match-data (queries of designs with even numbers, every second negative, and these designs among each
# other as sister designs at a tenth of the weight), 599 designs in the registry. 0.9 is reached at 88 bits, 0.5 at 113.
MODEL = "joint-1"
BIAS = 10.00
PER_BIT = 0.0882

# Up to here, a score of 0.36, a search promises to miss nothing: no policy may set `lookalike` below it.
REACH_BITS = 120

SCORES = tuple(1.0 / (1.0 + math.exp(PER_BIT * bits - BIAS)) for bits in range(JOINT_MOST_BITS + 1))


def joint_bits(phash_bits: Bits, dhash_bits: Bits) -> Bits:
    """The joint distance in bits, 0-414, of distances by family (0-256), elementwise."""
    return np.minimum(phash_bits, (phash_bits + PHASH_FULL_BITS) // 2) + dhash_bits


def score_of(joint: int) -> float:
    """The score in [0, 1] of a joint distance in bits: falls strictly, means the same for every picture."""
    return SCORES[joint]
