"""The hash index of this process, which follows the database by the registry's tick.

Every change of the registry advances one counter (RegistryClock). The counter's row stays locked until the
commit, so ticks become visible in order. Before each search, the index applies all changes since its own
tick. The next check in every process therefore finds a new design and no longer finds a retired design.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from authcheck.errors import Unavailable
from authcheck.registry.clock import current_tick, live_at
from authcheck.registry.index_turns import Turns
from authcheck.registry.tables import STANDINGS, View
from authcheck.storage.database import stream_rows
from authcheck.vision.fingerprints.fingerprint import SCHEME, Fingerprint
from authcheck.vision.fingerprints.gallery import Gallery, Hit

Hits = Mapping[str, Sequence[Hit]]  # by the standing of the views


class Galleries:
    """One Gallery per standing of a view.

    Separate galleries keep copies from hiding the first view: in one gallery, enough copies would take all
    the nearest places of every search.
    """

    def __init__(self) -> None:
        self._by_standing = {standing: Gallery() for standing in STANDINGS}

    def __len__(self) -> int:
        return sum(map(len, self._by_standing.values()))

    def search(self, query: Fingerprint, count: int) -> Hits:
        """Return at most `count` hits per standing, best first. Leaves out standings without views."""
        return {
            standing: gallery.search(query, count)
            for standing, gallery in self._by_standing.items()
            if len(gallery)
        }

    def remove(self, numbers: Sequence[int]) -> None:
        """Remove these views. Ignores unknown numbers."""
        for gallery in self._by_standing.values():
            gallery.remove(numbers)

    def load(self, session: Session, condition: ColumnElement[bool]) -> None:
        """Add the views that meet the condition."""
        for standing, gallery in self._by_standing.items():
            _load(gallery, session, and_(condition, View.standing == standing))


class LiveGallery:
    """The Galleries of all live views. Threads can share it safely."""

    def __init__(self) -> None:
        self._gallery = Galleries()
        self._tick = 0
        self._turns = Turns()

    def __len__(self) -> int:
        """Return the number of views in the index."""
        return len(self._gallery)

    def search(
        self, session: Session, query: Fingerprint, count: int, up_to: int | None = None
    ) -> tuple[int, Hits]:
        """Return the tick of the search and, per standing, at most `count` hits, best first.

        The tick can be later than the tick that `session` sees, if another thread has advanced the index. A
        transaction that has advanced the clock itself passes the last committed tick as `up_to`. Raises
        Unavailable (`registry.old_scheme`) when an earlier release made a fingerprint.
        """
        while True:
            wanted = self.refresh(session, up_to)
            with self._turns.reading():
                if self._tick >= wanted:  # else a change failed and the index is empty again
                    return self._tick, self._gallery.search(query, count)

    def refresh(self, session: Session, up_to: int | None = None) -> int:
        """Apply the changes since the last refresh. Returns the tick of the index after it."""
        now = current_tick(session) if up_to is None else up_to
        if now > self._tick:
            with self._turns.changing():
                if now > self._tick:
                    self._advance(session, now)
        return max(now, self._tick)

    def _advance(self, session: Session, now: int) -> None:
        """Apply the changes of the ticks after the index's own tick, up to and including `now`."""
        seen = self._tick
        if seen == 0:
            _refuse_old_schemes(session)
        removed = select(View.number).where(
            View.removed_tick > seen, View.removed_tick <= now, View.added_tick <= seen
        )
        try:
            if numbers := list(session.scalars(removed)):
                self._gallery.remove(numbers)
            self._gallery.load(session, and_(View.added_tick > seen, live_at(now)))
            self._tick = now
        except BaseException:
            self._gallery, self._tick = Galleries(), 0  # half changed: the next search fills a new gallery
            raise


def galleries_at(session: Session, tick: int) -> Galleries:
    """Return the galleries of the views that took part in checks at an earlier tick."""
    galleries = Galleries()
    galleries.load(session, live_at(tick))
    return galleries


def _load(gallery: Gallery, session: Session, condition: ColumnElement[bool]) -> None:
    """Add the views that meet the condition to the gallery."""
    statement = select(View.number, View.fingerprint).where(condition, View.scheme == SCHEME)
    for rows in stream_rows(session, statement):
        gallery.add([number for number, _ in rows], [record for _, record in rows])


def _refuse_old_schemes(session: Session) -> None:
    """Raise Unavailable (`registry.old_scheme`) when live views have fingerprints of another scheme."""
    stale_count = session.scalar(
        select(func.count()).select_from(View).where(View.scheme != SCHEME, View.removed_tick.is_(None))
    )
    if stale_count:
        raise Unavailable(
            f"Another release made the fingerprints of {stale_count} pictures. Run `authcheck db upgrade`.",
            code="registry.old_scheme",
            views=stale_count,
        )
