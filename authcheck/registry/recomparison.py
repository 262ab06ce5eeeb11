"""Comparison of what was registered without the present stages, once, in the order of registration.

An earlier release compared hashes only, and so does a service with AUTHCHECK_FAST.
"""

import os
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from authcheck.errors import Rejected, StorageFailed
from authcheck.registry.clock import lock_registry, next_tick
from authcheck.registry.comparison import Compared, Comparer, NewPicture, Similar
from authcheck.registry.disputes import REVISED, end_dispute
from authcheck.registry.precedence import begin_disputes, settle
from authcheck.registry.renewal import Renewed
from authcheck.registry.tables import Design, Dispute, View
from authcheck.storage.database import Database
from authcheck.storage.pictures import PictureStore
from authcheck.vision.fingerprints import fingerprint
from authcheck.vision.pictures.decode import Limits


@dataclass(frozen=True, slots=True)
class Recomparison:
    """The numbers of the views to compare with other owners' views, earliest first."""

    views: Sequence[int]

    def __len__(self) -> int:
        return len(self.views)

    def run(
        self, database: Database, comparer: Comparer, store: PictureStore, limits: Limits, now: datetime
    ) -> Iterator[Renewed]:
        """Compare the views on all cores. Yields one result per view, in order, after its own transaction.

        A view whose stored picture is lost or unreadable gives a result with an error and is not marked as
        compared. At the end, the disputes of an earlier release, which are about whole designs, end: the
        disputes found now replace them. Raises Unavailable when the database fails.
        """
        workers = os.cpu_count() or 1
        ahead: deque[tuple[int, Future[tuple[NewPicture, Compared] | Rejected | StorageFailed]]] = deque()
        with ThreadPoolExecutor(workers) as pool:
            try:
                for number in self.views:
                    ahead.append((number, pool.submit(_compare, database, comparer, store, limits, number)))
                    if len(ahead) > 2 * workers:
                        yield _settle_view(database, comparer, now, *_first(ahead))
                while ahead:
                    yield _settle_view(database, comparer, now, *_first(ahead))
            finally:
                pool.shutdown(cancel_futures=True)
        _end_old_disputes(database, now)


_Result = tuple[NewPicture, Compared] | Rejected | StorageFailed


def find_uncompared(session: Session, weaker: Collection[str]) -> Recomparison:
    """Find the live views that were never compared, or only by weaker policies, earliest first."""
    priority = func.coalesce(View.since, View.number)
    is_due = or_(View.compared_by.is_(None), View.compared_by.in_(weaker))
    query = select(View.number).where(View.removed_tick.is_(None), is_due)
    return Recomparison(session.scalars(query.order_by(priority)).all())


def _first(ahead: deque[tuple[int, Future[_Result]]]) -> tuple[int, _Result]:
    number, future = ahead.popleft()
    return number, future.result()


def _compare(
    database: Database, comparer: Comparer, store: PictureStore, limits: Limits, number: int
) -> _Result:
    """Read a stored picture and compare it. Returns the error for a picture that is lost or unreadable."""
    options = joinedload(View.design), joinedload(View.local)
    with database.reading() as session:
        view = session.get_one(View, number, options=options)
    try:
        data = store.get(view.picture_sha256)
        _, hashes = fingerprint.read(data, limits)
        record, thumbnail = (view.local.record, view.local.thumbnail) if view.local else (b"", b"")
        picture = NewPicture(
            data, view.picture_sha256, view.width_px, view.height_px, hashes, record, thumbnail
        )
        return picture, comparer.compare(picture, view.design.owner_id)
    except (Rejected, StorageFailed) as error:
        return error


def _settle_view(
    database: Database, comparer: Comparer, now: datetime, number: int, result: _Result
) -> Renewed:
    """Record the disputes of one view with the earlier views of other owners."""
    with database.writing() as session:
        lock_registry(session)
        options = (joinedload(View.design).joinedload(Design.owner),)
        view = session.get_one(View, number, options=options)
        design = view.design
        name = f"{design.reference} of {design.owner.handle}, picture {view.picture_sha256[:12]}"
        if not isinstance(result, tuple):
            return Renewed(name, result)
        picture, compared = result
        view.compared_by = compared.policy
        session.flush()
        if view.removed_tick is None:
            similar = _earlier(session, compared, view)
            precedents = settle(session, comparer, design.owner_id, picture, similar)
            if precedents.yields_to or precedents.yielding:
                begin_disputes(session, view, precedents, now, next_tick(session))
    return Renewed(name)


def _earlier(session: Session, compared: Compared, view: View) -> list[Similar]:
    """Return the similar views that are live and were registered before a view.

    Leaves out the designs that were in a dispute with the view before.
    """
    by_number = {similarity.number: similarity for similarity in compared.similar}
    known = select(Dispute.other_design_id).where(
        Dispute.design_id == view.design_id, Dispute.picture_sha256 == view.picture_sha256
    )
    query = (
        select(View)
        .where(View.number.in_(by_number), View.removed_tick.is_(None), View.design_id.not_in(known))
        .options(joinedload(View.design).joinedload(Design.owner))
    )
    return [
        Similar(other, by_number[other.number].verdict, by_number[other.number].score)
        for other in session.scalars(query)
        if other.priority < view.priority
    ]


def _end_old_disputes(database: Database, now: datetime) -> None:
    with database.writing() as session:
        lock_registry(session)
        query = select(Dispute).where(Dispute.picture_sha256.is_(None), Dispute.ended_tick.is_(None))
        disputes = session.scalars(query.order_by(Dispute.id)).all()
        tick = next_tick(session) if disputes else 0
        for dispute in disputes:
            end_dispute(session, dispute, REVISED, now, tick)
