"""The index of local features of this process, kept equal to the database by the registry's tick, as LiveGallery is.

It begins with the snapshot that this or another process left in the data folder, if that is of this very registry, and
takes over what changed since; where there is none it is filled from the records in the database. Nothing is extracted.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from authcheck.database import stream_rows
from authcheck.errors import Unavailable
from authcheck.local.features import SCHEME, Features
from authcheck.local.filed_index import FiledFeatureIndex
from authcheck.local.index import FeatureIndex
from authcheck.local.snapshot import Snapshot, Stand, open_snapshot, sole_writer
from authcheck.registry.live import current_tick, live_at
from authcheck.registry.negatives import negatives_at
from authcheck.registry.turns import Turns
from authcheck.tables import NegativePicture, RegistryClock, View, ViewFeatures

BATCH = 500  # records read at once, some 20 KB each
Answer = TypeVar("Answer")
log = logging.getLogger("authcheck.index")


def view_key(number: int) -> int:
    """The key of a view in the index."""
    return 2 * number


def negative_key(number: int) -> int:
    """The key of a negative picture in the index."""
    return 2 * number + 1


def number_of(key: int) -> int:
    """The number of the view or negative picture that has this key."""
    return key // 2


class LiveFeatures:
    """An index over the local features of all live views and negative pictures. Safe to share between threads.

    Args:
        folder: where snapshots lie, shared by all processes of this registry; one that cannot be written only makes
            starting slower.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index = FiledFeatureIndex()
        self._tick = 0
        self._begun_at = 0  # the tick of the snapshot that the index began with
        self._turns = Turns()

    def __len__(self) -> int:
        """Views and negative pictures searched."""
        return len(self._index)

    def search(
        self, session: Session, ask: Callable[[FeatureIndex], Answer], up_to: int | None = None
    ) -> tuple[int, Answer]:
        """The tick searched and what `ask` makes of the index, which it must not change or keep.

        The tick may be later than what `session` sees, where another thread has moved the index on. A transaction that
        has advanced the clock itself passes the last committed tick as `up_to`. Raises Unavailable
        (`registry.old_scheme`).
        """
        while True:
            wanted = self.refresh(session, up_to)
            with self._turns.reading():
                if self._tick >= wanted:  # else a change broke off and the index starts anew
                    return self._tick, ask(self._index)

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
            self._index.remove(_gone(session, self._tick, now))
            _add(self._index, session, _came(View, self._tick, now), _came(NegativePicture, self._tick, now))
            self._tick = now
        except BaseException:
            self._begin_with(None)  # half changed: the next search fills a new one
            raise
        return self._index.due

    def _begin_with(self, snapshot: Snapshot | None) -> None:
        self._index = FiledFeatureIndex(snapshot)
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
                self._index.write(self._folder, _stand(session, self._tick))


def features_index_at(session: Session, tick: int) -> FeatureIndex:
    """The registry as it stood at an earlier tick, in memory."""
    index = FiledFeatureIndex()
    _add(index, session, live_at(tick), negatives_at(tick))
    return index


def _add(
    index: FiledFeatureIndex, session: Session, views: ColumnElement[bool], negatives: ColumnElement[bool]
) -> None:
    """Read the records of these views and negative pictures in."""
    of_views = (
        select(View.number, ViewFeatures.record).join(View.local).where(views, ViewFeatures.scheme == SCHEME)
    )
    of_negatives = select(NegativePicture.number, NegativePicture.record).where(
        negatives, NegativePicture.scheme == SCHEME
    )
    for statement, key in ((of_views, view_key), (of_negatives, negative_key)):
        for rows in stream_rows(session, statement, BATCH):
            index.add([key(number) for number, _ in rows], [Features.from_bytes(data) for _, data in rows])


def _came(kind: type[View | NegativePicture], seen: int, now: int) -> ColumnElement[bool]:
    live = or_(kind.removed_tick.is_(None), kind.removed_tick > now)
    return and_(kind.added_tick > seen, kind.added_tick <= now, live)


def _gone(session: Session, seen: int, now: int) -> list[int]:
    """The keys of what was there at `seen` and no longer is at `now`."""
    keys: list[int] = []
    for kind, key in ((View, view_key), (NegativePicture, negative_key)):
        gone = and_(kind.removed_tick > seen, kind.removed_tick <= now, kind.added_tick <= seen)
        keys += [key(number) for number in session.scalars(select(kind.number).where(gone))]
    return keys


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
