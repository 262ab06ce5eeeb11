"""Quality of matching on match-data and match-photos, beside other methods in the same run.

    python tests/bench/quality.py [EVIDENCE.pickle]

The script needs the extra `bench`, match-data and match-photos (AUTHCHECK_MATCH_DATA, or shared/match-data
beside the repository) and, beside match-data, match-eval/evaluate.py, whose metric is used unchanged. The script gathers
the evidence of all queries (five minutes on two cores), or reads it from the file if the file exists.
"crossed" scores every query by a model that was fitted without the queries of its design
(`fit_local_score`). `--fast` asks the hashes alone. Their two constants were fitted on the even half.
"""

import csv
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from fit_local_score import crossed
from fit_score import DATA, Query, designs, half_of
from local_evidence import Evidence, collect
from numpy.typing import NDArray
from peers import dhash, pdq, peer, phash, root_sift, threatexchange
from scoring import MIX, TRACKS, Judged, Ranked, Rows, evaluate, moderated, rows_of, verdict_table

from authcheck.checks.policies import FAST_POLICY, POLICIES
from authcheck.errors import ImageRejected
from authcheck.vision.features import extract
from authcheck.vision.features.filed_index import FiledFeatureIndex
from authcheck.vision.features.snapshot import NAME, Stand
from authcheck.vision.features.thumbnail import thumbnail_bytes
from authcheck.vision.fingerprints import fingerprint
from authcheck.vision.pictures.decode import open_picture

POLICY = POLICIES["local-4"]  # its score is the one that is fitted now
# By method and name of the threshold: the least score. Distances of hashes are negative scores.
THRESHOLDS: Mapping[tuple[str, str], float] = {
    ("authcheck", "`match`"): POLICY.match,
    ("authcheck", "`lookalike` or `match`"): POLICY.lookalike,
    ("authcheck --fast", "`match`"): FAST_POLICY.match,
    ("threatexchange", "31 of 256 bits, its default"): -31,
    ("PDQ x 8", "31 of 256 bits"): -31,
    ("phash 256", "40 of 256 bits"): -40,
    ("dhash 256", "40 of 256 bits"): -40,
    ("RootSIFT + affine", "10 inliers"): 10,
    ("RootSIFT + affine", "15 inliers"): 15,
}
FIGURES = 5  # uAP, R@P90, R@P99, R@1e-3, top 1
DESIGNS_WEIGHED = 120  # every fifth design is enough for a mean


def main(cached: Path | None) -> None:
    """Print all tables, as Markdown."""
    queries, evidence = collect(cached)
    ours = crossed(queries, evidence, POLICY)
    fast = {query: sorted(one.hashes, key=lambda pair: -pair[1]) for query, one in evidence.items()}
    odd = [query for query in queries if half_of(query) == 1]
    judged = {
        "authcheck, crossed": evaluate(rows_of(ours), queries),
        "authcheck --fast": evaluate(rows_of(fast), queries),
    }
    peers = {
        "PDQ x 8": peer(queries, pdq),
        "threatexchange": threatexchange(queries),
        "phash 256": peer(queries, phash),
        "dhash 256": peer(queries, dhash),
        "RootSIFT + affine": root_sift(queries),
    }
    judged |= {name: evaluate(rows, queries) for name, rows in peers.items()}
    print_methods(judged)
    print_kinds(judged, ["authcheck, crossed", "authcheck --fast", "PDQ x 8", "RootSIFT + affine"])
    print_moderated(queries, {"authcheck": rows_of(ours, 1), "authcheck --fast": rows_of(fast, 1), **peers})
    print_verdicts(f"policy {POLICY.name}, crossed", verdict_table(queries, ours, POLICY))
    print_verdicts(f"policy {FAST_POLICY.name}, held-out half", verdict_table(odd, fast, FAST_POLICY))
    print_outlines(evidence, ours)
    print_seconds(queries, evidence)
    print_memory()


def print_methods(judged: Mapping[str, Judged]) -> None:
    """Print the figures of each track."""
    for track in TRACKS:
        print(f"\n| track {track} | uAP | R@P90 | R@P99 | R@1e-3 | top 1 |\n|---|{'---|' * 5}")
        for name, one in judged.items():
            # evaluate.py says "nothing scored" where a method has no answer in a track.
            cells = one.tracks[track] if len(one.tracks[track]) == FIGURES else ["-"] * FIGURES
            print(f"| {name} | " + " | ".join(cells) + " |")


