"""The index of local features of this process.

Like LiveGallery, it follows the database by the registry's tick.

The index starts with the snapshot in the data folder, which this or another process wrote. The snapshot must
be of this registry. The index then applies the changes since the snapshot. Without a snapshot, the index
reads all records from the database. It never extracts features from pictures.
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
from authcheck.registry.tables import CLEAR, STANDINGS, NegativePicture, RegistryClock, View, ViewFeatures
from authcheck.storage.database import stream_rows
from authcheck.vision.features.features import SCHEME, Features
from authcheck.vision.features.filed_index import FiledFeatureIndex
from authcheck.vision.features.index import FeatureIndex
from authcheck.vision.features.snapshot import Snapshot, Stand, open_snapshot, sole_writer

BATCH = 500  # records read at once, about 20 KB each
Answer = TypeVar("Answer")
# A question to an index of views and the indexes of negative pictures, by owner (None: for all owners).
Ask = Callable[[FeatureIndex, Mapping[str | None, FeatureIndex]], Answer]
log = logging.getLogger("authcheck.index")


class LiveFeatures:
    """Indexes of the local features of all live views, and one index per owner for negative pictures.

    Threads can share it safely. There is one index per standing of a view, and negative pictures have their
    own indexes, because in a shared index they could hide a design from every search: ten copies of the
    design would take all the nearest points. Only the index of clear views has snapshots.

    Args:
        folder: the folder of snapshots, shared by all processes of this registry. If the folder is not
            writable, only the start becomes slower.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._views = FiledFeatureIndex()
        self._followers = _empty_followers()
        self._negatives: dict[str | None, FiledFeatureIndex] = {}
        self._tick = 0
        self._unfiled_tick = 0  # of the indexes without a snapshot
        self._begun_at = 0  # the tick of the snapshot that the index started with
        self._turns = Turns()

    def __len__(self) -> int:
        """Return the number of views and negative pictures in the indexes."""
        indexes = (self._views, *self._followers.values(), *self._negatives.values())
        return sum(map(len, indexes))

    def search(
        self, session: Session, ask: Ask[Answer], up_to: int | None = None, *, standing: str = CLEAR
    ) -> tuple[int, Answer]:
        """Return the tick of the search and the answer of `ask` on the views of this standing.

        `ask` must not change or keep the indexes. Their keys are the numbers of views and negative pictures.
        The tick can be later than the tick that `session` sees, if another thread has advanced the index. A
        transaction that has advanced the clock itself passes the last committed tick as `up_to`. Raises
        Unavailable (`registry.old_scheme`) when an earlier release made some features.
        """
        while True:
            wanted = self.refresh(session, up_to)
            with self._turns.reading():
                if self._tick >= wanted:  # else a change failed and the index is empty again
                    views = self._views if standing == CLEAR else self._followers[standing]
                    return self._tick, ask(views, self._negatives)

    def refresh(self, session: Session, up_to: int | None = None) -> int:
        """Apply the changes since the last refresh. Returns the least tick that a search must see."""
        now = current_tick(session) if up_to is None else up_to
        if now > self._tick:
            with self._turns.changing():
                is_due = now > self._tick and self._advance(session, now)
            # A transaction that changes the registry (`up_to`) must not wait for the disk.
            if is_due and up_to is None:
                self._save(session)
        return max(now, self._tick)

    def _advance(self, session: Session, now: int) -> bool:
        """Apply the changes of the ticks after the index's own tick, up to and including `now`.

        Returns whether a snapshot is due.
        """
        try:
            if self._tick == 0:
                self._begin_with(self._found(session, now))
            _refuse_old_schemes(session, self._tick, now)
            _take_over(self._views, session, CLEAR, self._tick, now)
            for standing, index in self._followers.items():
                _take_over(index, session, standing, self._unfiled_tick, now)
            _take_over_negatives(self._negatives, session, self._unfiled_tick, now)
            self._tick = self._unfiled_tick = now
        except BaseException:
            self._begin_with(None)  # half changed: the next search fills new indexes
            self._followers, self._negatives, self._unfiled_tick = _empty_followers(), {}, 0
            raise
        return self._views.due

    def _begin_with(self, snapshot: Snapshot | None) -> None:
        self._views = FiledFeatureIndex(snapshot)
        self._tick = self._begun_at = snapshot.stand.tick if snapshot else 0

    def _found(self, session: Session, now: int) -> Snapshot | None:
        """Return the snapshot in the folder if it is of this registry at a tick up to `now`, else None."""
        snapshot = open_snapshot(self._folder)
        if snapshot is None or snapshot.stand.tick > now:
            return None
        return snapshot if snapshot.stand == _read_stand(session, snapshot.stand.tick) else None

    def _save(self, session: Session) -> None:
        """Switch to a new snapshot, which this or another process writes. Searches continue meanwhile.

        Only one process writes at a time. The other processes keep their indexes until their next change.
        """
        try:
            with sole_writer(self._folder) as is_sole:
                if is_sole:
                    self._write(session)
        except OSError as error:
            log.warning("cannot write a snapshot of the index in %s: %s", self._folder, error)
            return
        snapshot = self._found(session, current_tick(session))
        if snapshot is not None and snapshot.stand.tick > self._begun_at:
            with self._turns.changing():
                self._begin_with(snapshot)  # the next search applies the later changes again

    def _write(self, session: Session) -> None:
        """Write a snapshot, unless another process has written a newer one."""
        snapshot, now = self._found(session, current_tick(session)), current_tick(session)
        if snapshot is not None and snapshot.stand.tick > self._begun_at:
            return
        with self._turns.reading():
            if 0 < self._tick <= now:  # else the session does not see all changes that the index has
                self._views.write(self._folder, _read_stand(session, self._tick))


