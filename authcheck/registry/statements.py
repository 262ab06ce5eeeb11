"""What the two owners say in a dispute: statements, and one appeal against the ruling."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.files.documents import Document
from authcheck.ids import EMBEDDINGS, tidy
from authcheck.ledger.journal import record_at_commit
from authcheck.members import notifications
from authcheck.members.reach import WHOLE, Reach
from authcheck.registry import facts
from authcheck.registry.clock import lock_registry
from authcheck.registry.disputes import BOTH, EARLIER, LATER, get_dispute, tell_owner
from authcheck.registry.tables import Design, Dispute, DisputeStatement

MOST_CHARS = 4000
MOST_STATEMENTS = 5  # of one side, before each ruling
APPEAL_TIME = timedelta(days=14)


class Stage(StrEnum):
    """Where a dispute stands. A ruling that can be appealed against has no effect yet."""

    OPEN = "open"
    RULED = "ruled"
    APPEALED = "appealed"
    ENDED = "ended"


def stage_of(dispute: Dispute) -> Stage:
    """Return where a dispute stands. Its statements and rulings are loaded."""
    if dispute.ended_by is not None:
        return Stage.ENDED
    if any(statement.is_appeal for statement in dispute.statements):
        return Stage.APPEALED
    return Stage.RULED if dispute.rulings else Stage.OPEN


def appeal_until(dispute: Dispute) -> datetime | None:
    """Return until when the ruling can be appealed against, or None."""
    return dispute.rulings[-1].ruled_at + APPEAL_TIME if stage_of(dispute) is Stage.RULED else None


def side_of(dispute: Dispute, owner_id: str) -> str:
    """Return the side of one of the two owners: later or earlier."""
    return LATER if owner_id == dispute.design.owner_id else EARLIER


def may_appeal(dispute: Dispute, side: str) -> bool:
    """Return whether a side can appeal: against a ruling that is not for this side alone."""
    return stage_of(dispute) is Stage.RULED and dispute.rulings[-1].ruling != side


def may_accept(dispute: Dispute, side: str) -> bool:
    """Return whether a side has lost, so that it can let the ruling take effect at once."""
    return stage_of(dispute) is Stage.RULED and dispute.rulings[-1].ruling not in {side, BOTH}


def may_state(dispute: Dispute, side: str) -> bool:
    """Return whether a side can make a statement now."""
    if stage_of(dispute) not in {Stage.OPEN, Stage.APPEALED}:
        return False
    heard = dispute.rulings[-1].heard if dispute.rulings else 0
    own = [row for row in dispute.statements[heard:] if row.side == side and not row.is_appeal]
    return len(own) < MOST_STATEMENTS


def state(
    session: Session,
    dispute_id: str,
    owner_id: str,
    text: str,
    document: Document | None,
    *,
    by: str,
    now: datetime,
    reach: Reach = WHOLE,
) -> Dispute:
    """Add a statement of one of the two owners. The other owner and the operator read it.

    The caller stores the document in the same transaction. Raises NotFound (`dispute.not_found`), Rejected
    (`dispute.statement`), Conflict (`dispute.ended`, `dispute.ruled`, `dispute.too_many`).
    """
    text = checked_text(text)
    dispute, side = _open(session, dispute_id, owner_id, reach)
    if stage_of(dispute) is Stage.RULED:
        raise Conflict(
            "The operator has ruled. You can only appeal, or accept the ruling.", code="dispute.ruled"
        )
    if not may_state(dispute, side):
        raise Conflict(
            f"You have made {MOST_STATEMENTS} statements. Wait for the ruling.",
            code="dispute.too_many",
            limit=MOST_STATEMENTS,
        )
    _add(session, dispute, side, text, document, by=by, now=now)
    _tell_others(session, dispute, side, "dispute_stated", now)
    return dispute


def appeal(
    session: Session,
    dispute_id: str,
    owner_id: str,
    text: str,
    document: Document | None,
    *,
    by: str,
    now: datetime,
    reach: Reach = WHOLE,
) -> Dispute:
    """Appeal against the ruling, with the reason. The dispute stays in force until the second ruling.

    Raises as `state`, and Conflict (`dispute.no_appeal`).
    """
    text = checked_text(text)
    dispute, side = _open(session, dispute_id, owner_id, reach)
    until = appeal_until(dispute)
    if not may_appeal(dispute, side) or until is None or now > until:
        raise Conflict(
            "You can appeal once, within 14 days after a ruling that is not for you.",
            code="dispute.no_appeal",
            days=APPEAL_TIME.days,
        )
    statement = _add(session, dispute, side, text, document, by=by, now=now, is_appeal=True)
    record_at_commit(session, [facts.appealed(dispute, statement)])
    _tell_others(session, dispute, side, "dispute_appealed", now)
    return dispute


def get_statement(dispute: Dispute, number: int) -> DisputeStatement:
    """Return a statement by its number. Raises NotFound (`dispute.no_statement`)."""
    for row in dispute.statements:
        if row.number == number:
            return row
    raise NotFound("The dispute has no statement with this number.", code="dispute.no_statement")


def checked_text(text: str) -> str:
    """Return a statement without unseen characters. Raises Rejected (`dispute.statement`)."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    written = tidy(lines.translate(dict.fromkeys(map(ord, EMBEDDINGS))))
    is_odd = any(not character.isprintable() and character != "\n" for character in written)
    if not written or len(written) > MOST_CHARS or is_odd:
        raise Rejected(
            f"Write 1 to {MOST_CHARS} printable characters. The other owner and the operator read them.",
            code="dispute.statement",
            limit=MOST_CHARS,
        )
    return written


def _open(session: Session, dispute_id: str, owner_id: str, reach: Reach) -> tuple[Dispute, str]:
    """Lock the registry. Return a dispute that is not over, and the side of the owner."""
    lock_registry(session)
    dispute = get_dispute(session, dispute_id, owner_id=owner_id, reach=reach)
    if stage_of(dispute) is Stage.ENDED:
        raise Conflict("The dispute has ended already.", code="dispute.ended", ended_by=dispute.ended_by)
    return dispute, side_of(dispute, owner_id)


def _add(
    session: Session,
    dispute: Dispute,
    side: str,
    text: str,
    document: Document | None,
    *,
    by: str,
    now: datetime,
    is_appeal: bool = False,
) -> DisputeStatement:
    row = DisputeStatement(
        number=len(dispute.statements) + 1,
        side=side,
        is_appeal=is_appeal,
        text=text,
        document_sha256=document.sha256 if document else "",
        document_type=document.media_type if document else "",
        made_at=now,
        made_by=by,
    )
    dispute.statements.append(row)
    session.flush()
    return row


def _tell_others(session: Session, dispute: Dispute, side: str, kind: str, now: datetime) -> None:
    own, other = sides_of(dispute, side)
    tell_owner(session, dispute.id, other, own, kind=kind, now=now)
    page, titles = f"/disputes/{dispute.id}", {"design": other.title, "other": own.title}
    notifications.tell_operators(session, kind, page, now, **titles)


def sides_of(dispute: Dispute, side: str) -> tuple[Design, Design]:
    """Return the design of a side, and that of the other side."""
    pair = (dispute.design, dispute.other)
    return pair if side == LATER else pair[::-1]
