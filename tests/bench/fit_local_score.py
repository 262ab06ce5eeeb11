"""Fit of authcheck/vision/matching/score-NAME.json, and its judgement by crossing.

    python tests/bench/fit_local_score.py NAME [EVIDENCE.pickle]

The script gathers the evidence of all queries (`local_evidence`), or reads it from the file if the file
exists. The evidence has one row per closely examined view. All figures are crossed: each query is scored by a
model that was fitted without the queries of a quarter of the designs, its own among them. "unseen" leaves a
whole track out of the fit. The shipped model is fitted on everything.
"""

import hashlib
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from fit_score import Query, read_ignored
from local_evidence import Evidence, collect
from numpy.typing import NDArray
from scoring import GROUPS, TRACKS, Ranked, evaluate, group_of, rows_of, verdict_table
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from authcheck.checks.policies import POLICIES, Policy
from authcheck.vision.matching.score import FOLDER, MOST_UNUSUAL, NUMBERS, Model
from authcheck.vision.matching.trees import Trees

STRENGTH = 0.1  # inverse of the L2 penalty, on standardised numbers
FOLDS = 4
# Numbers whose squares are in the regression: geometry, whose worth grows faster than a straight line.
SQUARED = (
    "votes", "pairs", "confirmed", "confirmed_count", "spread", "gradient", "blocks", "ahead_of_rival",
    "ahead_of_noise", "rival_confirmed",
)  # fmt: skip
# Whether more of a number may only raise (1) or only lower (-1) the probability. Other numbers may do both.
FALLING = ("error", "shear", "rival_confirmed")
FREE = ("size", "visible", "design_points")
MONOTONE = [0 if name in FREE else -1 if name in FALLING else 1 for name in NUMBERS]
TREES, LEAVES, RATE, LEAST_LEAF, PENALTY = 150, 6, 0.06, 25, 5.0
BINS = 10

Table = NDArray[np.float64]


def fold_of(query: Query) -> int:
    """Return the fold of a query: by the number of its design, or by the number of a negative."""
    return int((query.design_id or Path(query.name).stem)[1:]) % FOLDS


def fitted(queries: Sequence[Query], evidence: Mapping[str, Evidence], name: str) -> Model:
    """Fit the regression and the trees over every look of these queries."""
    ignored = read_ignored()
    rows = [
        (look.numbers, look.design == query.design_id)
        for query in queries
        for look in evidence[query.name].looks
        if (query.name, look.design) not in ignored
    ]
    table, right = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    centres, scales = table.mean(axis=0), np.maximum(table.std(axis=0), 1e-3)
    standardised = np.clip((table - centres) / scales, -MOST_UNUSUAL, MOST_UNUSUAL)
    places = [NUMBERS.index(number) for number in SQUARED]
    line = LogisticRegression(C=STRENGTH, max_iter=3000)
    line.fit(np.hstack([standardised, standardised[:, places] ** 2]), right)
    squares = np.zeros(len(NUMBERS))
    squares[places] = line.coef_[0][len(NUMBERS) :]
    weights, bias = line.coef_[0][: len(NUMBERS)], float(line.intercept_[0])
    return Model(name, centres, scales, weights, bias, squares, grow(table, right))


def grow(table: Table, right: NDArray[np.bool_]) -> Trees:
    """Fit the trees and return them as arrays."""
    boosted = HistGradientBoostingClassifier(
        max_iter=TREES, learning_rate=RATE, max_leaf_nodes=LEAVES, min_samples_leaf=LEAST_LEAF,
        l2_regularization=PENALTY, monotonic_cst=MONOTONE, early_stopping=False, random_state=0,
    ).fit(table, right)  # fmt: skip
    # scikit-learn has no public access to the nodes. So the arrays are compared with its answers below.
    grown = [trees[0].nodes for trees in boosted._predictors]
    shape = len(grown), max(map(len, grown))
    number, left, right_child = (np.zeros(shape, np.intp) for _ in range(3))
    threshold, value = np.zeros(shape), np.zeros(shape)
    for row, nodes in enumerate(grown):
        own, count = np.arange(len(nodes)), len(nodes)
        is_leaf = nodes["is_leaf"].astype(bool)
        number[row, :count] = np.where(is_leaf, 0, nodes["feature_idx"])
        threshold[row, :count] = np.where(is_leaf, 0, nodes["num_threshold"])
        left[row, :count] = np.where(is_leaf, own, nodes["left"])
        right_child[row, :count] = np.where(is_leaf, own, nodes["right"])
        value[row, :count] = nodes["value"] * is_leaf
    start = float(np.ravel(boosted._baseline_prediction)[0])
    trees = Trees(start, number, threshold, left, right_child, value)
    expected = boosted.decision_function(table[:50])
    if not np.allclose([trees.log_odds(row) for row in table[:50]], expected):
        raise SystemExit("the trees as arrays do not answer as scikit-learn's do")
    return trees


def answers(evidence: Evidence, model: Model, policy: Policy) -> list[tuple[str, float]]:
    """Return the answer of a check: (design, score), best first (`verify.answer` on designs of one view)."""
    ranked = sorted(evidence.hashes, key=lambda pair: -pair[1])
    if ranked and ranked[0][1] >= policy.settled and (len(ranked) == 1 or ranked[1][1] < policy.lookalike):
        return ranked
    near = dict(ranked)
    scores = dict(ranked)
    for look in evidence.looks:
        score, by_hashes = model.score(look.numbers), near.get(look.design, 0.0)
        if look.redrawn >= policy.redrawn:
            score, by_hashes = min(score, math.nextafter(policy.match, 0)), 0.0
        scores[look.design] = max(score, by_hashes) if by_hashes >= policy.hashes_stand else score
    return sorted(scores.items(), key=lambda pair: -pair[1])


