"""Fit the curve of authcheck/images/score.py on half of the designs of match-data and judge it on the other half.

    python tests/bench/fit_score.py

Reads the folder AUTHCHECK_MATCH_DATA, or shared/match-data beside the repository. Every query is searched among all
designs; each query's best design is one observation (its joint distance, right or wrong). Designs with even numbers,
and every second negative picture, are what the curve is fitted on.
"""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from authcheck.errors import ImageRejected
from authcheck.images import fingerprint
from authcheck.images.decode import open_picture
from authcheck.images.fingerprint import Fingerprint
from authcheck.images.gallery import Gallery, Hit
from authcheck.images.score import JOINT_BITS

HERE = Path(__file__).resolve()
DATA = Path(os.environ.get("AUTHCHECK_MATCH_DATA", HERE.parents[3] / "shared" / "match-data"))


@dataclass(frozen=True, slots=True)
class Query:
    """A row of truth.csv; `design_id` is empty for a negative."""

    name: str
    design_id: str
    track: str
    kind: str


def read_queries() -> list[Query]:
    """All rows of truth.csv."""
    with (DATA / "truth.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [Query(r["query"], r["design_id"], r["track"], r["transformation"]) for r in rows]


def designs() -> list[Path]:
    """The registered pictures, by id."""
    return sorted((DATA / "designs").iterdir())


def fingerprint_of(path: Path) -> Fingerprint | None:
    """The fingerprint of a file, by the product's own path; None where it is refused."""
    try:
        return fingerprint.of(open_picture(path.read_bytes()))
    except ImageRejected as error:
        print(f"{path.name}: {error.code}")
        return None


def fill() -> tuple[Gallery, list[str]]:
    """A gallery of all designs, and the id of each view."""
    known = {path.stem: made for path in designs() if (made := fingerprint_of(path))}
    gallery = Gallery()
    gallery.add(range(len(known)), [made.reference().to_bytes() for made in known.values()])
    return gallery, list(known)


def search(gallery: Gallery, queries: Sequence[Query], count: int = 5) -> list[list[Hit]]:
    """The best hits of each query; none where the picture is refused."""
    found = [fingerprint_of(DATA / query.name) for query in queries]
    return [gallery.search(made, count) if made else [] for made in found]


def joint_bits(hit: Hit) -> int:
    """The joint distance of a hit."""
    return sum(hit.distances_bits.values())


def outcomes(
    queries: Sequence[Query], hits: Sequence[list[Hit]], ids: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Of each query's best hit: joint distance, whether it is right, and whether it counts (ignore.csv, no hit)."""
    with (DATA / "ignore.csv").open(newline="") as file:
        ignored = {(row["query"], row["design_id"]) for row in csv.DictReader(file)}
    best = [ids[found[0].view_id] if found else "" for found in hits]
    joint = np.array([joint_bits(found[0]) if found else JOINT_BITS for found in hits])
    right = np.array([q.design_id == found != "" for q, found in zip(queries, best, strict=True)])
    counts = np.array([(q.name, found) not in ignored for q, found in zip(queries, best, strict=True)])
    return joint, right, counts


def halves(queries: Sequence[Query]) -> NDArray[np.bool_]:
    """Which queries the curve is fitted on: those of designs with even numbers, and every second negative."""
    return folds(queries, 2) == 0


def folds(queries: Sequence[Query], count: int) -> NDArray[np.int64]:
    """The fold of each query: that of its design, by number; negatives by place."""
    numbers = [int(q.design_id[1:]) if q.design_id else place for place, q in enumerate(queries)]
    return np.array(numbers) % count


def fit(joint: NDArray[np.int64], right: NDArray[np.bool_]) -> tuple[float, float]:
    """BIAS and PER_BIT of the logistic curve."""
    model = LogisticRegression(C=100.0).fit(joint[:, None] / 100, right)
    return float(model.intercept_[0]), -float(model.coef_[0, 0]) / 100


def main() -> None:
    """Print the constants, and how well they are calibrated on either half."""
    queries = read_queries()
    gallery, ids = fill()
    hits = search(gallery, queries, 1)
    joint, right, kept = outcomes(queries, hits, ids)
    fitted_on = halves(queries)
    bias, per_bit = fit(joint[fitted_on & kept], right[fitted_on & kept])
    print(f"BIAS = {bias:.2f}\nPER_BIT = {per_bit:.4f}")
    score = 1 / (1 + np.exp(per_bit * joint - bias))
    for name, part in (("fitted on", fitted_on & kept), ("held out", ~fitted_on & kept)):
        print(f"{name}: {part.sum()} queries, {right[part].sum()} right; score -> share right (queries)")
        for low, high in ((0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1.01)):
            band = part & (score >= low) & (score < high)
            print(
                f"  {low:.1f}-{min(high, 1):.1f}  {right[band].mean() if band.any() else 0:.3f} ({band.sum()})"
            )


if __name__ == "__main__":
    main()
