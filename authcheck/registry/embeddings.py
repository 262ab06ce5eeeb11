"""Vectors of registered pictures by an optional neural model, and the search among them for designs to look at closer.

A vector takes part in checks from its own registry tick on, which is later than its view's where it was computed
afterwards, and as long as its view does. Vectors of another model stay where they are and are not looked at.
"""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Self

import numpy as np
from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from authcheck.config import Settings, three_numbers
from authcheck.errors import ImageRejected, NotFound, StorageFailed
from authcheck.registry.clock import current_tick, live_at, lock_registry, next_tick
from authcheck.registry.tables import View, ViewEmbedding
from authcheck.storage.database import Database, stream_rows
from authcheck.storage.pictures import PictureStore
from authcheck.vision.features.embedding_index import EmbeddingIndex, Vectors
from authcheck.vision.features.neural import NeuralDescriptor, NeuralModel
from authcheck.vision.pictures.decode import Limits, open_picture

CHUNK = 32  # pictures described before one transaction stores their vectors
STORED = np.float16  # half the bytes; a similarity moves by less than 0.001
log = logging.getLogger("authcheck.embeddings")


def open_descriptor(settings: Settings) -> NeuralDescriptor | None:
    """The neural model that the settings name, None where they name none. Raises BadSetting (`neural.*`)."""
    if settings.neural_model is None:
        return None
    mean, std = three_numbers(settings.neural_mean), three_numbers(settings.neural_std)
    return NeuralDescriptor.open(NeuralModel(settings.neural_model, settings.neural_input_px, mean, std))


def missing(session: Session, model: str, limit: int, after: int = 0) -> Sequence[View]:
    """At most `limit` live views, by number from `after` on, that have no vector by the model of that name."""
    query = select(View).where(View.number > after, _lacks(model)).order_by(View.number).limit(limit)
    return session.scalars(query).all()


def fill_embeddings(
    database: Database, store: PictureStore, limits: Limits, descriptor: NeuralDescriptor
) -> int:
    """Compute from the stored pictures every vector that live views lack; how many were stored.

    Pictures are described outside of any transaction, CHUNK of them at a time, and each chunk is stored at once. A picture
    that is gone, altered or refused by now is logged and stops no other. Raises Unavailable, or BadSetting
    (`neural.model_output`).
    """
    count = after = 0
    while True:
        with database.reading() as session:
            views = missing(session, descriptor.name, CHUNK, after)
        if not views:
            return count
        after = views[-1].number
        found = dict(_described(views, store, limits, descriptor))
        with database.writing() as session:
            count += _store_missing(session, descriptor.name, found)


def _described(
    views: Sequence[View], store: PictureStore, limits: Limits, descriptor: NeuralDescriptor
) -> Iterator[tuple[int, Vectors]]:
    """The numbers of views and their vectors."""
    for view in views:
        try:
            picture = open_picture(store.get(view.picture_sha256), limits, detail_px=descriptor.input_px)
        except (NotFound, ImageRejected, StorageFailed) as error:
            log.warning("view %d has no vector: %s (%s)", view.number, error, view.picture_sha256)
        else:
            yield view.number, descriptor.describe([picture.image])[0]


def _store_missing(session: Session, model: str, vectors: Mapping[int, Vectors]) -> int:
    """Store those that are missing still: another process may fill as well."""
    lock_registry(session)
    views = session.scalars(select(View).where(View.number.in_(vectors), _lacks(model))).all()
    if views:
        tick = next_tick(session)
        session.add_all([_embedding(view, model, vectors[view.number], tick) for view in views])
    return len(views)


def _embedding(view: View, model: str, vector: Vectors, tick: int) -> ViewEmbedding:
    return ViewEmbedding(view=view, model=model, vector=vector.astype(STORED).tobytes(), added_tick=tick)


def _lacks(model: str) -> ColumnElement[bool]:
    known = exists().where(ViewEmbedding.view_number == View.number, ViewEmbedding.model == model)
    return View.removed_tick.is_(None) & ~known


def grow_index(index: EmbeddingIndex, session: Session, model: str, seen: int, now: int) -> EmbeddingIndex:
    """Return the index with the vectors of the ticks after `seen` up to `now`."""
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
    """A second source of candidates beside the votes of local features. Safe to share between threads."""

    def __init__(self, descriptor: NeuralDescriptor) -> None:
        self.descriptor = descriptor
        self._changing = threading.Lock()
        self._now = 0, EmbeddingIndex.empty(descriptor.size)  # replaced as one, so that searches need no lock

    @classmethod
    def open(cls, settings: Settings) -> Self | None:
        """Of the model that the settings name, None where they name none. Raises BadSetting (`neural.*`)."""
        descriptor = open_descriptor(settings)
        return cls(descriptor) if descriptor else None

    def __len__(self) -> int:
        """Vectors searched."""
        return len(self._now[1])

    def remember(self, session: Session, view: View, vector: Vectors) -> None:
        """Store the vector `(size,)` of a view in the transaction that registers it."""
        session.add(_embedding(view, self.descriptor.name, vector, view.added_tick))

    def candidates(
        self, session: Session, vector: Vectors, count: int, up_to: int | None = None
    ) -> list[int]:
        """The numbers of at most `count` views whose vectors are nearest to `vector` `(size,)`, most similar first.

        Searched is the registry as `session` sees it or, where another thread has moved the index on, later; who has
        advanced the clock in its own transaction passes the last committed tick as `up_to`. Always the nearest there
        are, however far: whether one is the design is for the stages after this to say.
        """
        wanted = current_tick(session) if up_to is None else up_to
        index = self._index_at(session, wanted)
        return [int(number) for number in index.search(vector, count)[0]]

    def _index_at(self, session: Session, wanted: int) -> EmbeddingIndex:
        """The index, at `wanted` or later. A change that breaks off leaves it as it was."""
        if self._now[0] < wanted:
            with self._changing:
                seen, index = self._now
                if seen < wanted:
                    self._now = wanted, self._advanced(session, index, seen, wanted)
        return self._now[1]

    def _advanced(self, session: Session, index: EmbeddingIndex, seen: int, now: int) -> EmbeddingIndex:
        gone = session.scalars(
            select(View.number).where(View.removed_tick > seen, View.removed_tick <= now)
        ).all()
        return grow_index(index.without(np.array(gone, np.int64)), session, self.descriptor.name, seen, now)
