"""Boosted decision trees, as arrays: what a score needs of them, without the library that fits them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Trees:
    """Trees whose values add up to log-odds. Arrays are `(trees, nodes)`, and a tree begins at its node 0.

    At a node, a row whose number `number` is at most `threshold` goes to the node `left`, else to the node
    `right`. A leaf leads to itself, and its `value` counts.
    """

    start: float
    number: NDArray[np.intp]
    threshold: NDArray[np.float64]
    left: NDArray[np.intp]
    right: NDArray[np.intp]
    value: NDArray[np.float64]

    def log_odds(self, row: NDArray[np.float64]) -> float:
        """Return the log-odds of a row of numbers."""
        trees = np.arange(len(self.number))
        at = np.zeros(len(trees), np.intp)
        while True:
            low = row[self.number[trees, at]] <= self.threshold[trees, at]
            following = np.where(low, self.left[trees, at], self.right[trees, at])
            if np.array_equal(following, at):
                return self.start + float(self.value[trees, at].sum())
            at = following

    def to_json(self) -> dict[str, Any]:
        """Return plain lists: by tree, its nodes as [number, threshold, left, right, value]."""
        columns = (self.number, self.threshold, self.left, self.right, self.value)
        nodes = [
            [[column[tree, node].item() for column in columns] for node in range(self.number.shape[1])]
            for tree in range(len(self.number))
        ]
        return {"start": self.start, "nodes": nodes}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read the result of `to_json`."""
        nodes = np.array(data["nodes"], np.float64)
        number, threshold, left, right, value = (nodes[..., column] for column in range(5))
        return cls(
            float(data["start"]),
            number.astype(np.intp),
            threshold,
            left.astype(np.intp),
            right.astype(np.intp),
            value,
        )
