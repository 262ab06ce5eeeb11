"""Evidence of all stages of a check in the pictures of match-data and match-photos, without a database.

    python tests/bench/local_evidence.py EVIDENCE.pickle

The evidence serves fitting and measuring.
"""

import os
import pickle
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from fit_score import PHOTOS, Query, designs, read_photos, read_queries, read_shown
from hard_kinds import make_queries
from numpy.typing import NDArray
from rich.progress import track

from authcheck.checks.finder import hints_of
from authcheck.errors import ImageRejected
from authcheck.vision.features import extract
from authcheck.vision.features.filed_index import FiledFeatureIndex
from authcheck.vision.features.thumbnail import thumbnail_bytes
from authcheck.vision.fingerprints import fingerprint
from authcheck.vision.fingerprints.gallery import Gallery
from authcheck.vision.matching import matcher
from authcheck.vision.matching.backdrops import Backdrop
from authcheck.vision.matching.redrawn import rate_redrawing
from authcheck.vision.matching.subjects import Known, Submitted
from authcheck.vision.pictures.decode import open_picture

HASH_HITS = 32


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of one query: (design, score) by hashes, the looks of the local stages, seconds by stage."""

    hashes: list[tuple[str, float]]
    looks: list["OneLook"]
    seconds: dict[str, float]


class OneLook(NamedTuple):
    """A look at a design: its numbers, its outline in the picture, and its rating as a redrawing."""

    design: str
    numbers: NDArray[np.float64]
    outline: tuple[tuple[float, float], ...]
    redrawn: float


@dataclass
class Registry:
    """A registry in memory: the shelf that `matcher.examine` reads from. Keys are the numbers of pictures."""

    names: list[str] = field(default_factory=list)
    gallery: Gallery = field(default_factory=Gallery)
    index: FiledFeatureIndex = field(default_factory=FiledFeatureIndex)
    known: dict[int, Known] = field(default_factory=dict)

    def register(self, paths: Sequence[Path]) -> None:
        """Register pictures under the stems of their names. Skip refused pictures."""
        for path in paths:
            data = path.read_bytes()
            try:
                picture, hashes = fingerprint.read(data)
            except ImageRejected:
                continue
            number, image = len(self.names), open_picture(data, detail_px=extract.DESIGN_DETAIL_PX).image
            self.names.append(path.stem)
            self.gallery.add([number], [hashes.reference().to_bytes()])
            features = extract.of_design(image)
            self.index.add([number], [features])
            thumbnail = thumbnail_bytes(image, None)
            size = picture.width_px, picture.height_px
            self.known[number] = Known(number, path.stem, "demo", features, thumbnail, *size)

    def views(self, keys: Sequence[int]) -> Mapping[int, Known]:
        """Return views, see `matcher.Shelf`."""
        return {key: self.known[key] for key in keys if key in self.known}

    def backdrops(self, keys: Sequence[int]) -> Mapping[int, Backdrop]:  # noqa: ARG002 - the protocol's
        """Return no negatives, see `matcher.Shelf`."""
        return {}

    def look_at(self, data: bytes) -> Evidence:
        """Run all stages, whatever the hashes say."""
        seconds, started = {}, time.process_time()

        def lap(stage: str) -> None:
            nonlocal started
            seconds[stage] = seconds.get(stage, 0.0) + time.process_time() - started
            started = time.process_time()

        hits = self.gallery.search(fingerprint.read(data)[1], HASH_HITS)
        lap("hashes")
        submitted = Submitted.of(open_picture(data, detail_px=extract.PICTURE_DETAIL_PX))
        lap("extraction")

        def nearest(ask: Any) -> Any:
            lap("verification")
            found = ask(self.index, {})
            lap("votes")
            return found

        found = matcher.examine(submitted, nearest, self, hints_of(hits), lambda _: False)
        lap("verification")
        ratings = [rate_redrawing(submitted, look) for look in found.looks]
        return Evidence(
            [(self.names[hit.view_id], hit.score) for hit in hits],
            [
                OneLook(look.verified.known.design, numbers, look.alignment.outline, rating)
                for look, numbers, rating in zip(found.looks, found.numbers, ratings, strict=True)
            ],
            seconds,
        )


_registry = Registry()
_made = tempfile.TemporaryDirectory()  # of the hard kinds; gone when the script ends


def _look(query: Query) -> tuple[str, Evidence]:
    try:
        return query.name, _registry.look_at(query.path.read_bytes())
    except ImageRejected:
        return query.name, Evidence([], [], {})


def collect(cached: Path | None = None) -> tuple[list[Query], dict[str, Evidence]]:
    """Return every query of tracks A, B, D and M and every negative, and the evidence by name.

    The designs of both folders are in one registry. Negatives that show products of match-photos are left
    out. Loads the evidence from the cache file if the file exists. Otherwise writes the file, if a file is
    named.
    """
    shown = read_shown()
    queries = [query for query in read_queries() if query.name not in shown] + read_photos()
    queries += make_queries(Path(_made.name))
    if cached is not None and cached.is_file():
        with cached.open("rb") as file:
            kept: dict[str, Evidence] = pickle.load(file)  # noqa: S301 - our own file, written by an earlier run
        return queries, kept
    _registry.register(list(track([*designs(), *sorted((PHOTOS / "designs").iterdir())], "Registering")))
    with get_context("fork").Pool(os.cpu_count()) as pool:
        evidence = dict(track(pool.imap(_look, queries, 4), "Looking", len(queries)))
    if cached is not None:
        with cached.open("wb") as file:
            pickle.dump(evidence, file)
    return queries, evidence


if __name__ == "__main__":
    import local_evidence  # pickle names a class after its module, which must not be __main__

    local_evidence.collect(Path(sys.argv[1]))
