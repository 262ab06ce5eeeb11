"""How well the hashes find designs in pictures: match-data, beside imagehash and PDQ in the same run.

    python tests/bench/quality.py

Needs the extra `bench`, match-data (AUTHCHECK_MATCH_DATA, or shared/match-data beside the repository) and, beside
it, match-eval/evaluate.py, whose metric is used unchanged. "cross-validated" scores every query by a curve that was
fitted without its design.
"""

import contextlib
import csv
import importlib.util
import io
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import fit_score
import imagehash
import numpy as np
import pdqhash
from fit_score import DATA, Query, joint_of
from numpy.typing import NDArray
from PIL import Image

from authcheck.images.gallery import Hit
from authcheck.images.score import score_of
from authcheck.verdicts import CURRENT_POLICY, code_for

FOLDS = 5
Rows = list[tuple[str, str, float]]


def evaluate(folder: Path, name: str, rows: Rows) -> tuple[list[str], str]:
    """The cells of track A and the line of what was found, by evaluate.py; the scores stay in `folder`."""
    path = folder / f"{name.replace(' ', '_')}.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("query", "design_id", "score"), *rows])
    spec = importlib.util.spec_from_file_location("evaluate", DATA.parent / "match-eval" / "evaluate.py")
    if spec is None or spec.loader is None:
        raise SystemExit("match-eval/evaluate.py is not beside match-data")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        module.main(DATA, path)
    lines = printed.getvalue().splitlines()
    return next(line for line in lines if line.startswith("A ")).split()[2:], lines[-1]


def ours(queries: Sequence[Query], hits: Sequence[list[Hit]], ids: Sequence[str]) -> Rows:
    """Our hits with the scores the product gives."""
    return [
        (q.name, ids[hit.view_id], hit.score) for q, found in zip(queries, hits, strict=True) for hit in found
    ]


def cross_validated(
    queries: Sequence[Query], hits: Sequence[list[Hit]], ids: Sequence[str], apart: NDArray[np.int64]
) -> Rows:
    """Our hits, each query scored by a curve fitted on the other folds."""
    fold = fit_score.folds(queries, FOLDS)
    joint, right, counts = fit_score.outcomes(queries, hits, ids)
    rows: Rows = []
    for number in range(FOLDS):
        kept = counts & (fold != number)
        others = np.array([int(design[1:]) % FOLDS != number for design in ids])
        bias, per_bit = fit_score.fit(joint[kept], right[kept], apart[others])
        print(f"  fold {number}: BIAS {bias:.2f} PER_BIT {per_bit:.4f}")
        for place in np.nonzero(fold == number)[0].tolist():
            for hit in hits[place]:
                score = 1 / (1 + np.exp(per_bit * joint_of(hit) - bias))
                rows.append((queries[place].name, ids[hit.view_id], float(score)))
    return rows


def peer(queries: Sequence[Query], hashes: Callable[[Image.Image], NDArray[np.uint8]]) -> Rows:
    """The best design of each query by one hash: `hashes` gives `(orientations, 32)`, the first upright."""
    paths = fit_score.designs()
    stored = np.stack([hashes(Image.open(path))[0] for path in paths])
    rows = []
    for query in queries:
        codes = hashes(Image.open(DATA / query.name))
        bits = np.bitwise_count(codes[:, None] ^ stored).sum(axis=2).min(axis=0)
        rows.append((query.name, paths[int(bits.argmin())].stem, -float(bits.min())))
    return rows


def phash(image: Image.Image) -> NDArray[np.uint8]:
    """imagehash.phash, 256 bits."""
    return np.packbits(imagehash.phash(image, 16).hash)[None]


def dhash(image: Image.Image) -> NDArray[np.uint8]:
    """imagehash.dhash, 256 bits."""
    return np.packbits(imagehash.dhash(image, 16).hash)[None]


def pdq(image: Image.Image) -> NDArray[np.uint8]:
    """PDQ of the eight orientations."""
    hashes, _ = pdqhash.compute_dihedral(np.asarray(image.convert("RGB")))
    return np.packbits(np.asarray(hashes, np.uint8), axis=1)


def print_verdicts(queries: Sequence[Query], hits: Sequence[list[Hit]], ids: Sequence[str]) -> None:
    """Verdicts of the current policy: on the half the curve was fitted on, and on the other."""
    fitted = fit_score.halves(queries)
    _, right, counts = fit_score.outcomes(queries, hits, ids)
    print(
        f"\npolicy {CURRENT_POLICY.name}: match {CURRENT_POLICY.match}, lookalike {CURRENT_POLICY.lookalike}"
    )
    for part, name in ((fitted, "fitted on"), (~fitted, "held out")):
        print(f"{name} ({part.sum()} queries)")
        for group in ("A", "B", "photo", "hard"):
            members = [
                place for place, query in enumerate(queries) if part[place] and group_of(query) == group
            ]
            seen = Counter(
                f"{code_for(hits[place][0].score if hits[place] else 0.0, CURRENT_POLICY)}"
                f" {'right' if right[place] else 'wrong'}"
                for place in members
                if counts[place]
            )
            print(f"  {group:5} {len(members):4}: " + ", ".join(f"{k} {n}" for k, n in sorted(seen.items())))


def group_of(query: Query) -> str:
    """A or B for edits and prints of a design, hard or photo for pictures of none."""
    return query.track if query.design_id else "hard" if query.kind.startswith("hard") else "photo"


def main() -> None:
    """Print one table."""
    queries = fit_score.read_queries()
    gallery, known = fit_score.fill()
    ids = list(known)
    hits = fit_score.search(gallery, queries)
    print(f"{len(ids)} designs, {len(queries)} queries, score_of(100) = {score_of(100):.3f}")
    methods = {
        "authcheck": ours(queries, hits, ids),
        "authcheck cross-validated": cross_validated(queries, hits, ids, fit_score.sisters(gallery, known)),
        "phash 256": peer(queries, phash),
        "dhash 256": peer(queries, dhash),
        "PDQ x 8": peer(queries, pdq),
    }
    with tempfile.TemporaryDirectory() as folder:
        answers = {name: evaluate(Path(folder), name, rows) for name, rows in methods.items()}
    print(f"\ntrack A                       {'uAP':>6} {'R@P90':>6} {'R@P99':>6} {'R@1e-3':>6} {'top1':>6}")
    for name, (cells, _) in answers.items():
        print(f"{name:29} " + " ".join(f"{cell:>6}" for cell in cells))
    for name in ("authcheck", "PDQ x 8"):
        print(f"\n{name}: {answers[name][1]}")
    print_verdicts(queries, hits, ids)


if __name__ == "__main__":
    main()
