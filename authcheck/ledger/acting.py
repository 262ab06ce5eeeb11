"""The agent who acts: each ledger entry that an agent causes names the agent beside the client.

    with acting_for(appointment.agent_id, appointment.id):
        agreements.offer(session, client, licensee, terms, now)

The entry's own fields keep naming the client: the offer is the client's offer. The field `agent` has the id
of the agent's organisation.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.errors import Conflict
from authcheck.ledger.tables import Entry
from authcheck.tlog.entries import Draft

APPOINTMENTS = "authcheck_appointments"  # key in a session's info: the appointments that its facts rest on


@dataclass(frozen=True, slots=True)
class _Acting:
    agent_id: str
    appointment_id: str | None


_ACTING: ContextVar[_Acting | None] = ContextVar("authcheck_acting_agent", default=None)


@contextmanager
def acting_for(agent_id: str | None, appointment_id: str | None = None) -> Iterator[None]:
    """Name an agent (an organisation's id) in all entries that this block drafts. None names nobody.

    With `appointment_id`, a transaction that ends after the entry `agent.end` of this appointment is refused.
    The block holds for this thread or this task only. A function that runs in a new thread is outside.
    """
    token = _ACTING.set(None if agent_id is None else _Acting(agent_id, appointment_id))
    try:
        yield
    finally:
        _ACTING.reset(token)


def name_agent(session: Session, drafts: Sequence[Draft]) -> list[Draft]:
    """Return the drafts with the field `agent` of the agent who acts, if somebody acts.

    A draft that has the field keeps it: `agent.appoint` and `agent.end` are about an agent.
    """
    acting = _ACTING.get()
    if acting is None:
        return list(drafts)
    if drafts and acting.appointment_id is not None:
        session.info.setdefault(APPOINTMENTS, set()).add(acting.appointment_id)
    return [replace(draft, fields={"agent": acting.agent_id, **draft.fields}) for draft in drafts]


def refuse_ended(session: Session) -> None:
    """Raise Conflict (`appointment.ended`) if an appointment that this session's facts rest on has ended.

    Call it with the ledger locked: then no entry of an agent comes after the end of its appointment, also if
    the end came while the agent's request was under way.
    """
    appointment_ids = session.info.pop(APPOINTMENTS, set())
    if not appointment_ids:
        return
    ended = select(Entry.number).where(Entry.type == "agent.end", Entry.subject.in_(sorted(appointment_ids)))
    if session.scalar(ended.limit(1)) is not None:
        raise Conflict(
            "Your appointment by the brand has just ended. Nothing was changed.", code="appointment.ended"
        )
