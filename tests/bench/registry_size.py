"""Share of prints that are found, and cost of a search, as the registry grows.

    python tests/bench/registry_size.py [--designs 600 3000 30000 100000] [--prints 120] [--negatives 60] [--fine N] [--pictures FOLDER]

The registry holds the designs of match-data and distractors. The first distractors are distinct pictures:
photographs of match-data's negatives that are not queries, the designs of fixtures/, and the pictures of a
folder (render_icons.py).

All other distractors are **made from features** of a real picture, mirrored or with light and dark swapped
(four ways in all). Every descriptor moves as far as a real design's point is from the nearest point of any
other design. Places are dealt out anew among the points of a channel. A made distractor resembles a real
design in single descriptors, but geometry finds nothing in it.

Hashes know the distinct pictures alone. Queries are of the half that the model `local-1` was not fitted on. Scores
are of this model. All runs on one thread.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from fit_local_score import answers
from fit_score import DATA, Query, designs, half_of, read_queries
from local_evidence import Evidence, OneLook, Registry
from scoring import evaluate, group_of, rows_of

from authcheck.checks.finder import hints_of
from authcheck.checks.policies import CURRENT_POLICY
from authcheck.errors import ImageRejected
from authcheck.vision.features import extract
from authcheck.vision.features.features import Features
from authcheck.vision.features.filed_index import FiledFeatureIndex
from authcheck.vision.features.filing import Reach, reach_for
from authcheck.vision.features.snapshot import NAME, Stand
from authcheck.vision.features.vocabulary import edited
from authcheck.vision.fingerprints import fingerprint
from authcheck.vision.fingerprints.blocks import on_one_thread
from authcheck.vision.fingerprints.gallery import Hit
from authcheck.vision.matching import matcher
from authcheck.vision.matching.matcher import Question
from authcheck.vision.matching.score import load_model
from authcheck.vision.matching.subjects import Known, Submitted
from authcheck.vision.matching.votes import Pose
from authcheck.vision.pictures.decode import open_picture

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
UNSEEN = "local-1"  # the model that was fitted on the even half alone; later ones saw every query
NEAREST = 84.0  # median distance of a design's point to the nearest point of another design, match-data's 599
BATCH = 500
HITS = 32
HEAD = (
    "designs", "distinct pictures", "B uAP", "B top 1", "among the first 24", "negatives at `match`",
    "votes ms", "all local stages ms", "index, bytes a design",
)  # fmt: skip


class Crowd(Registry):
    """A registry in which most designs are made from the features of others."""

    @property
    def distinct(self) -> int:
        """The number of designs that are pictures. They have the lowest numbers."""
        return len(self.known)

    def crowd_to(self, count: int) -> None:
        """Add made distractors until there are `count` designs. No picture can be registered afterwards."""
        for first in range(len(self.names), count, BATCH):
            numbers = range(first, min(count, first + BATCH))
            self.names += [f"x{number:06}" for number in numbers]
            self.index.add(list(numbers), [self.made(number) for number in numbers])

    def made(self, number: int) -> Features:
        """Return the features of a distractor. They are the same in every run."""
        dice = np.random.default_rng(number)
        source = self.known[number % self.distinct].features
        mirrored, inverted = dice.integers(0, 2, 2).astype(bool).tolist()
        codes = edited(source.descriptors, mirrored=mirrored, inverted=inverted).astype(np.float32)
        codes += dice.normal(0, NEAREST / codes.shape[1] ** 0.5, codes.shape)
        steps = source.steps.copy()
        for channel in np.unique(source.channels):
            rows = np.nonzero(source.channels == channel)[0]
            steps[rows] = steps[dice.permutation(rows)]
        return replace(source, steps=steps, descriptors=np.clip(np.rint(codes), 0, 255).astype(np.uint8))

    def views(self, keys: Sequence[int]) -> Mapping[int, Known]:
        """Return views, see `matcher.Shelf`."""
        return {key: self._view(key) for key in keys}

    def _view(self, key: int) -> Known:
        if key in self.known:
            return self.known[key]
        source = self.known[key % self.distinct]
        return replace(source, key=key, design=self.names[key], features=self.made(key))


@dataclass(frozen=True, slots=True)
class Asked:
    """A query, read once for all sizes."""

    query: Query
    submitted: Submitted
    hits: list[Hit]


def pictures_of_others(asked: Sequence[Query], folder: Path | None) -> list[Path]:
    """Return pictures that show none of the designs and are not queries. Pictures of `folder` come last."""
    names = {query.name for query in asked}
    photos = [q for q in read_queries() if group_of(q) == "photo" and half_of(q) == 0 and q.name not in names]
    drawings = sorted(folder.iterdir()) if folder else []
    np.random.default_rng(1).shuffle(drawings)
    return [*(DATA / q.name for q in photos), *sorted((FIXTURES / "designs").iterdir()), *drawings]


def sample(prints: int, negatives: int) -> list[Query]:
    """Sample the held-out half evenly: prints, and negatives, half photographs and half hard."""
    chosen: list[Query] = []
    for group, count in (("B", prints), ("photo", negatives // 2), ("hard", negatives - negatives // 2)):
        members = [q for q in read_queries() if group_of(q) == group and half_of(q) == 1]
        places = np.linspace(0, len(members) - 1, min(count, len(members))).round().astype(int)
        chosen += [members[place] for place in places]
    return chosen


def read(registry: Registry, queries: Sequence[Query]) -> list[Asked]:
    """Extract the features of all queries, and ask the hashes."""
    asked = []
    for query in queries:
        data = (DATA / query.name).read_bytes()
        try:
            hits = registry.gallery.search(fingerprint.read(data)[1], HITS)
        except ImageRejected:
            continue
        submitted = Submitted.of(open_picture(data, detail_px=extract.PICTURE_DETAIL_PX))
        asked.append(Asked(query, submitted, hits))
    return asked


@on_one_thread
def look(registry: Registry, one: Asked) -> tuple[Evidence, list[str], float, float]:
    """Return the evidence, the designs by votes (best first), and the seconds of the votes and of all local stages."""
    by_votes: list[list[str]] = []
    voting = 0.0

    def nearest(ask: Question) -> list[Pose]:
        nonlocal voting
        started = time.process_time()
        poses = ask(registry.index, {})
        voting += time.process_time() - started
        by_votes.append([registry.names[pose.key] for pose in poses])
        return poses

    model, started = load_model(UNSEEN), time.process_time()
    found = matcher.examine(
        one.submitted, nearest, registry, hints_of(one.hits),
        lambda numbers: model.score(numbers) >= CURRENT_POLICY.match,
    )  # fmt: skip
    took = time.process_time() - started
    looks = [
        OneLook(seen.verified.known.design, numbers, seen.alignment.outline, 0.0)
        for seen, numbers in zip(found.looks, found.numbers, strict=True)
    ]
    hashes = [(registry.names[hit.view_id], hit.score) for hit in one.hits]
    return Evidence(hashes, looks, {}), by_votes[0], voting, took


def index_bytes(index: FiledFeatureIndex) -> int:
    """Return the size of the index's file."""
    with tempfile.TemporaryDirectory() as folder:
        index.write(Path(folder), Stand("bench", 1, ""))
        return (Path(folder) / NAME).stat().st_size


