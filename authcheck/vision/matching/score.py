"""What the evidence for one design is worth: the probability that this design is in the picture.

One logistic model over the numbers below, in `score-NAME.json`: made by `tests/bench/fit_local_score.py`, with the date, a
hash of the data and the figures it reached on data that it was not fitted on.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# What the model looks at, in the order of its weights. Counts and votes are logarithms of one more than the number.
NUMBERS = (
    "votes",  # weight of the pairs that agree on an affine map
    "pairs",  # their number
    "agreeing",  # share of all mutual pairs
    "error",  # their mean distance from where the map puts them, in longer sides of the design
    "shear",  # logarithm of the ratio of the map's two scales
    "size",  # binary logarithm of the design's longer side in the picture, in longer sides of the picture
    "visible",  # points of the design that should be seen
    "confirmed",  # share of them that is
    "confirmed_count",
    "likeness",
    "spread",
    "channels",
    "seen",
    "grey",
    "gradient",
    "colour",
    "blocks",
    "design_points",
    "ahead_of_rival",  # votes against the best other design that lies in the same place
    "ahead_of_noise",  # votes against the designs further down: what chance gives in this picture
    "rival_confirmed",  # confirmed points of such a rival against those of this one
    "hash",  # nearness by the hashes, 0 to 1
)
AHEAD_MOST = 2.5
RIVAL_MOST = 3.0
# Standard deviations beyond which a number says no more: a straight line fitted on usual designs must not make a match of
# one with eight points.
MOST_UNUSUAL = 3.0
FOLDER = Path(__file__).parent

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Model:
    """A logistic regression over standardised numbers; each array has one entry a number."""

    name: str
    centres: Vector
    scales: Vector
    weights: Vector
    bias: float

    def score(self, numbers: Sequence[float] | Vector) -> float:
        """The probability in [0, 1]."""
        usual = np.clip((np.asarray(numbers) - self.centres) / self.scales, -MOST_UNUSUAL, MOST_UNUSUAL)
        sure = float(usual @ self.weights) + self.bias
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, sure))))


@cache
def load_model(name: str) -> Model:
    """Read the model of that name. Raises ValueError where it is for other numbers, OSError where there is none."""
    data = json.loads((FOLDER / f"score-{name}.json").read_text())
    if tuple(data["numbers"]) != NUMBERS:
        raise ValueError(f"the model {name} is for other numbers")
    centres, scales, weights = (np.array(data[field]) for field in ("centres", "scales", "weights"))
    return Model(name, centres, scales, weights, float(data["bias"]))
