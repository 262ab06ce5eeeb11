"""Search of the registry for a check: first by hashes, then by local features if the hashes leave it open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from authcheck.registry.embeddings import NeuralCandidates
from authcheck.registry.live_features import LiveFeatures
from authcheck.registry.live_hashes import Hits, LiveGallery
from authcheck.registry.tables import CLEAR, Design, NegativePicture, View, ViewFeatures
from authcheck.storage.database import Database
from authcheck.vision.features import extract
from authcheck.vision.features.features import SCHEME, Features
from authcheck.vision.fingerprints.fingerprint import Fingerprint
from authcheck.vision.fingerprints.gallery import Hit
from authcheck.vision.matching import matcher
from authcheck.vision.matching.alignment import Alignment
from authcheck.vision.matching.backdrops import Backdrop
from authcheck.vision.matching.matcher import Examined, Hint, Question
from authcheck.vision.matching.redrawn import rate_redrawing
from authcheck.vision.matching.score import NUMBERS, Model
from authcheck.vision.matching.subjects import Known, Submitted
from authcheck.vision.matching.votes import Pose
from authcheck.vision.pictures.decode import Limits, open_picture

HINTS = 8  # views that the hashes propose to the local stages; a neural model proposes as many
LEAST_HINT = 0.02  # hash score; the local stages get no hint with a lower score
PAIRS = NUMBERS.index("pairs")


@dataclass(frozen=True, slots=True)
class Seen:
    """A view that the local stages examined, with its measurements (`score.NUMBERS`) and its place.

    `among_earlier` are the measurements without later views of other owners as rivals, None where they are
    the same. `redrawn` says how clearly the picture shows a redrawing of the design (`rate_redrawing`). It is
    0 for a view that is no match, and in checks of releases that did not measure it.
    """

    view_number: int
    numbers: tuple[float, ...]
    alignment: Alignment
    among_earlier: tuple[float, ...] | None = None
    redrawn: float = 0.0

    @property
    def pairs(self) -> int:
        """Return how many feature points of picture and design agree on the pose."""
        return round(float(np.expm1(self.numbers[PAIRS])))

    @property
    def shows(self) -> bool:
        """Return whether feature points give the design's place.

        Otherwise the hashes only assume the place.
        """
        return self.pairs > 0

    def to_json(self) -> dict[str, Any]:
        """Return the look as `Check.looks` stores it."""
        return {
            "view_number": self.view_number,
            "numbers": list(self.numbers),
            "alignment": self.alignment.to_json(),
            **({"among_earlier": list(self.among_earlier)} if self.among_earlier else {}),
            **({"redrawn": self.redrawn} if self.redrawn else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read the output of `to_json`. Raises KeyError, TypeError or ValueError for anything else."""
        numbers = tuple(map(float, data["numbers"]))
        among_earlier = tuple(map(float, data["among_earlier"])) if "among_earlier" in data else None
        if len(numbers) != len(NUMBERS) or len(among_earlier or numbers) != len(NUMBERS):
            raise ValueError("numbers of another scheme")
        alignment = Alignment.from_json(data["alignment"])
        redrawn = float(data.get("redrawn", 0.0))
        return cls(int(data["view_number"]), numbers, alignment, among_earlier, redrawn)


