"""Sessions of people who are signed in with a browser."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from authcheck.config import Settings
from authcheck.errors import Forbidden, NotFound
from authcheck.ids import ID, new_id
from authcheck.members import agents, appointments
from authcheck.members.organisations import APPROVED, are_approved
from authcheck.members.people import memberships_of
from authcheck.members.permissions import Right, Role, cap, grants_of_roles
from authcheck.members.principals import Principal
from authcheck.members.tables import Appointment, Membership, Organisation, Person, WebSession

TOKEN = re.compile("[A-Za-z0-9_-]{43}")  # 256 bits in base64url
CODE_WAIT = timedelta(minutes=10)  # for the code of the second factor
NOTED_EVERY = timedelta(minutes=1)  # how exactly the last use is stored
BROWSER_CHARS = 200
KEPT_FOR = timedelta(days=400)  # since the last use, as browsers keep cookies


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session with its person. The rest is None while the person acts for no organisation."""

    row: WebSession
    person: Person
    organisation: Organisation | None
    principal: Principal | None


def begin(
    session: Session,
    person: Person,
    *,
    browser: str,
    now: datetime,
    language: str | None = None,
    awaits_code: bool = False,
) -> tuple[WebSession, str]:
    """Begin a session and return it with the token for the cookie. The person acts for the first membership.

    Mails come in `language`, a tag, from now on. With `awaits_code`, the session allows nothing but to send
    the code of the second factor.
    """
    memberships = memberships_of(session, person.id)
    is_old = (WebSession.person_id == person.id, WebSession.used_at < now - KEPT_FOR)
    session.execute(delete(WebSession).where(*is_old))
    token = secrets.token_urlsafe(32)
    row = WebSession(
        id=new_id("ses", now),
        token_sha256=_hash(token),
        person_id=person.id,
        organisation_id=memberships[0].organisation_id if memberships else None,
        awaits_code=awaits_code,
        browser="".join(filter(str.isprintable, browser))[:BROWSER_CHARS],
        created_at=now,
        used_at=now,
    )
    session.add(row)
    person.used_at, person.language = now, language or person.language
    session.flush()
    return row, token


def find(
    session: Session, token: str, settings: Settings, now: datetime, *, awaits_code: bool = False
) -> SignedIn | None:
    """Return the session of a cookie's token with its rights of this moment, or None when it has ended.

    A session ends by itself when it was not used for some hours, and some days after its begin. Nobody is
    signed in with a session that awaits the code of the second factor. `awaits_code` asks for such sessions.
    """
    if not TOKEN.fullmatch(token):
        return None
    query = (
        select(WebSession, Person, Membership, Organisation)
        .join(Person, Person.id == WebSession.person_id)
        .outerjoin(
            Membership,
            (Membership.person_id == WebSession.person_id)
            & (Membership.organisation_id == WebSession.organisation_id),
        )
        .outerjoin(Organisation, Organisation.id == Membership.organisation_id)
        .where(WebSession.token_sha256 == _hash(token))
    )
    found = session.execute(query).first()
    if found is None:
        return None
    columns: tuple[Any, ...] = tuple(found)
    row, person, member, organisation = columns  # of an outer join: the last two may be None
    if not is_open(row, settings, now) or person.disabled_at is not None or row.awaits_code != awaits_code:
        return None
    return _signed_in(session, SignedIn(row, person, organisation, None), member, now)


def _signed_in(session: Session, found: SignedIn, member: Membership | None, now: datetime) -> SignedIn:
    """Add the principal: the person's own, or that of an agent while the appointment is current."""
    row, person, organisation = found.row, found.person, found.organisation
    if member is None or organisation is None:
        return SignedIn(row, person, None, None)
    roles = frozenset(member.roles)
    own = Principal(
        organisation.id,
        organisation.handle,
        person.id,
        roles,
        cap(grants_of_roles(roles), is_approved=organisation.state == APPROVED),
        row.used_at,
        state=organisation.state,
    )
    if row.appointment_id is None:
        return SignedIn(row, person, organisation, own)
    appointment = _current_appointment(session, row.appointment_id, own, now)
    if appointment is None:
        return SignedIn(row, person, None, None)
    return SignedIn(row, person, appointment.client, agents.for_client(own, appointment))


def _current_appointment(
    session: Session, appointment_id: str, own: Principal, now: datetime
) -> Appointment | None:
    """Return the appointment that a person acts under, or None when it is over or the role was taken."""
    if Role.AGENT not in own.scopes:
        return None
    try:
        return appointments.get_current(session, appointment_id, agent_id=own.organisation_id, now=now)
    except NotFound:
        return None


def is_open(row: WebSession, settings: Settings, now: datetime) -> bool:
    """Return whether a session can still be used at `now`."""
    idle = CODE_WAIT if row.awaits_code else timedelta(hours=settings.session_idle_hours)
    return (
        row.ended_at is None
        and now - row.used_at < idle
        and now - row.created_at < timedelta(days=settings.session_days)
    )


