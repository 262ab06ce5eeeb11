"""What one-time links do: a person joins, gets a new password, or makes the first account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from authcheck.errors import Conflict, Forbidden
from authcheck.members import failures, links, organisations, people, sessions
from authcheck.members.permissions import Role
from authcheck.members.tables import Membership, OneTimeLink, Organisation, Person


@dataclass(frozen=True, slots=True)
class NewOrganisation:
    """The organisation of the first account. `kinds` are the roles of the organisation."""

    handle: str
    name: str
    kinds: Sequence[str]


def accept_invitation(
    session: Session,
    secret: str,
    *,
    name: str,
    password_hash: str,
    signed_in: Person | None,
    now: datetime,
) -> tuple[Person, OneTimeLink]:
    """Let the invited person join, and return the person and the used link.

    A person with an account must be signed in: the link alone opens no account. Raises as `open_link`;
    Forbidden (`invitation.sign_in`), Conflict (`person.exists`), Rejected (`person.name`).
    """
    link = links.open_link(session, secret, links.INVITE, now, lock=True)
    person = people.find_person(session, link.email)
    if person is None and signed_in is None:
        person = people.add_person(session, email=link.email, name=name, password_hash=password_hash, now=now)
    elif person is None or signed_in is None or person.id != signed_in.id:
        raise Forbidden(
            f"This invitation is for {link.email}. Sign in with that account, then open the link again.",
            code="invitation.sign_in",
            email=link.email,
        )
    organisation = session.get_one(Organisation, link.organisation_id)
    member = session.get(Membership, (person.id, organisation.id))
    roles = {*link.roles, *(member.roles if member else ())}
    people.give_roles(session, organisation, person, roles, now)
    link.used_at = now
    return person, link


def set_new_password(
    session: Session, secret: str, password_hash: str, *, limits_secret: bytes, now: datetime
) -> Person:
    """Replace the password by a link, and end all sessions of the person. The second factor stays on.

    The count of failed sign-ins begins again. Raises as `open_link`, Forbidden (`sign_in.disabled`).
    """
    link = links.open_link(session, secret, links.RESET, now, lock=True)
    person = session.get_one(Person, link.person_id)
    if person.disabled_at is not None:
        raise Forbidden("This account is closed. Ask an admin of your organisation.", code="sign_in.disabled")
    person.password_hash = password_hash
    link.used_at = now
    sessions.end_others(session, person.id, kept_id=None, now=now)
    failures.forget(session, failures.account(person.email), limits_secret)
    return person


def set_up(
    session: Session,
    secret: str,
    *,
    email: str,
    name: str,
    password_hash: str,
    organisation: NewOrganisation,
    now: datetime,
) -> Person:
    """Make the first account of an installation: the operator, and admin of an organisation.

    The organisation may exist already, made at the command line. Then it keeps its name and its roles. The
    operator's rights are those of an organisation of their own, so that nobody has them by accident. Raises
    as `open_link`; Conflict (`set_up.done`), Rejected (`organisation.*`, `person.name`).
    """
    link = links.open_link(session, secret, links.SET_UP, now, lock=True)
    if not links.needs_set_up(session):
        raise Conflict("This installation is set up already. Sign in.", code="set_up.done")
    person = people.add_person(session, email=email, name=name, password_hash=password_hash, now=now)
    own = organisations.find_organisation(session, organisation.handle)
    if own is None:
        own = organisations.create_organisation(
            session,
            handle=organisation.handle,
            name=organisation.name,
            roles=organisation.kinds,
            now=now,
        )
    people.give_roles(session, own, person, [Role.ADMIN], now)
    operators = organisations.ensure_operators(session, now)
    people.give_roles(session, operators, person, [Role.ADMIN, Role.OPERATOR], now)
    link.used_at = now
    return person
