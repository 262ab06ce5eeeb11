"""The score of the evidence for one design: the probability that this design is in the picture.

One logistic model over the numbers below, in `score-NAME.json`. `tests/bench/fit_local_score.py` makes the
file, with the date, a hash of the data and the figures that the model reached on data that it was not fitted
on.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# The model's input, in the order of its weights. Counts and votes are log(1 + number).
NUMBERS = (
    "votes",  # weight of the pairs that agree on an affine map
    "pairs",  # number of the pairs that agree
    "agreeing",  # share of the agreeing pairs among all mutual pairs
    "error",  # mean distance of the agreeing pairs from the map, in longer sides of the design
    "shear",  # logarithm of the ratio of the map's two scales
    "size",  # binary logarithm of the design's longer side in the picture, in longer sides of the picture
    "visible",  # points of the design that should be seen
    "confirmed",  # share of the visible points that are found
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
    "ahead_of_rival",  # votes compared with the best other design in the same place
    "ahead_of_noise",  # votes compared with a design far down the list: votes by chance in this picture
    "rival_confirmed",  # confirmed points of such a rival compared with those of this design
    "hash",  # score by the hashes, 0 to 1
)
AHEAD_MOST = 2.5
RIVAL_MOST = 3.0
# Standard deviations at which a number is cut off. The model is a straight line fitted on usual designs.
# It must not turn a design with eight points into a match.
MOST_UNUSUAL = 3.0
FOLDER = Path(__file__).parent

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Model:
    """A logistic regression over standardised numbers. Each array has one entry per number."""

    name: str
    centres: Vector
    scales: Vector
    weights: Vector
    bias: float

    def score(self, numbers: Sequence[float] | Vector) -> float:
        """Return the probability in [0, 1]."""
        standardised = np.clip(
            (np.asarray(numbers) - self.centres) / self.scales, -MOST_UNUSUAL, MOST_UNUSUAL
        )
        log_odds = float(standardised @ self.weights) + self.bias
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, log_odds))))


@cache
def load_model(name: str) -> Model:
    """Read the model with this name.

    Raises ValueError when the model is for other numbers, OSError when there is no such model.
    """
    data = json.loads((FOLDER / f"score-{name}.json").read_text())
    if tuple(data["numbers"]) != NUMBERS:
        raise ValueError(f"the model {name} is for other numbers")
    centres, scales, weights = (np.array(data[field]) for field in ("centres", "scales", "weights"))
    return Model(name, centres, scales, weights, float(data["bias"]))
