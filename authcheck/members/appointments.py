"""Appointments of agents: an agent acts for a brand, for some designs and countries, until a last day.

An appointment counts from its row on, and until somebody ends it or its last day is over. Nothing is cached:
`get_current` finds the end of an appointment at the next request of the agent.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.attributes import set_committed_value

from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.ids import fold, new_id, new_salt, normal_id
from authcheck.ledger.journal import record_at_commit
from authcheck.members import facts
from authcheck.members.organisations import normal_handle
from authcheck.members.reach import Reach
from authcheck.members.tables import Appointment, Organisation
from authcheck.storage.parameters import can_be_stored

SCOPES = (
    "designs:read", "designs:write", "licences:read", "licences:write", "certificates:read", "listings:read",
    "listings:check", "disputes:read", "notices:read", "notices:write",
)  # fmt: skip
"""The scopes that a brand can give. An agent never issues or revokes certificates and manages no people."""
MOST_DESIGNS = 500  # of one appointment: as many as one statement can name
LONGEST = timedelta(days=5 * 366)  # a letter of authority is renewed, not forgotten


def appoint(
    session: Session,
    client: Organisation,
    agent: Organisation,
    *,
    scopes: Iterable[str],
    designs: Iterable[str],
    territories: Iterable[str],
    ends_on: date,
    now: datetime,
) -> Appointment:
    """Appoint an agent for a client. A current appointment of the same agent by this client ends.

    `designs` are ids of the client's own designs and `territories` are ISO 3166-1 codes. An empty list means
    all. Call it through `licences.appointing.appoint`, which reads and checks both. The same terms again
    change nothing. Raises Rejected (`appointment.self`, `.scopes`, `.designs`, `.ends`), Conflict
    (`appointment.not_brand`, `.not_agent`).
    """
    _check_parties(client, agent)
    terms = {
        "scopes": _checked_scopes(scopes),
        "designs": _checked_designs(designs),
        "territories": sorted(set(territories)),
        "ends_on": _checked_end(ends_on, now.date()),
    }
    earlier = _lock_current(session, client, agent, now)
    if len(earlier) == 1 and all(getattr(earlier[0], name) == value for name, value in terms.items()):
        return earlier[0]
    for appointment in earlier:
        _end(session, appointment, by=client.id, now=now)
    ids = {"id": new_id("apt", now), "client_id": client.id, "agent_id": agent.id}
    appointment = Appointment(**ids, **terms, created_at=now, salt=new_salt())
    session.add(appointment)
    session.flush()
    set_committed_value(appointment, "client", client)
    set_committed_value(appointment, "agent", agent)
    record_at_commit(session, [facts.appointed(appointment, now)])
    return appointment


def end(session: Session, appointment_id: str, *, organisation_id: str | None, now: datetime) -> Appointment:
    """End an appointment at once and permanently. A second call keeps the time of the first.

    The client and the agent may both end it: `organisation_id` is one of the two. None is the operator.
    Raises NotFound (`appointment.not_found`), also for an appointment between other organisations.
    """
    query = _select_by_id(appointment_id, organisation_id).with_for_update(of=Appointment, key_share=True)
    appointment = _get_one(session, query.execution_options(populate_existing=True), appointment_id)
    if appointment.ended_at is None:
        _end(session, appointment, by=organisation_id, now=now)
    return appointment


def get_appointment(
    session: Session, appointment_id: str, *, organisation_id: str | None = None
) -> Appointment:
    """Return an appointment to its client or its agent, also if it is over. Without an id, return any.

    Raises NotFound (`appointment.not_found`), also for an appointment between other organisations. The
    database compares the parties: both cases read no row, so they take the same time.
    """
    return _get_one(session, _select_by_id(appointment_id, organisation_id), appointment_id)


def get_current(session: Session, appointment_id: str, *, agent_id: str, now: datetime) -> Appointment:
    """Return an agent's appointment, with client and agent, if it is not over.

    Raises NotFound (`appointment.not_found`) for an appointment that is over, unknown or another agent's.
    """
    query = _select_by_id(appointment_id, None).where(Appointment.agent_id == agent_id, _is_current(now))
    return _get_one(session, query, appointment_id)


def find_current(session: Session, *, agent_id: str, client: str, now: datetime) -> Appointment:
    """Return an agent's current appointment by a client. `client` is its handle or its id.

    Raises NotFound (`appointment.not_found`), also for a client that does not exist.
    """
    handle, organisation_id = normal_handle(client), normal_id(client)
    is_client = or_(Organisation.handle == handle, Organisation.id == organisation_id)
    query = _select_appointments().join(Organisation, Organisation.id == Appointment.client_id)
    query = query.where(Appointment.agent_id == agent_id, is_client, _is_current(now))
    appointment = session.scalar(query) if can_be_stored(handle, organisation_id) else None
    if appointment is None:
        raise NotFound(
            f"You are not an agent of {fold(client)!r} now. Ask the brand to appoint you.",
            code="appointment.not_found",
            client=client,
        )
    return appointment


def list_appointments(
    session: Session,
    organisation_id: str,
    *,
    current_at: datetime | None = None,
    after: str = "",
    limit: int = 50,
) -> Sequence[Appointment]:
    """Return at most `limit` appointments that an organisation gave or got, by id (so by time).

    With `current_at`, leave out those that are over at this time.
    """
    query = _select_appointments().where(_has_party(organisation_id), Appointment.id > after).limit(limit)
    if current_at is not None:
        query = query.where(_is_current(current_at))
    return session.scalars(query).all()


def state_of(appointment: Appointment, now: datetime) -> str:
    """Return `current`, `ended` (by somebody) or `over` (after its last day)."""
    if appointment.ended_at is not None:
        return "ended"
    return "current" if now.date() <= appointment.ends_on else "over"


def reach_of(appointment: Appointment) -> Reach:
    """Return the designs and territories of the client that the agent reaches."""
    return Reach(
        frozenset(appointment.designs) if appointment.designs else None,
        frozenset(appointment.territories) if appointment.territories else None,
    )


def _check_parties(client: Organisation, agent: Organisation) -> None:
    if client.id == agent.id:
        raise Rejected("An organisation cannot be its own agent.", code="appointment.self")
    if "brand" not in client.roles:
        raise Conflict(
            f"{client.handle} is not a brand, and only brands appoint agents. Ask the operator for the role.",
            code="appointment.not_brand",
            handle=client.handle,
        )
    if "agent" not in agent.roles:
        raise Conflict(
            f"{agent.handle} is not an agent. Ask the operator to give it this role.",
            code="appointment.not_agent",
            handle=agent.handle,
        )


def _checked_scopes(scopes: Iterable[str]) -> list[str]:
    names = sorted({fold(scope).lower() for scope in scopes})
    refused = [name for name in names if name not in SCOPES]
    if refused or not names:
        what = f"An agent cannot have the scope {refused[0]!r}. " if refused else ""
        raise Rejected(
            f"{what}Give an agent one or more of {', '.join(SCOPES)}.",
            code="appointment.scopes",
            scopes=", ".join(refused),
        )
    return names


def _checked_designs(designs: Iterable[str]) -> list[str]:
    ids = sorted(set(designs))
    if len(ids) > MOST_DESIGNS:
        raise too_many_designs_error()
    return ids


def too_many_designs_error() -> Rejected:
    """Return the error for more designs than one appointment can name."""
    return Rejected(
        f"Name at most {MOST_DESIGNS} designs, or no design for all of them.",
        code="appointment.designs",
        limit=MOST_DESIGNS,
    )


def _checked_end(ends_on: date, today: date) -> date:
    if not today <= ends_on <= today + LONGEST:
        raise Rejected(
            f"An appointment cannot end on {ends_on}. Choose a last day from {today} to {today + LONGEST}.",
            code="appointment.ends",
            first=str(today),
            last=str(today + LONGEST),
        )
    return ends_on


def _lock_current(
    session: Session, client: Organisation, agent: Organisation, now: datetime
) -> Sequence[Appointment]:
    """Return the current appointments of this agent by this client.

    No other transaction appoints an agent for this client or ends these until this transaction ends.
    """
    of_client = select(Organisation.id).where(Organisation.id == client.id)
    session.scalars(of_client.with_for_update(key_share=True)).all()
    query = _select_appointments().where(
        Appointment.client_id == client.id, Appointment.agent_id == agent.id, _is_current(now)
    )
    locked = query.with_for_update(of=Appointment, key_share=True)
    return session.scalars(locked.execution_options(populate_existing=True)).all()


def _end(session: Session, appointment: Appointment, *, by: str | None, now: datetime) -> None:
    appointment.ended_at = now
    session.flush()
    record_at_commit(session, [facts.appointment_ended(appointment, by, now)])


def _select_appointments() -> Select[Appointment]:
    """Return the query for appointments with both parties, oldest first."""
    parties = (joinedload(Appointment.client), joinedload(Appointment.agent))
    return select(Appointment).options(*parties).order_by(Appointment.id)


def _select_by_id(appointment_id: str, organisation_id: str | None) -> Select[Appointment]:
    query = _select_appointments().where(Appointment.id == normal_id(appointment_id))
    return query if organisation_id is None else query.where(_has_party(organisation_id))


def _has_party(organisation_id: str) -> ColumnElement[bool]:
    return or_(Appointment.client_id == organisation_id, Appointment.agent_id == organisation_id)


def _is_current(now: datetime) -> ColumnElement[bool]:
    return and_(Appointment.ended_at.is_(None), Appointment.ends_on >= now.date())


def _get_one(session: Session, query: Select[Appointment], appointment_id: str) -> Appointment:
    appointment = session.scalar(query) if can_be_stored(normal_id(appointment_id)) else None
    if appointment is None:
        raise unknown_appointment_error(appointment_id)
    return appointment


def unknown_appointment_error(appointment_id: str) -> NotFound:
    """Return the error for an appointment that is not there, over, or between others."""
    return NotFound(
        f"We have no appointment with the id {appointment_id!r}.",
        code="appointment.not_found",
        appointment=appointment_id,
    )
