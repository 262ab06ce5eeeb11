"""The operator's rulings. A ruling ends the dispute once nobody appeals against it, or at the second time.

What a ruling withdraws cannot be given back: certificates on a retired design are revoked for good. So a
ruling waits for an appeal before it takes effect, and the later picture stays disputed meanwhile.
"""

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from authcheck.errors import Conflict, Rejected
from authcheck.ledger.journal import record_at_commit
from authcheck.members.people import count_operators
from authcheck.members.reach import WHOLE, Reach
from authcheck.registry import designs, facts
from authcheck.registry.clock import lock_registry, next_tick
from authcheck.registry.disputes import (
    BOTH,
    EARLIER,
    LATER,
    REASON_CHARS,
    RULINGS,
    end_dispute,
    get_dispute,
    tell_owner,
)
from authcheck.registry.statements import APPEAL_TIME, Stage, may_accept, side_of, stage_of
from authcheck.registry.tables import DISPUTED, Design, Dispute, DisputeRuling, DisputeStatement

AT_ONCE = 100


def rule(
    session: Session,
    dispute_id: str,
    ruling: str,
    *,
    reason: str,
    now: datetime,
    by: str = "",
    is_final: bool = False,
) -> Dispute:
    """Rule on a dispute. The ruling is an entry of the ledger, with a hash of the reason.

    `earlier` or `later` names the view that stands. With `both`, both stand as if the dispute had not been.
    The first ruling takes effect after APPEAL_TIME without an appeal. A final one, and the second one, take
    effect at once. `by` is the id of the person or key that rules. Raises NotFound (`dispute.not_found`),
    Conflict (`dispute.ended`, `dispute.ruled`, `dispute.same_person`), Rejected (`dispute.ruling`,
    `dispute.reason`).
    """
    check_ruling(ruling, reason)
    lock_registry(session)
    dispute = get_dispute(session, dispute_id)
    _refuse_second(session, dispute, by)
    row = DisputeRuling(
        number=len(dispute.rulings) + 1,
        ruling=ruling,
        reason=reason.strip(),
        is_final=is_final or stage_of(dispute) is Stage.APPEALED,
        heard=len(dispute.statements),
        ruled_at=now,
        ruled_by=by,
    )
    dispute.rulings.append(row)
    session.flush()
    record_at_commit(session, [facts.ruled(dispute, row)])
    if row.is_final:
        _take_effect(session, dispute, now)
    else:
        _tell_both(session, dispute, "dispute_ruled", now)
    return dispute


def accept(
    session: Session, dispute_id: str, owner_id: str, now: datetime, *, reach: Reach = WHOLE
) -> Dispute:
    """Let a ruling take effect at once, because the owner who lost accepts it.

    Raises NotFound (`dispute.not_found`), Conflict (`dispute.no_loser`).
    """
    lock_registry(session)
    dispute = get_dispute(session, dispute_id, owner_id=owner_id, reach=reach)
    if not may_accept(dispute, side_of(dispute, owner_id)):
        raise Conflict(
            "Only the owner who has lost can accept a ruling, until it takes effect.", code="dispute.no_loser"
        )
    _take_effect(session, dispute, now)
    return dispute


def settle(session: Session, now: datetime) -> int:
    """Let the rulings take effect against which nobody has appealed in time, and return their number."""
    has_appeal = exists().where(DisputeStatement.dispute_id == Dispute.id, DisputeStatement.is_appeal)
    query = (
        select(Dispute.id)
        .join(DisputeRuling, DisputeRuling.dispute_id == Dispute.id)
        .where(Dispute.ended_tick.is_(None), DisputeRuling.ruled_at < now - APPEAL_TIME, ~has_appeal)
        .order_by(Dispute.id)
        .limit(AT_ONCE)
    )
    due = session.scalars(query).all()
    if not due:
        return 0
    lock_registry(session)
    count = 0
    for dispute_id in due:
        dispute = get_dispute(session, dispute_id)
        if stage_of(dispute) is Stage.RULED:  # nobody was faster
            _take_effect(session, dispute, now)
            count += 1
    return count


def check_ruling(ruling: str, reason: str) -> None:
    """Raise Rejected (`dispute.ruling`, `dispute.reason`) for a ruling that cannot be made."""
    if ruling not in RULINGS:
        raise Rejected(
            f"Choose who keeps the picture: {', '.join(RULINGS)}.", code="dispute.ruling", ruling=ruling
        )
    if not reason.strip() or len(reason) > REASON_CHARS or not reason.isprintable():
        raise Rejected(
            f"Give a reason of 1 to {REASON_CHARS} characters. All must be printable. Both owners read it.",
            code="dispute.reason",
            limit=REASON_CHARS,
        )


def loser_of(dispute: Dispute) -> Design:
    """Return the design that lost a dispute. Raises Conflict (`dispute.no_loser`) before such a ruling."""
    if dispute.ended_by not in {EARLIER, LATER}:
        raise Conflict(
            "Nobody has lost this dispute yet. A ruling takes effect when nobody can appeal any more.",
            code="dispute.no_loser",
        )
    return dispute.design if dispute.ended_by == EARLIER else dispute.other


def _refuse_second(session: Session, dispute: Dispute, by: str) -> None:
    """Refuse a ruling on a dispute that is over or waits, and a second one by the same person."""
    stage = stage_of(dispute)
    if stage is Stage.ENDED:
        raise Conflict(
            "The dispute has ended already. A ruling is final: register the picture again to open a new one.",
            code="dispute.ended",
            ended_by=dispute.ended_by,
        )
    if stage is Stage.RULED:
        until = dispute.rulings[-1].ruled_at + APPEAL_TIME
        raise Conflict(
            f"The dispute is ruled on. The owners can appeal until {until:%Y-%m-%d}.",
            code="dispute.ruled",
            until=f"{until:%Y-%m-%d}",
        )
    has_ruled = dispute.rulings and by and dispute.rulings[0].ruled_by == by
    if has_ruled and count_operators(session) > 1:
        raise Conflict(
            "You made the first ruling. Let another operator decide about the appeal.",
            code="dispute.same_person",
        )


def _take_effect(session: Session, dispute: Dispute, now: datetime) -> None:
    """End a dispute by its last ruling. The picture that loses is withdrawn.

    Its design is retired if no undisputed picture is left.
    """
    row = dispute.rulings[-1]
    dispute.reason = row.reason
    end_dispute(session, dispute, row.ruling, now, next_tick(session))
    _tell_both(session, dispute, "dispute_ended", now)
    if row.ruling != BOTH:
        later_stands = row.ruling != EARLIER
        loser = dispute.other if later_stands else dispute.design
        picture = dispute.other_picture_sha256 if later_stands else dispute.picture_sha256
        _withdraw(session, loser.id, picture, now)


def _tell_both(session: Session, dispute: Dispute, kind: str, now: datetime) -> None:
    tell_owner(session, dispute.id, dispute.design, dispute.other, kind=kind, now=now)
    tell_owner(session, dispute.id, dispute.other, dispute.design, kind=kind, now=now)


def _withdraw(session: Session, design_id: str, picture_sha256: str | None, now: datetime) -> None:
    """Remove the picture of the design that lost. Retire the design if no undisputed picture is left."""
    design = designs.get_design(session, design_id)
    others = [view for view in designs.live_views(design) if view.picture_sha256 != picture_sha256]
    if picture_sha256 is None or all(view.standing == DISPUTED for view in others):
        designs.retire(session, design, now)
    else:
        designs.remove_view(session, design, picture_sha256, now)
