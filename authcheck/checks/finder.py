"""Search of the registry for a check: first by hashes, then by local features if the hashes leave it open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.registry.embeddings import NeuralCandidates
from authcheck.registry.live_features import LiveFeatures
from authcheck.registry.live_hashes import LiveGallery
from authcheck.registry.tables import Design, NegativePicture, View, ViewFeatures
from authcheck.storage.database import Database
from authcheck.vision.features import extract
from authcheck.vision.features.features import SCHEME, Features
from authcheck.vision.features.thumbnail import Thumbnail
from authcheck.vision.fingerprints.fingerprint import Fingerprint
from authcheck.vision.fingerprints.gallery import Hit
from authcheck.vision.matching import matcher
from authcheck.vision.matching.alignment import Alignment
from authcheck.vision.matching.backdrops import Backdrop
from authcheck.vision.matching.matcher import Hint, Question
from authcheck.vision.matching.score import NUMBERS, Model
from authcheck.vision.matching.subjects import Known, Submitted
from authcheck.vision.matching.votes import Pose
from authcheck.vision.pictures.decode import Limits, open_picture

HINTS = 8  # views that the hashes propose to the local stages; a neural model proposes as many
LEAST_HINT = 0.02  # hash score; the local stages get no hint with a lower score
PAIRS = NUMBERS.index("pairs")


@dataclass(frozen=True, slots=True)
class Seen:
    """A view that the local stages examined, with its measurements (`score.NUMBERS`) and its place."""

    view_number: int
    numbers: tuple[float, ...]
    alignment: Alignment

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
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read the output of `to_json`. Raises KeyError, TypeError or ValueError for anything else."""
        numbers = tuple(map(float, data["numbers"]))
        if len(numbers) != len(NUMBERS):
            raise ValueError("numbers of another scheme")
        return cls(int(data["view_number"]), numbers, Alignment.from_json(data["alignment"]))


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

    def by_hashes(self, session: Session, query: Fingerprint, count: int) -> tuple[int, list[Hit]]:
        """Return the registry tick of the search and the views with the nearest hashes.

        Raises Unavailable (`registry.old_scheme`).
        """
        return self.live.search(session, query, count)

    def look(
        self,
        database: Database,
        data: bytes,
        limits: Limits,
        *,
        hits: Sequence[Hit],
        model: Model,
        enough: float,
    ) -> list[Seen]:
        """Compare the picture in `data` with views by local features.

        `hits` are the results of the hash search. When no view scores `enough`, the local stages examine the
        picture again with light and dark swapped.
        Raises ImageRejected, Unavailable (`registry.old_scheme`).
        """
        picture = open_picture(data, limits, detail_px=extract.PICTURE_DETAIL_PX)
        hints = hints_of(hits)
        if self.neural is not None:
            hints += self._hints_by_model(database, self.neural, data, limits, {hint.key for hint in hints})
        examination = matcher.examine(
            Submitted.of(picture),
            partial(self._search_features, database),
            _Shelf(database),
            hints,
            lambda numbers: model.score(numbers) >= enough,
        )
        return [
            # round the alignment as the database stores it, so that a replay decides by the same numbers
            Seen(
                look.verified.known.key,
                tuple(numbers.tolist()),
                Alignment.from_json(look.alignment.to_json()),
            )
            for look, numbers in zip(examination.looks, examination.numbers, strict=True)
        ]

    def _search_features(self, database: Database, question: Question) -> list[Pose]:
        with database.reading() as session:
            return self.features.search(session, question)[1]

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


class _Shelf:
    """The stored features of views and negative pictures, as `matcher.examine` reads them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def views(self, keys: Sequence[int]) -> Mapping[int, Known]:
        """Implement `matcher.Shelf`."""
        query = (
            select(View, ViewFeatures, Design.owner_id)
            .join(View.local)
            .join(View.design)
            .where(View.number.in_(keys), ViewFeatures.scheme == SCHEME)
        )
        with self._database.reading() as session:
            return {
                view.number: Known(
                    view.number,
                    view.design_id,
                    owner_id,
                    Features.from_bytes(local.record),
                    Thumbnail.from_bytes(local.thumbnail),
                    view.width_px,
                    view.height_px,
                )
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
