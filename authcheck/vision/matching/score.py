"""The score of the evidence for one design: the probability that this design is in the picture.

A model over the numbers below, in `score-NAME.json`: a logistic regression, or the mean of one and of
monotone trees (docs/adr/0031-a-score-that-trusts-geometry.md). `tests/bench/fit_local_score.py` makes the
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

from authcheck.vision.matching.trees import Trees

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
    """A logistic regression over standardised numbers. Each array has one entry per number.

    `squares` weighs the squares of the standardised numbers. With `trees`, the log-odds are the mean of those
    of the regression and of the trees. The regression falls smoothly on kinds of pictures that no fit has
    seen. The trees know which numbers matter together.
    """

    name: str
    centres: Vector
    scales: Vector
    weights: Vector
    bias: float
    squares: Vector | None = None
    trees: Trees | None = None

    def score(self, numbers: Sequence[float] | Vector) -> float:
        """Return the probability in [0, 1]."""
        row = np.asarray(numbers, np.float64)
        standardised = np.clip((row - self.centres) / self.scales, -MOST_UNUSUAL, MOST_UNUSUAL)
        log_odds = float(standardised @ self.weights) + self.bias
        if self.squares is not None:
            log_odds += float(standardised**2 @ self.squares)
        if self.trees is not None:
            log_odds = (log_odds + self.trees.log_odds(row)) / 2
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
    squares = np.array(data["squares"]) if "squares" in data else None
    trees = Trees.from_json(data["trees"]) if "trees" in data else None
    return Model(name, centres, scales, weights, float(data["bias"]), squares, trees)
