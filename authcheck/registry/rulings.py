"""The operator's rulings, which end disputes."""

from datetime import datetime

from sqlalchemy.orm import Session

from authcheck.errors import Conflict, Rejected
from authcheck.registry import designs
from authcheck.registry.clock import lock_registry, next_tick
from authcheck.registry.disputes import BOTH, EARLIER, LATER, REASON_CHARS, RULINGS, end_dispute, get_dispute
from authcheck.registry.tables import DISPUTED, Design, Dispute


def rule(session: Session, dispute_id: str, ruling: str, *, reason: str, now: datetime) -> Dispute:
    """Rule on a dispute. The ruling is an entry of the ledger, without the reason.

    `earlier` or `later` names the view that stands. The other view is withdrawn, and its design is retired if
    no undisputed picture is left. With `both`, both stand as if the dispute had not been. Raises NotFound
    (`dispute.not_found`), Conflict (`dispute.ended`), Rejected (`dispute.ruling`, `dispute.reason`).
    """
    check_ruling(ruling, reason)
    lock_registry(session)
    dispute = get_dispute(session, dispute_id)
    if dispute.ended_by is not None:
        raise Conflict(
            "The dispute has ended already. A ruling is final: register the picture again to open a new one.",
            code="dispute.ended",
            ended_by=dispute.ended_by,
        )
    dispute.reason = reason.strip()
    end_dispute(session, dispute, ruling, now, next_tick(session))
    if ruling != BOTH:
        later_stands = ruling != EARLIER
        loser = dispute.other if later_stands else dispute.design
        picture = dispute.other_picture_sha256 if later_stands else dispute.picture_sha256
        _withdraw(session, loser.id, picture, now)
    return dispute


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
            "Nobody has lost this dispute. Rule for the earlier or the later picture first.",
            code="dispute.no_loser",
        )
    return dispute.design if dispute.ended_by == EARLIER else dispute.other


def _withdraw(session: Session, design_id: str, picture_sha256: str | None, now: datetime) -> None:
    """Remove the picture of the design that lost. Retire the design if no undisputed picture is left."""
    design = designs.get_design(session, design_id)
    others = [view for view in designs.live_views(design) if view.picture_sha256 != picture_sha256]
    if picture_sha256 is None or all(view.standing == DISPUTED for view in others):
        designs.retire(session, design, now)
    else:
        designs.remove_view(session, design, picture_sha256, now)
