"""Vectors of registered pictures from an optional neural model, and the search for candidates among them.

A vector takes part in checks from its own registry tick until its view is removed. Its tick is later than the
tick of its view when the vector was computed later. Vectors of another model stay stored but are not
searched.
"""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Self

import numpy as np
from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from authcheck.config import Settings
from authcheck.errors import ImageRejected, NotFound, StorageFailed
from authcheck.files.setting_numbers import three_numbers
from authcheck.registry.clock import current_tick, live_at, lock_registry, next_tick
from authcheck.registry.tables import View, ViewEmbedding
from authcheck.storage.database import Database, stream_rows
from authcheck.storage.pictures import PictureStore
from authcheck.vision.features.embedding_index import EmbeddingIndex, Vectors
from authcheck.vision.features.neural import NeuralDescriptor, NeuralModel
from authcheck.vision.pictures.decode import Limits, open_picture

CHUNK = 32  # pictures whose vectors one transaction stores
STORED = np.float16  # half the bytes of float32, and similarities change by less than 0.001
log = logging.getLogger("authcheck.embeddings")


def open_descriptor(settings: Settings) -> NeuralDescriptor | None:
    """Open the neural model that the settings name. Returns None when they name no model.

    Raises BadSetting (`neural.*`).
    """
    if settings.neural_model is None:
        return None
    mean, std = three_numbers(settings.neural_mean), three_numbers(settings.neural_std)
    return NeuralDescriptor.open(NeuralModel(settings.neural_model, settings.neural_input_px, mean, std))


def missing(session: Session, model: str, limit: int, after: int = 0) -> Sequence[View]:
    """Return at most `limit` live views that lack a vector of this model.

    Their numbers ascend from above `after`.
    """
    query = select(View).where(View.number > after, _lacks_vector(model)).order_by(View.number).limit(limit)
    return session.scalars(query).all()


def fill_embeddings(
    database: Database, store: PictureStore, limits: Limits, descriptor: NeuralDescriptor
) -> int:
    """Compute the vectors that live views lack, from the stored pictures.

    Returns the number of vectors stored.

    The model runs outside any transaction, on CHUNK pictures at a time. Each chunk is stored at once. The log
    names each picture that is lost, altered or rejected by now, and the others go on. Raises Unavailable, or
    BadSetting (`neural.model_output`).
    """
    count = after = 0
    while True:
        with database.reading() as session:
            views = missing(session, descriptor.name, CHUNK, after)
        if not views:
            return count
        after = views[-1].number
        vectors = dict(_compute_vectors(views, store, limits, descriptor))
        with database.writing() as session:
            count += _store_missing(session, descriptor.name, vectors)


def _compute_vectors(
    views: Sequence[View], store: PictureStore, limits: Limits, descriptor: NeuralDescriptor
) -> Iterator[tuple[int, Vectors]]:
    """Yield the number of each view and its vector."""
    for view in views:
        try:
            picture = open_picture(store.get(view.picture_sha256), limits, detail_px=descriptor.input_px)
        except (NotFound, ImageRejected, StorageFailed) as error:
            log.warning("view %d has no vector: %s (%s)", view.number, error, view.picture_sha256)
        else:
            yield view.number, descriptor.describe([picture.image])[0]


def _store_missing(session: Session, model: str, vectors: Mapping[int, Vectors]) -> int:
    """Store the vectors that are still missing, because another process may store vectors too.

    Returns the number of vectors stored.
    """
    lock_registry(session)
    views = session.scalars(select(View).where(View.number.in_(vectors), _lacks_vector(model))).all()
    if views:
        tick = next_tick(session)
        session.add_all([_new_embedding(view, model, vectors[view.number], tick) for view in views])
    return len(views)


def _new_embedding(view: View, model: str, vector: Vectors, tick: int) -> ViewEmbedding:
    return ViewEmbedding(view=view, model=model, vector=vector.astype(STORED).tobytes(), added_tick=tick)


def _lacks_vector(model: str) -> ColumnElement[bool]:
    """Return the condition for live views without a vector of this model."""
    has_vector = exists().where(ViewEmbedding.view_number == View.number, ViewEmbedding.model == model)
    return View.removed_tick.is_(None) & ~has_vector


def grow_index(index: EmbeddingIndex, session: Session, model: str, seen: int, now: int) -> EmbeddingIndex:
    """Return the index with the added vectors of the ticks after `seen`, up to and including `now`."""
    statement = (
        select(ViewEmbedding.view_number, ViewEmbedding.vector)
        .join(ViewEmbedding.view)
        .where(
            ViewEmbedding.model == model,
            ViewEmbedding.added_tick > seen,
            ViewEmbedding.added_tick <= now,
            live_at(now),
        )
    )
    for rows in stream_rows(session, statement):
        ids = np.array([number for number, _ in rows], np.int64)
        table = np.frombuffer(b"".join(vector for _, vector in rows), STORED)
        index = index.added(ids, table.reshape(len(rows), -1).astype(np.float32))
    return index


class NeuralCandidates:
    """A source of candidates, in addition to the votes of local features. Threads can share it safely."""

    def __init__(self, descriptor: NeuralDescriptor) -> None:
        self.descriptor = descriptor
        self._changing = threading.Lock()
        # Tick and index are replaced together, in one assignment, so that searches need no lock.
        self._now = 0, EmbeddingIndex.empty(descriptor.size)

    @classmethod
    def open(cls, settings: Settings) -> Self | None:
        """Open the model that the settings name. Returns None when they name no model.

        Raises BadSetting (`neural.*`).
        """
        descriptor = open_descriptor(settings)
        return cls(descriptor) if descriptor else None

    def __len__(self) -> int:
        """Return the number of vectors in the index."""
        return len(self._now[1])

    def remember(self, session: Session, view: View, vector: Vectors) -> None:
        """Store the vector `(size,)` of a view in the transaction that registers it."""
        session.add(_new_embedding(view, self.descriptor.name, vector, view.added_tick))

    def candidates(
        self, session: Session, vector: Vectors, count: int, up_to: int | None = None
    ) -> list[int]:
        """Return the numbers of the views nearest to `vector`, at most `count`, the most similar first.

        `vector` has the shape `(size,)`. The search covers the registry as `session` sees it, or a later
        state if another thread has advanced the index. A transaction that has advanced the clock itself
        passes the last committed tick as `up_to`. The result has the nearest views, even if they are far
        away. The later stages decide whether a view matches.
        """
        wanted = current_tick(session) if up_to is None else up_to
        index = self._index_at(session, wanted)
        return [int(number) for number in index.search(vector, count)[0]]

    def _index_at(self, session: Session, wanted: int) -> EmbeddingIndex:
        """Return the index at the tick `wanted` or later. A failed change leaves the index as it was."""
        if self._now[0] < wanted:
            with self._changing:
                seen, index = self._now
                if seen < wanted:
                    self._now = wanted, self._apply_changes(session, index, seen, wanted)
        return self._now[1]

    def _apply_changes(self, session: Session, index: EmbeddingIndex, seen: int, now: int) -> EmbeddingIndex:
        """Return the index with the changes of the ticks after `seen`, up to and including `now`."""
        removed = session.scalars(
            select(View.number).where(View.removed_tick > seen, View.removed_tick <= now)
        ).all()
        remaining = index.without(np.array(removed, np.int64))
        return grow_index(remaining, session, self.descriptor.name, seen, now)