def needs_note(row: WebSession, now: datetime) -> bool:
    """Return whether the stored time of the last use is too old."""
    return now - row.used_at >= NOTED_EVERY


def note_use(session: Session, row: WebSession, now: datetime) -> None:
    """Store that a session is used now. An ended session stays as it is."""
    session.execute(
        update(WebSession)
        .where(WebSession.id == row.id, WebSession.ended_at.is_(None), WebSession.used_at < now)
        .values(used_at=now)
    )
    session.execute(update(Person).where(Person.id == row.person_id).values(used_at=now))


def confirm(session: Session, session_id: str, principal: Principal | None, now: datetime) -> None:
    """Raise Forbidden unless the session still gives its person these rights, in the present transaction.

    Raises `auth.session` for an ended session or a disabled person, `auth.role` for a role that was taken.
    """
    query = (
        select(WebSession.person_id)
        .join(Person, Person.id == WebSession.person_id)
        .where(WebSession.id == session_id, WebSession.ended_at.is_(None), Person.disabled_at.is_(None))
    )
    person_id = session.scalar(query)
    if person_id is None:
        raise session_over_error()
    if principal is None:
        return
    agency = principal.agency
    is_member = (Membership.person_id == person_id, Membership.organisation_id == principal.home_id)
    roles = session.scalar(select(Membership.roles).where(*is_member)) or ()
    granted = grants_of_roles(roles) if agency is None else agents.grants_now(session, agency, roles, now)
    now_has = cap(granted, is_approved=are_approved(session, principal.organisation_id, principal.home_id))
    for resource, right in principal.grants.items():
        if now_has.get(resource, Right.NONE) < right:
            raise Forbidden(
                "Your roles were changed while you were working. Nothing was stored. Reload the page.",
                code="auth.role",
                resource=str(resource),
                right=right.name.lower(),
            )


def renew(session: Session, row: WebSession, now: datetime) -> str:
    """Give a session a new token and return it. The old token stops working."""
    token = secrets.token_urlsafe(32)
    row.token_sha256 = _hash(token)
    row.used_at = now
    session.flush()
    return token


def end(session: Session, session_id: str, *, person_id: str, now: datetime) -> WebSession:
    """End a session of a person. A repetition keeps the first time. Raises NotFound (`sign_in.not_found`)."""
    query = select(WebSession).where(WebSession.id == session_id, WebSession.person_id == person_id)
    row = session.scalar(query) if ID.fullmatch(session_id) else None
    if row is None:
        raise NotFound("You have no session with this id.", code="sign_in.not_found", session=session_id)
    row.ended_at = row.ended_at or now
    return row


def end_others(session: Session, person_id: str, *, kept_id: str | None, now: datetime) -> None:
    """End all sessions of a person but one."""
    query = update(WebSession).where(WebSession.person_id == person_id, WebSession.ended_at.is_(None))
    if kept_id is not None:
        query = query.where(WebSession.id != kept_id)
    session.execute(query.values(ended_at=now))


def list_open(session: Session, person_id: str, settings: Settings, now: datetime) -> Sequence[WebSession]:
    """Return a person's sessions that can still be used, newest first."""
    query = (
        select(WebSession)
        .where(WebSession.person_id == person_id, WebSession.ended_at.is_(None))
        .order_by(WebSession.id.desc())
    )
    return [row for row in session.scalars(query) if is_open(row, settings, now)]


def act_for(session: Session, row: WebSession, organisation_id: str) -> None:
    """Let a session act for another organisation of its person.

    Raises NotFound (`organisation.not_found`), also when the person does not belong to the organisation.
    """
    member = (
        session.get(Membership, (row.person_id, organisation_id)) if ID.fullmatch(organisation_id) else None
    )
    if member is None:
        raise NotFound(
            "You do not belong to this organisation.",
            code="organisation.not_found",
            handle=organisation_id,
        )
    row.organisation_id, row.appointment_id = organisation_id, None


def act_as_agent(session: Session, row: WebSession, appointment_id: str, now: datetime) -> None:
    """Let a session act for a client of one of its person's organisations.

    Raises NotFound (`appointment.not_found`), also when the person is no agent of that client.
    """
    for member in memberships_of(session, row.person_id):
        if Role.AGENT in member.roles:
            with suppress(NotFound):
                appointments.get_current(session, appointment_id, agent_id=member.organisation_id, now=now)
                row.organisation_id, row.appointment_id = member.organisation_id, appointment_id
                return
    raise appointments.unknown_appointment_error(appointment_id)


def session_over_error() -> Forbidden:
    """Return the error for a session that has ended."""
    return Forbidden("Your session has ended. Sign in again.", code="auth.session")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
