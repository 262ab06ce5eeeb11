"""Fit of authcheck/vision/score-NAME.json on half of match-data, and judgement on the other half.

    python tests/bench/fit_local_score.py NAME [EVIDENCE.pickle]

The script also judges by two-fold crossing. It gathers the evidence of all queries, or reads it from the file
if the file exists. The evidence has one row per closely examined view. The shipped model is fitted on designs
with even numbers, the queries that show them, and negatives with even numbers. Every figure in the file is of
the other half, or crossed.
"""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from fit_score import DATA, Query, read_ignored, read_queries
from local_evidence import Evidence, collect
from numpy.typing import NDArray
from scoring import Ranked, evaluate, group_of, rows_of, verdict_table
from sklearn.linear_model import LogisticRegression

from authcheck.checks.verdicts import CURRENT_POLICY, Policy
from authcheck.vision.matching.score import FOLDER, NUMBERS, Model

STRENGTH = 0.3  # inverse of the L2 penalty, on standardised numbers


def half_of(query: Query) -> int:
    """Return 0 or 1, by the number of the query's design, or by the number of a negative."""
    return int((query.design_id or Path(query.name).stem)[1:]) % 2


def fitted(queries: Sequence[Query], evidence: Mapping[str, Evidence], name: str) -> Model:
    """Fit the logistic regression over every look of these queries."""
    ignored = read_ignored()
    rows = [
        (numbers, design == query.design_id)
        for query in queries
        for design, numbers, _ in evidence[query.name].looks
        if (query.name, design) not in ignored
    ]
    table, right = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    centres, scales = table.mean(axis=0), np.maximum(table.std(axis=0), 1e-3)
    model = LogisticRegression(C=STRENGTH, max_iter=1000).fit((table - centres) / scales, right)
    return Model(name, centres, scales, model.coef_[0], float(model.intercept_[0]))


def answers(evidence: Evidence, model: Model, policy: Policy) -> list[tuple[str, float]]:
    """Return the answer of a check: (design, score), best first (`verify.answer` on designs of one view)."""
    ranked = sorted(evidence.hashes, key=lambda pair: -pair[1])
    if ranked and ranked[0][1] >= policy.settled and (len(ranked) == 1 or ranked[1][1] < policy.lookalike):
        return ranked
    near = dict(ranked)
    scores = dict(ranked)
    for design, numbers, _ in evidence.looks:
        score, by_hashes = model.score(numbers), near.get(design, 0.0)
        scores[design] = max(score, by_hashes) if by_hashes >= policy.hashes_stand else score
    return sorted(scores.items(), key=lambda pair: -pair[1])


def crossed(
    queries: Sequence[Query], evidence: Mapping[str, Evidence], policy: Policy
) -> tuple[dict[str, list[tuple[str, float]]], list[Model]]:
    """Score each query by the model of the other half. Return the answers and the two models."""
    halves = [[q for q in queries if half_of(q) == number] for number in (0, 1)]
    models = [fitted(half, evidence, policy.model or "") for half in halves]
    return {q.name: answers(evidence[q.name], models[1 - half_of(q)], policy) for q in queries}, models


def digest(paths: list[Path]) -> str:
    """Return the SHA-256 over the names and bytes of the training data."""
    made = hashlib.sha256()
    for path in sorted(paths):
        made.update(path.name.encode() + path.read_bytes())
    return made.hexdigest()


def main(name: str, cached: Path | None) -> None:
    """Fit the model, judge it and write it."""
    queries, evidence = read_queries(), collect(cached)
    policy = replace(CURRENT_POLICY, model=name)
    given, (model, _) = crossed(queries, evidence, policy)
    judged = evaluate(rows_of(given))
    print("two-fold crossed\n" + "\n".join(judged.lines))
    fitted_on, held_out = ([q for q in queries if half_of(q) == number] for number in (0, 1))
    for title, group in (("crossed", queries), ("held out", held_out)):
        print(f"{title}: queries; match right, wrong; lookalike right, wrong")
        print("\n".join(verdict_table(group, given, policy)))
    thresholds(queries, given)
    write(model, fitted_on, judged.tracks)


def thresholds(queries: Sequence[Query], given: Ranked) -> None:
    """Print the crossed results at other thresholds, to choose the thresholds of a policy."""
    ignored = read_ignored()
    best = {
        q.name: given[q.name][0]
        for q in queries
        if given[q.name] and (q.name, given[q.name][0][0]) not in ignored
    }
    groups = {q.name: group_of(q) for q in queries}
    truth = {q.name: q.design_id for q in queries}
    print("threshold: right A, B; wrong A, B; photos, hard")
    for least in (0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99):
        at = {(g, r): 0 for g in ("A", "B", "photo", "hard") for r in (True, False)}
        for query, (design, score) in best.items():
            if score >= least:
                at[groups[query], design == truth[query]] += 1
        print(
            f"  {least}: {at['A', True]} {at['B', True]}; {at['A', False]} {at['B', False]};"
            f" {at['photo', False]} {at['hard', False]}"
        )


def write(model: Model, fitted_on: list[Query], tracks: Mapping[str, list[str]]) -> None:
    """Write the file that the product reads."""
    data: dict[str, object] = {
        "made_by": "tests/bench/fit_local_score.py",
        "made_on": datetime.now(UTC).date().isoformat(),
        "fitted_on": f"{len(fitted_on)} queries of match-data: designs and negatives with even numbers",
        "data_sha256": digest([DATA / query.name for query in fitted_on]),
        "crossed": {
            f"track {track}: uAP, R@P90, R@P99, R@1e-3, top1": cells for track, cells in tracks.items()
        },
        "numbers": list(NUMBERS),
        "centres": rounded(model.centres),
        "scales": rounded(model.scales),
        "weights": rounded(model.weights),
        "bias": float(f"{model.bias:.6g}"),
    }
    path = FOLDER / f"score-{model.name}.json"
    path.write_text(json.dumps(data, indent=1) + "\n")
    for number, weight in sorted(zip(NUMBERS, model.weights, strict=True), key=lambda pair: -abs(pair[1])):
        print(f"  {weight:+.2f} {number}")
    print(path)


def rounded(values: NDArray[np.float64]) -> list[float]:
    """Round to six significant digits."""
    return [float(f"{value:.6g}") for value in values]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else None)
