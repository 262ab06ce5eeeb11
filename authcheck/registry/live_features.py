"""The index of local features of this process, kept equal to the database by the registry's tick, as LiveGallery is.

It begins with the snapshot that this or another process left in the data folder, if that is of this very registry, and
takes over what changed since; where there is none it is filled from the records in the database. Nothing is extracted.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from authcheck.errors import Unavailable
from authcheck.registry.clock import current_tick, live_at
from authcheck.registry.index_turns import Turns
from authcheck.registry.negatives import negatives_at
from authcheck.registry.tables import NegativePicture, RegistryClock, View, ViewFeatures
from authcheck.storage.database import stream_rows
from authcheck.vision.features.features import SCHEME, Features
from authcheck.vision.features.filed_index import FiledFeatureIndex
from authcheck.vision.features.index import FeatureIndex
from authcheck.vision.features.snapshot import Snapshot, Stand, open_snapshot, sole_writer

BATCH = 500  # records read at once, some 20 KB each
Answer = TypeVar("Answer")
# What is asked of the index of views and, by owner (None: everybody), those of negative pictures.
Ask = Callable[[FeatureIndex, Mapping[str | None, FeatureIndex]], Answer]
log = logging.getLogger("authcheck.index")


class LiveFeatures:
    """An index over the local features of all live views, and one over each owner's negative pictures. Safe to share between threads.

    In one index, negative pictures could crowd a design out of every search: whoever adds ten copies of it takes all the
    nearest points.

    Args:
        folder: where snapshots lie, shared by all processes of this registry; one that cannot be written only makes
            starting slower.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._views = FiledFeatureIndex()
        self._negatives: dict[str | None, FiledFeatureIndex] = {}
        self._tick = self._negatives_tick = 0
        self._begun_at = 0  # the tick of the snapshot that the index began with
        self._turns = Turns()

    def __len__(self) -> int:
        """Views and negative pictures searched."""
        return len(self._views) + sum(map(len, self._negatives.values()))

    def search(self, session: Session, ask: Ask[Answer], up_to: int | None = None) -> tuple[int, Answer]:
        """The tick searched and what `ask` makes of the indexes, which it must not change or keep. Keys are numbers.

        The tick may be later than what `session` sees, where another thread has moved the index on. A transaction that
        has advanced the clock itself passes the last committed tick as `up_to`. Raises Unavailable
        (`registry.old_scheme`).
        """
        while True:
            wanted = self.refresh(session, up_to)
            with self._turns.reading():
                if self._tick >= wanted:  # else a change broke off and the index starts anew
                    return self._tick, ask(self._views, self._negatives)

    def refresh(self, session: Session, up_to: int | None = None) -> int:
        """Take over what changed since last time; the tick that a search has to find the index at, or later."""
        now = current_tick(session) if up_to is None else up_to
        if now > self._tick:
            with self._turns.changing():
                due = now > self._tick and self._advance(session, now)
            if (
                due and up_to is None
            ):  # a transaction that changes the registry is not kept waiting for the disk
                self._save(session)
        return max(now, self._tick)

    def _advance(self, session: Session, now: int) -> bool:
        """Take the changes of the ticks after ours up to `now` over; whether a snapshot is due."""
        try:
            if self._tick == 0:
                self._begin_with(self._found(session, now))
            _refuse_old_schemes(session, self._tick, now)
            _take_over(self._views, session, self._tick, now)
            _take_over_negatives(self._negatives, session, self._negatives_tick, now)
            self._tick = self._negatives_tick = now
        except BaseException:
            self._begin_with(None)  # half changed: the next search fills new ones
            self._negatives, self._negatives_tick = {}, 0
            raise
        return self._views.due

    def _begin_with(self, snapshot: Snapshot | None) -> None:
        self._views = FiledFeatureIndex(snapshot)
        self._tick = self._begun_at = snapshot.stand.tick if snapshot else 0

    def _found(self, session: Session, now: int) -> Snapshot | None:
        """The snapshot in the folder, if it is of this registry as it stood at a tick up to `now`."""
        snapshot = open_snapshot(self._folder)
        if snapshot is None or snapshot.stand.tick > now:
            return None
        return snapshot if snapshot.stand == _stand(session, snapshot.stand.tick) else None

    def _save(self, session: Session) -> None:
        """Go on with a new snapshot: another process', or one written here, while searches go on.

        Only one process writes at a time; others stay with what they have until their next change.
        """
        try:
            with sole_writer(self._folder) as alone:
                if alone:
                    self._write(session)
        except OSError as error:
            log.warning("no snapshot of the index in %s: %s", self._folder, error)
            return
        snapshot = self._found(session, current_tick(session))
        if snapshot is not None and snapshot.stand.tick > self._begun_at:
            with self._turns.changing():
                self._begin_with(snapshot)  # what came since is taken over again by the search that follows

    def _write(self, session: Session) -> None:
        there, now = self._found(session, current_tick(session)), current_tick(session)
        if there is not None and there.stand.tick > self._begun_at:
            return
        with self._turns.reading():
            if 0 < self._tick <= now:  # else this session does not see what the index holds
                self._views.write(self._folder, _stand(session, self._tick))


