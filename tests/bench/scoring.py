"""Judgement of the answers to queries: match-eval's unchanged metric, and verdicts by group."""

import contextlib
import csv
import importlib.util
import io
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from fit_score import DATA, Query, read_ignored

from authcheck.checks.policies import Policy

TRACKS = ("A", "B", "D", "M")
GROUPS = (*TRACKS, "photo", "hard")
# Of 1,000 listings: nine in ten show nothing registered, and one in twenty of these something similar.
MIX = {"A": 40, "B": 30, "D": 30, "photo": 855, "hard": 45}
Rows = list[tuple[str, str, float]]
Ranked = Mapping[str, Sequence[tuple[str, float]]]  # by query: (design, score), best first


@dataclass(frozen=True, slots=True)
class Judged:
    """The result of evaluate.py: its lines, and by track uAP, R@P90, R@P99, R@1e-3 and top 1 as printed."""

    lines: list[str]
    tracks: dict[str, list[str]]

    @property
    def found(self) -> dict[str, str]:
        """The share found above the threshold of 1e-3, by kind."""
        cells = self.lines[-1].partition("by kind: ")[2].split("  ")
        return {kind: share for kind, _, share in (cell.strip().rpartition(" ") for cell in cells)}


def rows_of(given: Ranked, most: int = 3) -> Rows:
    """Return rows in the format that evaluate.py reads."""
    return [(query, design, score) for query, found in given.items() for design, score in found[:most]]


def evaluate(rows: Rows, queries: Sequence[Query]) -> Judged:
    """Run evaluate.py on the rows of these queries."""
    names = {query.name for query in queries}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truth = [(q.name, q.design_id, q.track, q.kind) for q in queries]
        _write(folder / "truth.csv", [("query", "design_id", "track", "transformation"), *truth])
        ignored = [pair for pair in read_ignored() if pair[0] in names]
        _write(folder / "ignore.csv", [("query", "design_id"), *ignored])
        asked = [row for row in rows if row[0] in names]
        _write(folder / "scores.csv", [("query", "design_id", "score"), *asked])
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            _evaluator().main(folder, folder / "scores.csv")
    lines = printed.getvalue().splitlines()
    cells = [line.split() for line in lines]
    return Judged(lines, {words[0]: words[2:] for words in cells if words and words[0] in TRACKS})


def _write(path: Path, rows: Sequence[tuple[object, ...]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def _evaluator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("evaluate", DATA.parent / "match-eval" / "evaluate.py")
    if spec is None or spec.loader is None or not Path(spec.origin or "").is_file():
        raise SystemExit("match-eval/evaluate.py is not beside match-data")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def group_of(query: Query) -> str:
    """Return the track of a query for a design, hard or photo for pictures without a design."""
    return query.track if query.design_id else "hard" if query.kind.startswith("hard") else "photo"


def moderated(queries: Sequence[Query], rows: Rows, least: float) -> tuple[float, float, float]:
    """Return right, wrong and missed listings per 1,000 that a moderator sees or misses at a least score.

    Of 1,000 listings, MIX says how many show what. A picture of a registered design whose answer names
    another design is wrong and missed.
    """
    best: dict[str, tuple[str, float]] = {}
    for name, design, score in rows:
        if score >= least and (name not in best or score > best[name][1]):
            best[name] = design, score
    ignored, counts = read_ignored(), dict.fromkeys(MIX, (0, 0, 0, 0))
    for query in queries:
        found = best.get(query.name, ("", 0.0))[0]
        if (query.name, found) not in ignored and group_of(query) in MIX:
            asked, right, wrong, missed = counts[group_of(query)]
            is_right = bool(found) and found == query.design_id
            is_wrong, is_missed = bool(found) and not is_right, bool(query.design_id) and not is_right
            counts[group_of(query)] = asked + 1, right + is_right, wrong + is_wrong, missed + is_missed
    sums = [sum(MIX[g] * counts[g][n] / max(counts[g][0], 1) for g in MIX) for n in (1, 2, 3)]
    return sums[0], sums[1], sums[2]


def verdict_table(queries: Sequence[Query], given: Ranked, policy: Policy) -> list[str]:
    """Return verdicts by group at the policy's thresholds, as rows of a Markdown table."""
    lines, ignored = [], read_ignored()
    for group in GROUPS:
        best = [(q, (*given[q.name], ("", 0.0))[0]) for q in queries if group_of(q) == group]
        best = [(q, one) for q, one in best if (q.name, one[0]) not in ignored]
        at = {"match right": 0, "match wrong": 0, "lookalike right": 0, "lookalike wrong": 0}
        for query, (design, score) in best:
            if score >= policy.lookalike:
                code = "match" if score >= policy.match else "lookalike"
                at[f"{code} {'right' if design == query.design_id else 'wrong'}"] += 1
        lines.append(f"| {group} | {len(best)} | " + " | ".join(map(str, at.values())) + " |")
    return lines
