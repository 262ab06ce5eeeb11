"""What the operator decides about an organisation: approve, refuse, suspend, let act again."""

from datetime import datetime

from sqlalchemy.orm import Session

from authcheck.errors import Conflict, Rejected
from authcheck.ids import tidy
from authcheck.ledger.journal import lock_ledger, record_at_commit
from authcheck.members import alikes, facts, notifications
from authcheck.members.organisations import APPLIED, APPROVED, REFUSED, SUSPENDED
from authcheck.members.tables import Organisation

REASON_CHARS = 500


def approve(session: Session, organisation: Organisation, *, now: datetime, despite: str = "") -> None:
    """Make an organisation a member that may act, or let a suspended one act again.

    An organisation whose name or handle looks like a member's is approved only with its handle typed into
    `despite`. Raises Conflict (`organisation.state`, `organisation.alike`).
    """
    _lock(session, organisation)
    _refuse_operators(organisation)
    if organisation.state == APPROVED:
        raise Conflict(f"{organisation.handle} is approved already.", code="organisation.state")
    if organisation.state == SUSPENDED:
        record_at_commit(session, [facts.resumed(organisation, now)])
        told = "organisation_resumed"
    else:
        found = alikes.find_alike(session, organisation)
        if found and despite.strip() != organisation.handle:
            names = ", ".join(alike.handle for alike in found)
            raise Conflict(
                f"{organisation.handle} looks like {names}. If you are sure that it is somebody else, type"
                f" the handle {organisation.handle} once more.",
                code="organisation.alike",
                alike=names,
            )
        organisation.approved_at = now
        record_at_commit(session, [facts.approved(organisation, now)])
        told = "organisation_approved"
    _set(organisation, APPROVED, "", now)
    _tell(session, organisation, told, now)


def refuse(session: Session, organisation: Organisation, reason: str, *, now: datetime) -> None:
    """Refuse an application, with a reason that the organisation reads. It may be approved later.

    Raises Rejected (`organisation.reason`), Conflict (`organisation.state`).
    """
    _lock(session, organisation)
    if organisation.state not in {APPLIED, REFUSED}:
        raise Conflict(f"{organisation.handle} is a member. You can suspend it.", code="organisation.state")
    _set(organisation, REFUSED, checked_reason(reason), now)
    _tell(session, organisation, "organisation_refused", now)


def suspend(session: Session, organisation: Organisation, reason: str, *, now: datetime) -> None:
    """Take from a member the right to act. What it did stays. It can be approved again.

    Raises Rejected (`organisation.reason`), Conflict (`organisation.state`; `organisation.operators` for the
    operators of this installation).
    """
    _lock(session, organisation)
    _refuse_operators(organisation)
    if organisation.state != APPROVED:
        raise Conflict(
            f"{organisation.handle} is no member that could be suspended.", code="organisation.state"
        )
    _set(organisation, SUSPENDED, checked_reason(reason), now)
    record_at_commit(session, [facts.suspended(organisation, now)])
    _tell(session, organisation, "organisation_suspended", now)


def checked_reason(text: str) -> str:
    """Return a reason in one line. Raises Rejected (`organisation.reason`)."""
    reason = tidy(text)
    if not reason or len(reason) > REASON_CHARS or not reason.isprintable():
        raise Rejected(
            f"Say why, in at most {REASON_CHARS} characters on one line. The organisation reads it.",
            code="organisation.reason",
            limit=REASON_CHARS,
        )
    return reason


def _lock(session: Session, organisation: Organisation) -> None:
    """Let two decisions about one organisation take turns, and read what the first one left."""
    lock_ledger(session)
    session.refresh(organisation)


def _refuse_operators(organisation: Organisation) -> None:
    if "operator" in organisation.roles:
        raise Conflict(
            "The operators of this installation are always members.", code="organisation.operators"
        )


def _set(organisation: Organisation, state: str, reason: str, now: datetime) -> None:
    organisation.state, organisation.state_reason, organisation.state_since = state, reason, now


def _tell(session: Session, organisation: Organisation, kind: str, now: datetime) -> None:
    facts_told = {"name": organisation.name, "reason": organisation.state_reason}
    notifications.tell_admins(session, organisation.id, kind, "/organisation", now, **facts_told)
