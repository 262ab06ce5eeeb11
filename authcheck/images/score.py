"""What a distance is worth: the probability that the design found is the one in the picture.

One logistic curve over one number, the joint distance: the sum of the distances of both families between the same
window and orientation of the picture and the same window of the design. Fitted by `tests/bench/fit_score.py`.
"""

import math

from authcheck.images.index import CODE_BITS

MODEL = "joint-1"  # the name of the fit: a new one with every change of the two figures below
JOINT_BITS = 2 * CODE_BITS

# `python tests/bench/fit_score.py`, November 2026: the 597 queries of match-data whose design has an even number, with
# every second negative; 600 designs in the registry. 0.9 is reached at 103 bits, 0.5 at 131.
BIAS = 10.15
PER_BIT = 0.0770

# Up to here a search promises to miss nothing; farther away a design is less likely than one in ten.
REACH_BITS = 160

SCORES = tuple(1.0 / (1.0 + math.exp(PER_BIT * bits - BIAS)) for bits in range(JOINT_BITS + 1))


def score_of(joint_bits: int) -> float:
    """The score in [0, 1] of a joint distance, 0-512 bits: falls strictly, means the same for every picture."""
    return SCORES[joint_bits]