def crossed(
    queries: Sequence[Query],
    evidence: Mapping[str, Evidence],
    policy: Policy,
    may_learn: Callable[[Query], bool] = lambda _: True,
) -> dict[str, list[tuple[str, float]]]:
    """Return the answer to each query by the model that was fitted without the query's fold."""
    given = {}
    for fold in range(FOLDS):
        seen = [query for query in queries if fold_of(query) != fold and may_learn(query)]
        model = fitted(seen, evidence, policy.model or "")
        given |= {q.name: answers(evidence[q.name], model, policy) for q in queries if fold_of(q) == fold}
    return given


def digest(queries: Sequence[Query]) -> str:
    """Return the SHA-256 over the names and bytes of the training pictures that are files of a data set."""
    made = hashlib.sha256()
    for query in sorted(queries, key=lambda query: query.name):
        if query.track != "M":
            made.update(query.name.encode() + query.path.read_bytes())
    return made.hexdigest()


def main(name: str, cached: Path | None) -> None:
    """Fit the model, judge it and write it."""
    queries, evidence = collect(cached)
    policy = replace(POLICIES["local-4"], model=name)
    given = crossed(queries, evidence, policy)
    judged = evaluate(rows_of(given), queries)
    print("crossed\n" + "\n".join(judged.lines))
    print("queries; match right, wrong; lookalike right, wrong")
    print("\n".join(verdict_table(queries, given, policy)))
    thresholds(queries, given)
    reliability(queries, given)
    for track in TRACKS:
        blind = crossed(queries, evidence, policy, lambda query, unseen=track: query.track != unseen)
        print(f"{track} unseen: " + " ".join(evaluate(rows_of(blind), queries).tracks[track]))
        print("\n".join(verdict_table(queries, blind, policy)))
    write(fitted(queries, evidence, name), queries, judged.tracks)


def best_of(queries: Sequence[Query], given: Ranked) -> dict[str, tuple[str, float]]:
    """Return the best answer to each query, without pairs that are neither right nor wrong."""
    ignored = read_ignored()
    found = {q.name: given[q.name][0] for q in queries if given[q.name]}
    return {name: one for name, one in found.items() if (name, one[0]) not in ignored}


def thresholds(queries: Sequence[Query], given: Ranked) -> None:
    """Print the crossed results at other thresholds, to choose the thresholds of a policy."""
    best, truth = best_of(queries, given), {q.name: q.design_id for q in queries}
    groups = {q.name: group_of(q) for q in queries}
    print(f"threshold: right {', '.join(TRACKS)}; wrong {', '.join(GROUPS)}")
    for least in (0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99):
        at = {(g, r): 0 for g in GROUPS for r in (True, False)}
        for query, (design, score) in best.items():
            if score >= least:
                at[groups[query], design == truth[query]] += 1
        right = " ".join(str(at[group, True]) for group in TRACKS)
        print(f"  {least}: {right}; {' '.join(str(at[group, False]) for group in GROUPS)}")


def reliability(queries: Sequence[Query], given: Ranked) -> None:
    """Print by track how often answers of a score are right: a probability means the same on each."""
    best = best_of(queries, given)
    print("score: share right (answers), by track; negatives are in every track")
    for track in TRACKS:
        asked = [q for q in queries if q.name in best and (q.track == track or not q.design_id)]
        scores = np.array([best[q.name][1] for q in asked])
        right = np.array([best[q.name][0] == q.design_id for q in asked])
        bins = np.minimum((scores * BINS).astype(int), BINS - 1)
        cells = [
            f"{number / BINS:.1f}: {right[bins == number].mean():.2f} ({(bins == number).sum()})"
            for number in range(BINS)
            if (bins == number).any()
        ]
        print(f"  {track}  " + "  ".join(cells))


def write(model: Model, queries: Sequence[Query], tracks: Mapping[str, list[str]]) -> None:
    """Write the file that the product reads."""
    if model.squares is None or model.trees is None:
        raise ValueError("a model of this script has squares and trees")
    data: dict[str, object] = {
        "made_by": "tests/bench/fit_local_score.py",
        "made_on": datetime.now(UTC).date().isoformat(),
        "fitted_on": f"{len(queries)} queries: match-data, match-photos, and hard kinds made of the designs",
        "data_sha256": digest(queries),
        "crossed": {
            f"track {track}: uAP, R@P90, R@P99, R@1e-3, top1": cells for track, cells in tracks.items()
        },
        "numbers": list(NUMBERS),
        "centres": rounded(model.centres),
        "scales": rounded(model.scales),
        "weights": rounded(model.weights),
        "bias": float(f"{model.bias:.6g}"),
        "squares": rounded(model.squares),
    }
    text = json.dumps(data, indent=1).removesuffix("\n}")
    trees = json.dumps(model.trees.to_json(), separators=(",", ":")).replace("]],", "]],\n")
    path = FOLDER / f"score-{model.name}.json"
    path.write_text(f'{text},\n "trees": {trees}\n}}\n')
    print(path)


def rounded(values: NDArray[np.float64]) -> list[float]:
    """Round to six significant digits."""
    return [float(f"{value:.6g}") for value in values]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else None)