def _empty_followers() -> dict[str, FiledFeatureIndex]:
    return {standing: FiledFeatureIndex() for standing in STANDINGS if standing != CLEAR}


def _take_over(index: FiledFeatureIndex, session: Session, standing: str, seen: int, now: int) -> None:
    """Apply the changes of views after `seen`, up to and including `now`: first removals, then additions."""
    removed = select(View.number).where(_was_removed(View, seen, now), View.standing == standing)
    index.remove(list(session.scalars(removed)))
    added = select(View.number, ViewFeatures.record).join(View.local)
    added = added.where(_was_added(View, seen, now), View.standing == standing, ViewFeatures.scheme == SCHEME)
    for rows in stream_rows(session, added, BATCH):
        index.add([number for number, _ in rows], [Features.from_bytes(record) for _, record in rows])


def _take_over_negatives(
    indexes: dict[str | None, FiledFeatureIndex], session: Session, seen: int, now: int
) -> None:
    """Apply the changes of negative pictures to the index of each owner, as `_take_over` does for views."""
    number, owner = NegativePicture.number, NegativePicture.owner_id
    for owner_id, removed_number in session.execute(
        select(owner, number).where(_was_removed(NegativePicture, seen, now))
    ):
        indexes[owner_id].remove([removed_number])
    added = select(owner, number, NegativePicture.record)
    added = added.where(_was_added(NegativePicture, seen, now), NegativePicture.scheme == SCHEME)
    for rows in stream_rows(session, added, BATCH):
        for owner_id, added_number, record in rows:
            index = indexes.setdefault(owner_id, FiledFeatureIndex())
            index.add([added_number], [Features.from_bytes(record)])
    for owner_id in [owner_id for owner_id, index in indexes.items() if not len(index)]:
        del indexes[owner_id]


def _was_removed(kind: type[View | NegativePicture], seen: int, now: int) -> ColumnElement[bool]:
    return and_(kind.removed_tick > seen, kind.removed_tick <= now, kind.added_tick <= seen)


def _was_added(kind: type[View | NegativePicture], seen: int, now: int) -> ColumnElement[bool]:
    live = or_(kind.removed_tick.is_(None), kind.removed_tick > now)
    return and_(kind.added_tick > seen, kind.added_tick <= now, live)


def _refuse_old_schemes(session: Session, seen: int, now: int) -> None:
    views = (
        select(func.count())
        .select_from(View)
        .outerjoin(View.local)
        .where(
            _was_added(View, seen, now),
            or_(ViewFeatures.view_number.is_(None), ViewFeatures.scheme != SCHEME),
        )
    )
    negatives = (
        select(func.count())
        .select_from(NegativePicture)
        .where(_was_added(NegativePicture, seen, now), NegativePicture.scheme != SCHEME)
    )
    stale_count = (session.scalar(views) or 0) + (session.scalar(negatives) or 0)
    if stale_count:
        raise Unavailable(
            f"Another release made the local features of {stale_count} pictures. Run `authcheck db upgrade`.",
            code="registry.old_scheme",
            views=stale_count,
        )


def _read_stand(session: Session, tick: int) -> Stand:
    """Return the identity of the registry at a tick.

    It differs for another registry, and for the same registry after a restore from a backup that then changed
    in another way.
    """
    history: list[object] = []
    for kind, live in ((View, live_at(tick)), (NegativePicture, negatives_at(tick))):
        history += list(session.execute(select(func.count(), func.sum(kind.number)).where(live)).one())
        last = select(kind.added_at, kind.picture_sha256).where(kind.added_tick <= tick)
        history += list(session.execute(last.order_by(kind.number.desc()).limit(1)).first() or ())
    registry_id = session.scalars(select(RegistryClock.registry_id)).one()
    return Stand(registry_id, tick, " ".join(map(str, history)))
