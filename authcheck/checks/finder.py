"""Where checks look: the hashes of this process first, and the local stages for what they leave open."""

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

HINTS = 8  # views that the hashes, and a neural model if there is one, propose to the local stages
LEAST_HINT = 0.02  # score by the hashes
PAIRS = NUMBERS.index("pairs")


@dataclass(frozen=True, slots=True)
class Seen:
    """A view that the local stages looked at closely: what they measured (`score.NUMBERS`), and where it lies."""

    view_number: int
    numbers: tuple[float, ...]
    alignment: Alignment

    @property
    def pairs(self) -> int:
        """How many points of picture and design agree on the pose."""
        return round(float(np.expm1(self.numbers[PAIRS])))

    @property
    def shows(self) -> bool:
        """Whether points say where the design lies; else hashes only assume it."""
        return self.pairs > 0

    def to_json(self) -> dict[str, Any]:
        """As `Check.looks` keeps it."""
        return {
            "view_number": self.view_number,
            "numbers": list(self.numbers),
            "alignment": self.alignment.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read `to_json` back. Raises KeyError, TypeError or ValueError for anything else."""
        numbers = tuple(map(float, data["numbers"]))
        if len(numbers) != len(NUMBERS):
            raise ValueError("numbers of another scheme")
        return cls(int(data["view_number"]), numbers, Alignment.from_json(data["alignment"]))


class Finder:
    """The indexes of this process over the registry. Safe to share between threads.

    Args:
        folder: where the index of local features keeps its snapshot.
        neural: an optional model that proposes further designs.
    """

    def __init__(self, folder: Path, neural: NeuralCandidates | None = None) -> None:
        self.live = LiveGallery()
        self.features = LiveFeatures(folder)
        self.neural = neural

    def by_hashes(self, session: Session, query: Fingerprint, count: int) -> tuple[int, list[Hit]]:
        """The tick searched and the views nearest by the hashes. Raises Unavailable (`registry.old_scheme`)."""
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
        """Look closely at the picture in `data`. `hits` are what hashes found, `enough` the score that settles it.

        Raises ImageRejected, Unavailable (`registry.old_scheme`).
        """
        picture = open_picture(data, limits, detail_px=extract.PICTURE_DETAIL_PX)
        hints = hints_of(hits)
        if self.neural is not None:
            hints += self._by_model(database, self.neural, data, limits, {hint.key for hint in hints})
        found = matcher.examine(
            Submitted.of(picture),
            partial(self._ask, database),
            _Shelf(database),
            hints,
            lambda numbers: model.score(numbers) >= enough,
        )
        return [
            # rounded as it is stored, so that a replay decides by the very same numbers
            Seen(
                look.verified.known.key,
                tuple(numbers.tolist()),
                Alignment.from_json(look.alignment.to_json()),
            )
            for look, numbers in zip(found.looks, found.numbers, strict=True)
        ]

    def _ask(self, database: Database, question: Question) -> list[Pose]:
        with database.reading() as session:
            return self.features.search(session, question)[1]

    def _by_model(
        self, database: Database, neural: NeuralCandidates, data: bytes, limits: Limits, known: set[int]
    ) -> list[Hint]:
        picture = open_picture(data, limits, detail_px=neural.descriptor.input_px)
        vector = neural.descriptor.describe([picture.image])[0]
        with database.reading() as session:
            numbers = neural.candidates(session, vector, HINTS)
        return [Hint(key, 0.0, 0.0, mirrored=False, whole=False) for key in numbers if key not in known]


class _Shelf:
    """What the database keeps of views and negative pictures, for `matcher.examine`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def views(self, keys: Sequence[int]) -> Mapping[int, Known]:
        """See `matcher.Shelf`."""
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
        """See `matcher.Shelf`."""
        query = select(NegativePicture).where(
            NegativePicture.number.in_(keys),
            NegativePicture.scheme == SCHEME,
        )
        with self._database.reading() as session:
            return {
                one.number: Backdrop(Features.from_bytes(one.record), one.owner_id)
                for one in session.scalars(query)
            }


def hints_of(hits: Sequence[Hit]) -> list[Hint]:
    """What the hashes have to say to the local stages."""
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