class Finder:
    """The indexes of this process over the registry. Threads may share a finder.

    Args:
        folder: the folder where the index of local features keeps its snapshot.
        neural: an optional model that proposes further designs.
    """

    def __init__(self, folder: Path, neural: NeuralCandidates | None = None) -> None:
        self.live = LiveGallery()
        self.features = LiveFeatures(folder)
        self.neural = neural

    def by_hashes(self, session: Session, query: Fingerprint, count: int) -> tuple[int, Hits]:
        """Return the registry tick of the search and, per standing, the views with the nearest hashes.

        Raises Unavailable (`registry.old_scheme`).
        """
        return self.live.search(session, query, count)

    def look(
        self,
        database: Database,
        data: bytes,
        limits: Limits,
        *,
        hits: Hits,
        model: Model,
        enough: float,
        without: str | None = None,
        submitted: Submitted | None = None,
    ) -> list[Seen]:
        """Compare the picture in `data` with views by local features. `submitted` is the picture, if read.

        `hits` are the results of the hash search. The views of each standing in `hits` are examined apart, so
        that no copy takes the place of the first view or counts as its rival. When no view of a standing
        scores `enough`, its views are examined again with light and dark swapped. Views that score `enough`
        are rated as redrawings. `without` is the id of an owner whose views are left out. Raises
        ImageRejected, Unavailable (`registry.old_scheme`).
        """
        submitted = submitted or read_submitted(data, limits)
        shelf = Shelf(database, without)
        looks: list[Seen] = []
        for standing, hits_there in hits.items():
            hints = hints_of(hits_there)
            if self.neural is not None and standing == CLEAR:
                hinted = {hint.key for hint in hints}
                hints += self._hints_by_model(database, self.neural, data, limits, hinted)
            examination = matcher.examine(
                submitted,
                partial(self._search_features, database, standing),
                shelf,
                hints,
                lambda numbers: model.score(numbers) >= enough,
            )
            for look, seen in zip(examination.looks, seen_in(examination), strict=True):
                is_match = model.score(seen.numbers) >= enough
                looks.append(replace(seen, redrawn=rate_redrawing(submitted, look)) if is_match else seen)
        return looks

    def _search_features(self, database: Database, standing: str, question: Question) -> list[Pose]:
        with database.reading() as session:
            return self.features.search(session, question, standing=standing)[1]

    def _hints_by_model(
        self, database: Database, neural: NeuralCandidates, data: bytes, limits: Limits, hinted: set[int]
    ) -> list[Hint]:
        """Return hints at views that the neural model proposes, without the views in `hinted`."""
        picture = open_picture(data, limits, detail_px=neural.descriptor.input_px)
        vector = neural.descriptor.describe([picture.image])[0]
        with database.reading() as session:
            numbers = neural.candidates(session, vector, HINTS)
        return [
            Hint(number, 0.0, 0.0, mirrored=False, whole=False) for number in numbers if number not in hinted
        ]


def read_submitted(data: bytes, limits: Limits) -> Submitted:
    """Decode a picture for the local stages. Raises ImageRejected."""
    return Submitted.of(open_picture(data, limits, detail_px=extract.PICTURE_DETAIL_PX))


def seen_in(examination: Examined) -> list[Seen]:
    """Return the looks with alignments as the database stores them, so that a replay decides by them too."""
    return [
        Seen(
            look.verified.known.key,
            tuple(numbers.tolist()),
            Alignment.from_json(look.alignment.to_json()),
            None if among_earlier is None else tuple(among_earlier.tolist()),
        )
        for look, numbers, among_earlier in zip(
            examination.looks, examination.numbers, examination.among_earlier, strict=True
        )
    ]


def known_view(key: int, view: View, local: ViewFeatures, owner_id: str) -> Known:
    """Return a view as the local stages read it."""
    return Known(
        key,
        view.design_id,
        owner_id,
        Features.from_bytes(local.record),
        local.thumbnail,
        view.width_px,
        view.height_px,
        view.priority,
    )


class Shelf:
    """The stored features of views and negative pictures, as `matcher.examine` reads them.

    `without` is the id of an owner whose views are left out.
    """

    def __init__(self, database: Database, without: str | None = None) -> None:
        self._database, self._without = database, without

    def views(self, keys: Sequence[int]) -> Mapping[int, Known]:
        """Implement `matcher.Shelf`."""
        query = (
            select(View, ViewFeatures, Design.owner_id)
            .options(defer(View.fingerprint))
            .join(View.local)
            .join(View.design)
            .where(View.number.in_(keys), ViewFeatures.scheme == SCHEME)
        )
        if self._without is not None:
            query = query.where(Design.owner_id != self._without)
        with self._database.reading() as session:
            return {
                view.number: known_view(view.number, view, local, owner_id)
                for view, local, owner_id in session.execute(query)
            }

    def backdrops(self, keys: Sequence[int]) -> Mapping[int, Backdrop]:
        """Implement `matcher.Shelf`."""
        query = select(NegativePicture).where(
            NegativePicture.number.in_(keys),
            NegativePicture.scheme == SCHEME,
        )
        with self._database.reading() as session:
            return {
                negative.number: Backdrop(Features.from_bytes(negative.record), negative.owner_id)
                for negative in session.scalars(query)
            }


def hints_of(hits: Sequence[Hit]) -> list[Hint]:
    """Return the best hash hits as hints for the local stages."""
    hints = []
    for hit in hits[:HINTS]:
        if hit.score < LEAST_HINT:
            break
        angle = hit.orientation.rpartition("rot")[2]
        hints.append(
            Hint(
                hit.view_id,
                hit.score,
                float(angle) if angle.isdigit() else 0.0,
                mirrored=hit.orientation.startswith("mirror"),
                whole=hit.window == "whole",
            )
        )
    return hints
