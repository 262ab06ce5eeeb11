"""Fit of the curve of authcheck/vision/fingerprints/score.py on half of the designs of match-data.

    python tests/bench/fit_score.py

The script judges the curve on the other half. It reads the folder AUTHCHECK_MATCH_DATA, or shared/match-data
beside the repository. Every query is searched among all designs. Each query's best design is one observation
(its joint distance, right or wrong). The curve is fitted on designs with even numbers, and on every second
negative picture.
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
from authcheck.vision.fingerprints import fingerprint, score
from authcheck.vision.fingerprints.fingerprint import FAMILIES, Fingerprint
from authcheck.vision.fingerprints.gallery import Gallery, Hit

SISTER_WEIGHT = 0.1  # sisters then weigh as much as half of the hard negatives
HERE = Path(__file__).resolve()
DATA = Path(os.environ.get("AUTHCHECK_MATCH_DATA", HERE.parents[3] / "shared" / "match-data"))
PHOTOS = Path(os.environ.get("AUTHCHECK_MATCH_PHOTOS", DATA.parent / "match-photos"))


@dataclass(frozen=True, slots=True)
class Query:
    """A row of truth.csv; `design_id` is empty for a negative."""

    name: str
    design_id: str
    track: str
    kind: str
    folder: Path = DATA

    @property
    def path(self) -> Path:
        """Return the path of the picture."""
        return self.folder / self.name


def read_queries() -> list[Query]:
    """Read all rows of truth.csv."""
    if not (DATA / "truth.csv").is_file():
        raise SystemExit("not measured: match-data is not here; name its folder in AUTHCHECK_MATCH_DATA")
    with (DATA / "truth.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [Query(r["query"], r["design_id"], r["track"], r["transformation"]) for r in rows]


def read_photos() -> list[Query]:
    """Read the queries of match-photos: phone photographs of registered products (track D)."""
    if not (PHOTOS / "truth.csv").is_file():
        raise SystemExit("not measured: match-photos is not here; name its folder in AUTHCHECK_MATCH_PHOTOS")
    with (PHOTOS / "truth.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [Query(r["query"], r["design_id"], r["track"], r["transformation"], PHOTOS) for r in rows]


def read_shown() -> set[str]:
    """Read the names of match-data's negatives that show products of match-photos."""
    with (PHOTOS / "shown-in-match-data.csv").open(newline="") as file:
        return {row["query"] for row in csv.DictReader(file)}


def half_of(query: Query) -> int:
    """Return 0 or 1, by the number of the query's design, or by the number of a negative."""
    return int((query.design_id or Path(query.name).stem)[1:]) % 2


def read_ignored() -> set[tuple[str, str]]:
    """Read the pairs of query and design that are neither right nor wrong."""
    with (DATA / "ignore.csv").open(newline="") as file:
        return {(row["query"], row["design_id"]) for row in csv.DictReader(file)}


def designs() -> list[Path]:
    """Return the registered pictures, by id."""
    return sorted((DATA / "designs").iterdir())


def fingerprint_of(path: Path) -> Fingerprint | None:
    """Return the product's fingerprint of a file, or None for a refused file."""
    try:
        return fingerprint.read(path.read_bytes())[1]
    except ImageRejected as error:
        print(f"{path.name}: {error.code}")
        return None


def fill() -> tuple[Gallery, dict[str, Fingerprint]]:
    """Return a gallery of all designs, and their fingerprints by id, in the order of their views."""
    known = {path.stem: made for path in designs() if (made := fingerprint_of(path))}
    gallery = Gallery()
    gallery.add(range(len(known)), [made.reference().to_bytes() for made in known.values()])
    return gallery, known


def search(gallery: Gallery, queries: Sequence[Query], count: int = 5) -> list[list[Hit]]:
    """Return the best hits of each query, or no hit for a refused picture."""
    found = [fingerprint_of(DATA / query.name) for query in queries]
    return [gallery.search(made, count) if made else [] for made in found]


def joint_of(hit: Hit) -> int:
    """Return the joint distance of a hit."""
    return int(
        score.joint_bits(*(np.array([hit.distances_bits[family]], np.int32) for family in FAMILIES))[0]
    )