def measure(registry: Crowd, asked: Sequence[Asked]) -> list[str]:
    """Return the cells of one size."""
    model = load_model(UNSEEN)
    given, ranks, votes, whole = {}, [], [], []
    for one in asked:
        evidence, by_votes, voting, took = look(registry, one)
        given[one.query.name] = answers(evidence, model, CURRENT_POLICY)
        votes.append(voting)
        whole.append(took)
        if one.query.design_id:
            ranks.append(one.query.design_id in by_votes[: matcher.CANDIDATES])
    cells = evaluate(rows_of(given), [one.query for one in asked]).tracks["B"]
    flagged = sum(
        given[one.query.name][0][1] >= CURRENT_POLICY.match for one in asked if not one.query.design_id
    )
    count = len(registry.names)
    return [
        f"{count:,}", f"{registry.distinct:,}", cells[0], cells[4], f"{np.mean(ranks):.3f}",
        f"{flagged} of {len(asked) - len(ranks)}", f"{statistics.mean(votes) * 1e3:.0f}",
        f"{statistics.mean(whole) * 1e3:.0f}", f"{index_bytes(registry.index) / count:,.0f}",
    ]  # fmt: skip


def main() -> None:
    """Print a Markdown table, one row per size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--designs", type=int, nargs="+", default=[600, 3_000, 30_000, 100_000])
    parser.add_argument("--prints", type=int, default=120)
    parser.add_argument("--negatives", type=int, default=60)
    parser.add_argument(
        "--fine", type=int, help="look into so many fine words of eight, instead of reach_for's"
    )
    parser.add_argument(
        "--pictures", type=Path, help="a folder of further distractors (render_icons.py makes one)"
    )
    given = parser.parse_args()
    queries = sample(given.prints, given.negatives)
    registry = Crowd(
        index=FiledFeatureIndex(reach=lambda n: Reach(8, given.fine) if given.fine else reach_for(n))
    )
    registry.register(designs())
    asked = read(registry, queries)
    others = pictures_of_others(queries, given.pictures)
    print(f"| {' | '.join(HEAD)} |\n|{'---:|' * len(HEAD)}", flush=True)
    for size in sorted(given.designs):
        room = max(0, size - len(registry.names))
        registry.register(others[:room])
        others = others[room:]
        registry.crowd_to(size)
        print("| " + " | ".join(measure(registry, asked)) + " |", flush=True)


if __name__ == "__main__":
    main()
