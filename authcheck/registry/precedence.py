"""Who was first: which of two similar views of different owners is the disputed one.

Priority is the order of the ledger, for each view. The later view is disputed. There is one exception: a view
that its owner's own earlier view explains may be added later, if that earlier view precedes the other
owner's view. So a brand may add the turned picture that a copyist registered in between. The earlier view
itself must explain both pictures. A chain of steps in between does not count, because it could lead from any
picture to any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session, joinedload

from authcheck.registry.comparison import Compared, Comparer, NewPicture, Similar
from authcheck.registry.disputes import BOTH, begin_dispute
from authcheck.registry.reading import ReadView
from authcheck.registry.tables import MATCH, Design, Dispute, View


@dataclass(frozen=True, slots=True)
class Precedents:
    """The earlier views that a new view shows or resembles.

    The new view yields to the views in `yields_to`. The views in `yielding` are later than an earlier view of
    the owner that explains the new view: these views yield.
    """

    yields_to: Sequence[Similar] = ()
    yielding: Sequence[Similar] = ()

    @property
    def nearest(self) -> Similar | None:
        """Return the view that the new view is most similar to, a match before a lookalike."""
        return max(
            self.yields_to, key=lambda similar: (similar.verdict == MATCH, similar.score), default=None
        )


def find_similar(
    session: Session, comparer: Comparer, owner_id: str, read: ReadView, recent: "RecentViews"
) -> list[Similar]:
    """Return the live views of other owners that a picture shows or resembles.

    `read` was compared with the registry of an earlier tick. The views since then are compared now.
    """
    compared = read.compared or comparer.compare(read.picture, owner_id)
    by_number = {similarity.number: similarity for similarity in compared.similar}
    query = _select_live().where(View.number.in_(by_number), Design.owner_id != owner_id)
    similar = [
        Similar(view, by_number[view.number].verdict, by_number[view.number].score)
        for view in session.scalars(query)
    ]
    return similar + recent.compare(read, compared, owner_id)


class RecentViews:
    """The views that a comparison may have missed, for one transaction that holds the registry's lock.

    These are the views of this transaction, and the committed views since the comparison. `seen` is the tick
    of the registry's last committed change.
    """

    def __init__(self, session: Session, comparer: Comparer, seen: int) -> None:
        self._session = session
        self._views = comparer.new_views()
        self._from = seen  # the tick since which all views were added

    def add(self, view: View) -> None:
        """Add a view of this transaction."""
        self._views.add(view)

    def compare(self, read: ReadView, compared: Compared, owner_id: str) -> list[Similar]:
        """Return the recent views of other owners that a picture shows or resembles."""
        if compared.tick < self._from:
            query = _select_live().where(View.added_tick > compared.tick, View.added_tick <= self._from)
            for view in self._session.scalars(query.options(joinedload(View.local)).order_by(View.number)):
                self._views.add(view)
            self._from = compared.tick
        return self._views.compare(read.picture, owner_id, compared.submitted)


def _select_live() -> Select[View]:
    """Return the query for live views with their designs and owners."""
    return (
        select(View)
        .join(View.design)
        .where(View.removed_tick.is_(None))
        .options(joinedload(View.design).joinedload(Design.owner))
    )


def pick_firsts(similar: Sequence[Similar]) -> list[Similar]:
    """Return one similar view per design: a match before a lookalike, then the first registered view."""
    firsts: dict[str, Similar] = {}
    for candidate in similar:
        design_id = candidate.view.design.id
        if design_id not in firsts or _rank(candidate) < _rank(firsts[design_id]):
            firsts[design_id] = candidate
    return list(firsts.values())


def _rank(similar: Similar) -> tuple[bool, int]:
    return similar.verdict != MATCH, similar.view.priority or 0  # a dry run has no numbers


def settle(
    session: Session, comparer: Comparer, owner_id: str, picture: NewPicture, similar: Sequence[Similar]
) -> Precedents:
    """Decide to which of the similar views a view of this owner with this picture yields."""
    yields_to: list[Similar] = []
    yielding: list[Similar] = []
    for first in pick_firsts(similar):
        own_precedents = _find_own_precedents(session, owner_id, first.view)
        explaining = _find_explaining(comparer, picture, own_precedents)
        if explaining is None:
            yields_to.append(first)
        elif first.verdict == MATCH and explaining.verdict != MATCH and explaining.ended_by is None:
            yielding.append(first)  # so far the other view was known only to resemble the own earlier view
    return Precedents(yields_to, yielding)


def _find_own_precedents(session: Session, owner_id: str, other: View) -> list[tuple[Dispute, View]]:
    """Return the owner's views that stand against another owner's view, each with the dispute that says so.

    An earlier view stands while the dispute about the other view is in force. A view stands beside the other
    design after the operator's ruling that both may stand.
    """
    is_earlier = and_(
        Dispute.design_id == other.design_id,
        Dispute.picture_sha256 == other.picture_sha256,
        Dispute.ended_tick.is_(None),
        View.design_id == Dispute.other_design_id,
        View.picture_sha256 == Dispute.other_picture_sha256,
    )
    was_earlier = and_(
        Dispute.design_id == other.design_id,
        Dispute.ended_by == BOTH,
        View.design_id == Dispute.other_design_id,
        View.picture_sha256 == Dispute.other_picture_sha256,
    )
    was_later = and_(
        Dispute.other_design_id == other.design_id,
        Dispute.ended_by == BOTH,
        View.design_id == Dispute.design_id,
        View.picture_sha256 == Dispute.picture_sha256,
    )
    query = (
        select(Dispute, View)
        .join(View, or_(is_earlier, was_earlier, was_later))
        .join(View.design)
        .where(Design.owner_id == owner_id, View.removed_tick.is_(None))
        .options(joinedload(View.local), joinedload(View.design))
    )
    return [(dispute, view) for dispute, view in session.execute(query)]


def _find_explaining(
    comparer: Comparer, picture: NewPicture, own: Sequence[tuple[Dispute, View]]
) -> Dispute | None:
    """Return the dispute of an own view that explains a new view, the surest first.

    An own view that the other owner's view shows explains a new view that resembles it. Otherwise the new
    view must show the own view.
    """

    def is_shown(dispute: Dispute) -> bool:
        return dispute.ended_by is None and dispute.verdict == MATCH

    for dispute, view in sorted(own, key=lambda pair: not is_shown(pair[0])):
        views = comparer.new_views()
        views.add(view)
        verdicts = {similar.verdict for similar in views.compare(picture, without=None)}
        if MATCH in verdicts or (verdicts and is_shown(dispute)):
            return dispute
    return None


def begin_disputes(session: Session, view: View, precedents: Precedents, now: datetime, tick: int) -> None:
    """Record the disputes that a view begins, with the registry locked."""
    pairs = [(view, similar.view, similar) for similar in precedents.yields_to]
    pairs += [(similar.view, view, similar) for similar in precedents.yielding]
    for later, earlier, similar in pairs:
        begin_dispute(
            session,
            later,
            earlier,
            verdict=similar.verdict,
            score=similar.score,
            now=now,
            tick=tick,
        )
