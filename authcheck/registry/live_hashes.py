"""The search index of this process, kept equal to the database by a watermark.

Every change of the registry raises one counter (RegistryClock) whose row lock is held until commit, so ticks become
visible in order. Before each search the index takes over all that happened since the tick it stands at: a design
registered by any process is found by the next check in every process, and a retired one is not.
"""

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from authcheck.errors import Unavailable
from authcheck.registry.clock import current_tick, live_at
from authcheck.registry.index_turns import Turns
from authcheck.registry.tables import View
from authcheck.storage.database import stream_rows
from authcheck.vision.fingerprints.fingerprint import SCHEME, Fingerprint
from authcheck.vision.fingerprints.gallery import Gallery, Hit


class LiveGallery:
    """A Gallery over all live views. Safe to share between threads."""

    def __init__(self) -> None:
        self._gallery = Gallery()
        self._tick = 0
        self._turns = Turns()

    def __len__(self) -> int:
        """Views searched."""
        return len(self._gallery)

    def search(
        self, session: Session, query: Fingerprint, count: int, up_to: int | None = None
    ) -> tuple[int, list[Hit]]:
        """The tick searched and at most `count` hits, best first. Raises Unavailable (`registry.old_scheme`).

        The tick may be later than what `session` sees, where another thread has moved the index on. A transaction that
        has advanced the clock itself passes the last committed tick as `up_to`.
        """
        while True:
            wanted = self.refresh(session, up_to)
            with self._turns.reading():
                if self._tick >= wanted:  # else a change broke off and the index starts anew
                    return self._tick, self._gallery.search(query, count)

    def refresh(self, session: Session, up_to: int | None = None) -> int:
        """Take over what changed since last time; the tick the index then stands at."""
        now = current_tick(session) if up_to is None else up_to
        if now > self._tick:
            with self._turns.changing():
                if now > self._tick:
                    self._advance(session, now)
        return max(now, self._tick)

    def _advance(self, session: Session, now: int) -> None:
        """Take the changes of the ticks after ours up to `now` over."""
        seen = self._tick
        if seen == 0:
            _refuse_old_schemes(session)
        removed = select(View.number).where(
            View.removed_tick > seen, View.removed_tick <= now, View.added_tick <= seen
        )
        try:
            if gone := list(session.scalars(removed)):
                self._gallery.remove(gone)
            _load(self._gallery, session, and_(View.added_tick > seen, live_at(now)))
            self._tick = now
        except BaseException:
            self._gallery, self._tick = Gallery(), 0  # half changed: the next search fills a new one
            raise


def gallery_at(session: Session, tick: int) -> Gallery:
    """The registry as it stood at an earlier tick."""
    gallery = Gallery()
    _load(gallery, session, live_at(tick))
    return gallery


def _load(gallery: Gallery, session: Session, which: ColumnElement[bool]) -> None:
    statement = select(View.number, View.fingerprint).where(which, View.scheme == SCHEME)
    for rows in stream_rows(session, statement):
        gallery.add([number for number, _ in rows], [record for _, record in rows])


def _refuse_old_schemes(session: Session) -> None:
    stale = session.scalar(
        select(func.count()).select_from(View).where(View.scheme != SCHEME, View.removed_tick.is_(None))
    )
    if stale:
        raise Unavailable(
            f"{stale} pictures were fingerprinted by another release: run `authcheck db upgrade`.",
            code="registry.old_scheme",
            views=stale,
        )