def _take_over(index: FiledFeatureIndex, session: Session, seen: int, now: int) -> None:
    """Take views that went after `seen` up to `now` out, and read the records of those that came in."""
    index.remove(list(session.scalars(select(View.number).where(_went(View, seen, now)))))
    came = select(View.number, ViewFeatures.record).join(View.local)
    came = came.where(_came(View, seen, now), ViewFeatures.scheme == SCHEME)
    for rows in stream_rows(session, came, BATCH):
        index.add([number for number, _ in rows], [Features.from_bytes(record) for _, record in rows])


def _take_over_negatives(
    indexes: dict[str | None, FiledFeatureIndex], session: Session, seen: int, now: int
) -> None:
    """As `_take_over`, of negative pictures, by owner."""
    number, owner = NegativePicture.number, NegativePicture.owner_id
    for owner_id, gone in session.execute(select(owner, number).where(_went(NegativePicture, seen, now))):
        indexes[owner_id].remove([gone])
    came = select(owner, number, NegativePicture.record)
    came = came.where(_came(NegativePicture, seen, now), NegativePicture.scheme == SCHEME)
    for rows in stream_rows(session, came, BATCH):
        for owner_id, new, record in rows:
            indexes.setdefault(owner_id, FiledFeatureIndex()).add([new], [Features.from_bytes(record)])
    for owner_id in [owner_id for owner_id, index in indexes.items() if not len(index)]:
        del indexes[owner_id]


def _went(kind: type[View | NegativePicture], seen: int, now: int) -> ColumnElement[bool]:
    return and_(kind.removed_tick > seen, kind.removed_tick <= now, kind.added_tick <= seen)


def _came(kind: type[View | NegativePicture], seen: int, now: int) -> ColumnElement[bool]:
    live = or_(kind.removed_tick.is_(None), kind.removed_tick > now)
    return and_(kind.added_tick > seen, kind.added_tick <= now, live)


def _refuse_old_schemes(session: Session, seen: int, now: int) -> None:
    views = (
        select(func.count())
        .select_from(View)
        .outerjoin(View.local)
        .where(
            _came(View, seen, now),
            or_(ViewFeatures.view_number.is_(None), ViewFeatures.scheme != SCHEME),
        )
    )
    negatives = (
        select(func.count())
        .select_from(NegativePicture)
        .where(_came(NegativePicture, seen, now), NegativePicture.scheme != SCHEME)
    )
    stale = (session.scalar(views) or 0) + (session.scalar(negatives) or 0)
    if stale:
        raise Unavailable(
            f"{stale} pictures were read by another release: run `authcheck db upgrade`.",
            code="registry.old_scheme",
            views=stale,
        )


def _stand(session: Session, tick: int) -> Stand:
    """What the registry was at a tick, so far as tells it from another one, or from itself restored and gone another way."""
    history: list[object] = []
    for kind, live in ((View, live_at(tick)), (NegativePicture, negatives_at(tick))):
        history += list(session.execute(select(func.count(), func.sum(kind.number)).where(live)).one())
        last = select(kind.added_at, kind.picture_sha256).where(kind.added_tick <= tick)
        history += list(session.execute(last.order_by(kind.number.desc()).limit(1)).first() or ())
    registry_id = session.scalars(select(RegistryClock.registry_id)).one()
    return Stand(registry_id, tick, " ".join(map(str, history)))