def outcomes(
    queries: Sequence[Query], hits: Sequence[list[Hit]], ids: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return for each query's best hit: joint distance, whether it is right, and whether it counts (ignore.csv, no hit)."""
    ignored = read_ignored()
    best = [ids[found[0].view_id] if found else "" for found in hits]
    joint = np.array([joint_of(found[0]) if found else score.JOINT_MOST_BITS for found in hits])
    right = np.array([q.design_id == found != "" for q, found in zip(queries, best, strict=True)])
    counts = np.array([(q.name, found) not in ignored for q, found in zip(queries, best, strict=True)])
    return joint, right, counts


def halves(queries: Sequence[Query]) -> NDArray[np.bool_]:
    """Select the fitting half: queries of designs with even numbers, and every second negative."""
    numbers = [int(q.design_id[1:]) if q.design_id else place for place, q in enumerate(queries)]
    return np.array(numbers) % 2 == 0


def sisters(gallery: Gallery, known: dict[str, Fingerprint]) -> NDArray[np.int64]:
    """Return for each design the joint distance to the nearest other design, without pairs of the same design."""
    ids, least = list(known), []
    twice = {frozenset((design, other)) for design, other in same_designs()}
    for design, made in known.items():
        others = [hit for hit in gallery.search(made, 4) if ids[hit.view_id] != design]
        others = [hit for hit in others if frozenset((design, ids[hit.view_id])) not in twice]
        least.append(joint_of(others[0]))
    return np.array(least)


def same_designs() -> set[tuple[str, str]]:
    """Return the pairs of designs that ignore.csv treats as the same design."""
    truth = {query.name: query.design_id for query in read_queries()}
    return {(truth[name], design) for name, design in read_ignored() if truth.get(name)}


def fit(joint: NDArray[np.int64], right: NDArray[np.bool_], apart: NDArray[np.int64]) -> tuple[float, float]:
    """Return BIAS and PER_BIT of the logistic curve. `apart` holds the distances of sister designs."""
    bits, answers = np.r_[joint, apart], np.r_[right, np.zeros(len(apart), np.bool_)]
    weights = np.r_[np.ones(len(joint)), np.full(len(apart), SISTER_WEIGHT)]
    model = LogisticRegression(C=100.0).fit(bits[:, None] / 100, answers, sample_weight=weights)
    return float(model.intercept_[0]), -float(model.coef_[0, 0]) / 100


def main() -> None:
    """Print the constants, and their calibration on either half."""
    queries = read_queries()
    gallery, known = fill()
    joint, right, kept = outcomes(queries, search(gallery, queries, 1), list(known))
    apart = sisters(gallery, known)
    even = np.array([int(design[1:]) % 2 == 0 for design in known])
    fitted_on = halves(queries)
    bias, per_bit = fit(joint[fitted_on & kept], right[fitted_on & kept], apart[even])
    print(f"BIAS = {bias:.2f}\nPER_BIT = {per_bit:.4f}")
    for wanted in (0.5, 0.8, 0.9, 0.95):
        print(f"score {wanted}: {(bias - np.log(wanted / (1 - wanted))) / per_bit:.1f} bits")
    scores, sister_scores = (1 / (1 + np.exp(per_bit * bits - bias)) for bits in (joint, apart))
    for name, part, designs_in in (
        ("fitted on", fitted_on & kept, even),
        ("held out", ~fitted_on & kept, ~even),
    ):
        print(
            f"{name}: {part.sum()} queries, {right[part].sum()} right; score -> share right (queries); sister designs"
        )
        for low, high in ((0, 0.1), (0.1, 0.5), (0.5, 0.8), (0.8, 0.9), (0.9, 1.01)):
            band = part & (scores >= low) & (scores < high)
            near = designs_in & (sister_scores >= low) & (sister_scores < high)
            share = right[band].mean() if band.any() else 0
            print(
                f"  {low:.1f}-{min(high, 1):.1f}  {share:.3f} ({band.sum()})  {near.sum()} of {designs_in.sum()}"
            )


if __name__ == "__main__":
    main()