def print_moderated(queries: Sequence[Query], rows: Mapping[str, Rows]) -> None:
    """Print what a moderator of 1,000 listings sees at the thresholds of each method."""
    print(f"\nof 1,000 listings, {', '.join(f'{count} {group}' for group, count in MIX.items())}")
    print(f"| method, threshold | right | wrong | missed |\n|{'---|' * 4}")
    for (name, threshold), least in THRESHOLDS.items():
        cells = moderated(queries, rows[name], least)
        print(f"| {name}, {threshold} | " + " | ".join(f"{cell:.1f}" for cell in cells) + " |")


def print_kinds(judged: Mapping[str, Judged], methods: Sequence[str]) -> None:
    """Print by kind of edit or print how many queries are found above the threshold of 1e-3."""
    print(
        f"\nfound above the threshold of 1e-3\n| kind | {' | '.join(methods)} |\n|---|{'---|' * len(methods)}"
    )
    for kind in judged[methods[0]].found:
        print(f"| {kind} | " + " | ".join(judged[name].found[kind] for name in methods) + " |")


def print_verdicts(title: str, lines: Sequence[str]) -> None:
    """Print the verdicts by group."""
    print(f"\n{title}\n| | queries | `match` right | wrong | `lookalike` right | wrong |\n|---|{'---|' * 5}")
    print("\n".join(lines))


def print_outlines(evidence: Mapping[str, Evidence], given: Ranked) -> None:
    """Print how well outlines of prints overlap the true outlines, where the best answer is right."""
    shares = []
    with (DATA / "truth.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["quad"] and given[row["query"]]]
    for row in rows:
        design, score = given[row["query"]][0]
        outlines = [look.outline for look in evidence[row["query"]].looks if look.design == design]
        if design == row["design_id"] and score >= POLICY.lookalike and outlines:
            shares.append(overlap(np.array(json.loads(row["quad"])), np.array(outlines[0])))
    print(
        f"\noutlines of {len(shares)} right prints from lookalike on: median IoU {np.median(shares):.3f},"
        f" worst tenth below {np.quantile(shares, 0.1):.3f}"
    )


def overlap(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the intersection over union of two convex outlines."""
    one, other = one.astype(np.float32), other.astype(np.float32)
    shared, _ = cv2.intersectConvexConvex(one, other)
    return float(shared / (cv2.contourArea(one) + cv2.contourArea(other) - shared))


def print_seconds(queries: Sequence[Query], evidence: Mapping[str, Evidence]) -> None:
    """Print CPU time by stage. Here the search for swapped light and dark runs for all pictures."""
    print("\n| CPU ms a picture | mean | median | 95 % |\n|---|---|---|---|")
    taken = [one.seconds for one in evidence.values() if one.seconds]
    stages = {stage: np.array([seconds[stage] for seconds in taken]) * 1e3 for stage in taken[0]}
    stages["all"] = np.sum(list(stages.values()), axis=0)
    for stage, ms in stages.items():
        print(f"| {stage} | {ms.mean():.0f} | {np.median(ms):.0f} | {np.quantile(ms, 0.95):.0f} |")
    settled = sum(
        bool(found := evidence[query.name].hashes)
        and found[0][1] >= POLICY.settled
        and (len(found) == 1 or found[1][1] < POLICY.lookalike)
        for query in queries
    )
    print(f"{settled} of {len(queries)} are answered by the hashes alone")


def print_memory() -> None:
    """Print the memory that a design takes."""
    index, hashes, records, thumbnails = FiledFeatureIndex(), [], [], []
    for path in designs()[:: max(1, len(designs()) // DESIGNS_WEIGHED)]:
        data = path.read_bytes()
        try:
            hashes.append(len(fingerprint.read(data)[1].reference().to_bytes()))
        except ImageRejected:
            continue
        image = open_picture(data, detail_px=extract.DESIGN_DETAIL_PX).image
        features = extract.of_design(image)
        index.add([len(records)], [features])
        records.append(len(features.to_bytes()))
        thumbnails.append(len(thumbnail_bytes(image, None)))
    with tempfile.TemporaryDirectory() as folder:
        index.write(Path(folder), Stand("bench", 1, ""))
        filed = (Path(folder) / NAME).stat().st_size / len(records)
    print(
        f"\nbytes a design: hashes {np.mean(hashes):,.0f}, record of local features {np.mean(records):,.0f}, thumbnail"
        f" {np.mean(thumbnails):,.0f}; file of the index {filed:,.0f}"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
