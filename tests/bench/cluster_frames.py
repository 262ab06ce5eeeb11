"""Can the places of a design in two pictures tell that the pictures are crops of one picture (ADR 26)?

    python tests/bench/cluster_frames.py

Two crops of one picture show the design in places that differ by a scale and a shift. The script checks
every second shop photograph of match-photos with a crop of it, and made photographs of flat packages:
`packshot` (any side, see `cluster_pictures.py`) and `frontal` (the camera straight above, two grounds). For
pairs of one product it prints the share whose places agree: the corners of the design in one picture, scaled
and shifted as well as possible onto those in the other, are off by at most this share of its longer side.
"""

import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
from bench_index import table
from cluster_pictures import PHOTOS, crop, open_opaque, read_queries, shoot
from numpy.typing import NDArray
from PIL import Image

from authcheck.checks.answers import answer, read_submission
from authcheck.config import Settings
from authcheck.workspace import Workspace

sys.path.insert(0, str(Path(__file__).parents[1]))
import make

EACH = 4
CROPPED = 0.15
TOLERANCES = (0.005, 0.01, 0.02, 0.04)
CORNERS = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], np.float64)
Corners = NDArray[np.float64]


def main() -> None:
    """Print a Markdown table: copies should agree, photographs should not."""
    found: dict[tuple[str, str], list[tuple[str, Corners]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        work = Workspace.open(Settings(data_dir=Path(folder)))
        ids = {
            path.stem: make.register(work, path.stem, pictures=[path.read_bytes()]).design.id
            for path in sorted((PHOTOS / "designs").iterdir())
        }
        for kind, product, base, picture in pictures():
            corners = locate(work, picture, ids[product])
            if corners is not None:
                found[kind, product].append((base, corners))
        work.database.dispose()
    drifts: dict[str, list[float]] = defaultdict(list)
    for (kind, _), placed in found.items():
        for (base, corners), (other_base, other) in combinations(placed, 2):
            drifts["copies" if base == other_base else kind].append(drift(corners, other))
    rows = [
        [name, str(len(values)), *(f"{np.mean(np.array(values) <= most):.3f}" for most in TOLERANCES)]
        for name, values in drifts.items()
    ]
    table(["pairs", "located in both", *map(str, TOLERANCES)], rows)


def pictures() -> Iterator[tuple[str, str, str, Image.Image]]:
    """Make (kind, product, base, picture) of every picture to check. Copies have one base."""
    for product, name, photo in list(read_queries(PHOTOS, "D"))[::2]:
        yield "photo", product, name, photo
        yield "photo", product, name, crop(photo, random.Random(name), CROPPED)
    for path in sorted((PHOTOS / "designs").iterdir()):
        front = open_opaque(path)
        for number in range(EACH):
            for kind, angle_deg, slant in (("packshot", 15, 0.2), ("frontal", 0.5, 0.005)):
                dice = random.Random(f"{kind} {number} of {path.stem}")
                yield kind, path.stem, f"{kind} {number}", shoot(front, dice, angle_deg, slant)


def locate(work: Workspace, picture: Image.Image, design_id: str) -> Corners | None:
    """Return the corners of the design in the picture, `(4, 2)` pixels, None if a check does not find it."""
    submission = read_submission(make.encode(picture, "JPEG", quality=85), work.limits)
    findings = answer(work.database, work.finder, submission, work.policy).verdict.findings
    for candidate in (finding.candidate for finding in findings):
        if candidate.design_id == design_id and candidate.alignment is not None:
            corners = CORNERS @ candidate.alignment.matrix().T
            return corners[:, :2] / corners[:, 2:]
    return None


def drift(corners: Corners, other: Corners) -> float:
    """Return the greatest distance of corners after the best scale and shift, in longer sides of the design."""
    centred, onto = corners - corners.mean(axis=0), other - other.mean(axis=0)
    scale = float((centred * onto).sum() / (centred**2).sum())
    longer = float(np.ptp(onto, axis=0).max())
    return float(np.hypot(*(scale * centred - onto).T).max()) / longer if scale > 0 else 1.0


if __name__ == "__main__":
    main()
