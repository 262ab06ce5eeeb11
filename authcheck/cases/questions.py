"""Questions that a moderator asks before deciding. The clock of a case stops once, for a week at most."""

from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from authcheck.cases import timeline
from authcheck.cases.leases import get_held, start_clock
from authcheck.cases.rulings import checked_text
from authcheck.cases.states import State
from authcheck.cases.tables import Case, CaseEvent
from authcheck.errors import Conflict, Rejected

LONGEST = timedelta(days=7)
ASKED = ("owner", "seller", "reporter")


def ask(
    session: Session, case_id: str, *, of: str, text: str, organisation_id: str, holder: str, now: datetime
) -> Case:
    """Note that somebody was asked for information, and let the case wait for at most a week.

    The case leaves its reader. It comes back into the queue with the answer, or when the week is over.

    Raises as `leases.get_held`, Rejected (`case.asked_whom`, `case.question`), and Conflict (`case.asked`)
    for a second question, because the clock stops only once.
    """
    if of not in ASKED:
        raise Rejected(f"Ask one of these: {', '.join(ASKED)}.", code="case.asked_whom", of=of)
    text = checked_text(text, "case.question")
    case = get_held(session, case_id, organisation_id=organisation_id, holder=holder, now=now)
    if case.asked_at is not None:
        raise Conflict(
            "The clock of this case has stopped once already. Decide it, or escalate it.",
            code="case.asked",
            case=case.id,
        )
    case.state = State.WAITING
    case.asked_at = case.waits_since = now
    case.waits_until = now + LONGEST
    case.lease_holder = case.lease_until = None
    timeline.append(session, case, "asked", {"of": of, "text": text}, at=now, holder=holder)
    return case


def resume(
    session: Session, case_id: str, *, answer: str, organisation_id: str, holder: str, now: datetime
) -> Case:
    """Note the answer to a question. The reader, who holds the case, goes on with it.

    Raises as `leases.get_held`, Rejected (`case.answer`), Conflict (`case.not_waiting`).
    """
    answer = checked_text(answer, "case.answer")
    case = get_held(session, case_id, organisation_id=organisation_id, holder=holder, now=now)
    if case.state != State.WAITING:
        raise Conflict("This case waits for no answer.", code="case.not_waiting", case=case.id)
    timeline.append(session, case, "answered", {"text": answer}, at=now, holder=holder)
    go_on(session, case, now)
    return case


def go_on(session: Session, case: Case, now: datetime) -> None:
    """Let a waiting case go on, and add the time that it waited to its time for a decision.

    The case comes back into the queue. A case that was escalated before stays with the leads.
    """
    start_clock(case, now)
    was_escalated = exists().where(CaseEvent.case_id == case.id, CaseEvent.kind == "escalated")
    case.state = State.ESCALATED if session.scalar(select(was_escalated)) else State.OPEN
