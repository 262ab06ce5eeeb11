"""Disputes between views of different owners: how they begin, end, and are read.

The later view is the disputed one. A dispute ends when one of the two views is withdrawn, or by the
operator's ruling. Then standings and states are as if the dispute had not been.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from authcheck.errors import NotFound
from authcheck.ids import new_id
from authcheck.ledger.journal import record_at_commit
from authcheck.members import notifications
from authcheck.members.reach import WHOLE, Reach
from authcheck.registry import facts
from authcheck.registry.standing import update_standing, update_state
from authcheck.registry.tables import MATCH, Design, Dispute, DisputeRuling, DisputeStatement, View
from authcheck.storage.parameters import can_be_stored

EARLIER, LATER, BOTH = RULINGS = ("earlier", "later", "both")
WITHDRAWN, REVISED = "withdrawn", "revised"
REASON_CHARS = 1000
OPEN, WAITING, SIMILAR, ENDED = KINDS = ("open", "waiting", "similar", "ended")  # of lists


def begin_dispute(
    session: Session, later: View, earlier: View, *, verdict: str, score: float, now: datetime, tick: int
) -> None:
    """Record that a view shows or resembles an earlier view of another owner. Both have `design` loaded.

    The caller has locked the registry. Standing and state of the later view and its design follow. An older
    design as a whole is never disputed because of a younger design: then only the view is.
    """
    dispute = Dispute(
        id=new_id("dsp", now),
        design_id=later.design_id,
        other_design_id=earlier.design_id,
        picture_sha256=later.picture_sha256,
        other_picture_sha256=earlier.picture_sha256,
        verdict=verdict,
        holds_design=verdict == MATCH and _is_older(earlier.design, later.design),
        score=score,
        reasons=[],
        noticed_at=now,
        noticed_tick=tick,
    )
    session.add(dispute)
    session.flush()
    design = later.design
    update_standing(session, design.id, later.picture_sha256, tick)
    update_state(session, design)
    if verdict == MATCH:
        record_at_commit(session, [facts.disputed(dispute, design.version, now)])
        tell_owner(session, dispute.id, design, earlier.design, kind="dispute_begun", now=now)
        tell_owner(session, dispute.id, earlier.design, design, kind="dispute_begun", now=now)


def tell_owner(
    session: Session, dispute_id: str, own: Design, other: Design, *, kind: str, now: datetime
) -> None:
    """Note a mail about a dispute to the admins of the owner of the design `own`.

    It names the other design by its reference: a title may say what nobody should know yet.
    """
    page, facts_told = f"/disputes/{dispute_id}", {"design": own.title, "other": other.reference}
    notifications.tell_admins(session, own.owner_id, kind, page, now, **facts_told)


def _is_older(first: Design, second: Design) -> bool:
    return (first.registered_tick, first.id) < (second.registered_tick, second.id)


def withdraw(session: Session, design: Design, picture_sha256: str | None, now: datetime, tick: int) -> None:
    """End the disputes of a picture that is no longer registered, on both sides. None: of all pictures."""
    sides = (
        (Dispute.design_id, Dispute.picture_sha256),
        (Dispute.other_design_id, Dispute.other_picture_sha256),
    )
    of_picture = [
        column == design.id
        if picture_sha256 is None
        else and_(column == design.id, picture == picture_sha256)
        for column, picture in sides
    ]
    for dispute in session.scalars(_select_disputes().where(or_(*of_picture), Dispute.ended_tick.is_(None))):
        end_dispute(session, dispute, WITHDRAWN, now, tick)


def end_dispute(session: Session, dispute: Dispute, by: str, now: datetime, tick: int) -> None:
    """End a dispute with the registry locked. Standing and state follow from the disputes that remain."""
    dispute.ended_at, dispute.ended_tick, dispute.ended_by = now, tick, by
    session.flush()
    design = session.get_one(Design, dispute.design_id, populate_existing=True, with_for_update=True)
    if dispute.picture_sha256 is not None:
        update_standing(session, design.id, dispute.picture_sha256, tick)
    update_state(session, design)
    if dispute.verdict == MATCH or by in RULINGS:
        record_at_commit(session, [facts.dispute_ended(dispute, design.version, now)])


def _select_disputes() -> Select[Dispute]:
    """Return the query for disputes with designs, owners, statements and rulings, oldest first."""
    return (
        select(Dispute)
        .options(
            joinedload(Dispute.design).joinedload(Design.owner),
            joinedload(Dispute.other).joinedload(Design.owner),
            selectinload(Dispute.statements),
            selectinload(Dispute.rulings),
        )
        .order_by(Dispute.id)
    )


def list_disputes(
    session: Session,
    *,
    owner_id: str | None = None,
    ended: bool = False,
    kind: str = "",
    after: str = "",
    limit: int = 50,
    reach: Reach = WHOLE,
) -> Sequence[Dispute]:
    """Return at most `limit` disputes whose ids come after the id `after`, oldest first.

    `owner_id` limits the list to the disputes of one owner's designs within reach, on either side. Ended
    disputes are left out unless `ended`. `kind`, one of KINDS, limits the list further.
    """
    query = _select_disputes().where(Dispute.id > after).limit(limit)
    if kind:
        query = query.where(is_of_kind(kind))
    elif not ended:
        query = query.where(Dispute.ended_tick.is_(None))
    if owner_id is not None or reach != WHOLE:
        query = query.where(_concerns(owner_id, reach))
    return session.scalars(query).all()


def count_open(session: Session) -> int:
    """Return the number of open disputes and resemblances."""
    query = select(func.count()).select_from(Dispute).where(Dispute.ended_tick.is_(None))
    return session.scalar(query) or 0


def is_of_kind(kind: str) -> ColumnElement[bool]:
    """Return the condition that a dispute is of one of KINDS: `waiting` ones wait for the operator."""
    is_open, is_match = Dispute.ended_tick.is_(None), Dispute.verdict == MATCH
    has_ruling = exists().where(DisputeRuling.dispute_id == Dispute.id)
    has_appeal = exists().where(DisputeStatement.dispute_id == Dispute.id, DisputeStatement.is_appeal)
    return {
        OPEN: and_(is_open, is_match),
        WAITING: and_(is_open, is_match, or_(~has_ruling, has_appeal)),
        SIMILAR: and_(is_open, ~is_match),
        ENDED: ~is_open,
    }[kind]


def count_kind(
    session: Session, kind: str, *, owner_id: str | None = None, reach: Reach = WHOLE, most: int
) -> int:
    """Return how many disputes `list_disputes` would list, at most `most`."""
    query = select(Dispute.id).where(is_of_kind(kind))
    if owner_id is not None or reach != WHOLE:
        query = query.where(_concerns(owner_id, reach))
    return session.scalar(select(func.count()).select_from(query.limit(most).subquery())) or 0


def _concerns(owner_id: str | None, reach: Reach) -> ColumnElement[bool]:
    own = select(Design.id).where(reach.has_design(Design.id))
    if owner_id is not None:
        own = own.where(Design.owner_id == owner_id)
    return or_(Dispute.design_id.in_(own), Dispute.other_design_id.in_(own))


def get_dispute(
    session: Session, dispute_id: str, *, owner_id: str | None = None, reach: Reach = WHOLE
) -> Dispute:
    """Return a dispute with both designs and owners.

    `owner_id` limits the search to the disputes of one owner's designs within reach. Raises NotFound
    (`dispute.not_found`), also for a dispute of other owners.
    """
    query = _select_disputes().where(Dispute.id == dispute_id)
    if owner_id is not None or reach != WHOLE:
        query = query.where(_concerns(owner_id, reach))
    dispute = session.scalar(query) if can_be_stored(dispute_id) else None
    if dispute is None:
        raise NotFound(f"We have no dispute {dispute_id!r}.", code="dispute.not_found", dispute=dispute_id)
    return dispute
