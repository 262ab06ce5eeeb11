"""People with accounts, and their roles in organisations."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.ids import ID, as_word, fold, new_id, tidy
from authcheck.members.organisations import NAME_CHARS
from authcheck.members.permissions import Role, roles_for
from authcheck.members.tables import Membership, OneTimeLink, Organisation, Person, WebSession
from authcheck.storage.json_lists import has_this_text

EMAIL_CHARS = 254
KEPT_BY_ONE = (Role.ADMIN, Role.OPERATOR)  # an organisation with such a person never loses the last one


def normal_email(text: str) -> str:
    """Return an e-mail address as we store it: lower case, its domain in one spelling.

    Raises Rejected (`person.email`).
    """
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - .03 s, which few commands need

    try:
        address = validate_email(fold(text)[:1000], check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        address = None
    if address is None or len(address.normalized) > EMAIL_CHARS:
        raise Rejected(
            f"{text[:100]!r} is not an e-mail address. Write it like name@example.com.",
            code="person.email",
            email=text[:100],
        )
    return str(address.normalized.lower())


def checked_name(text: str) -> str:
    """Return a person's name in its one spelling. Raises Rejected (`person.name`)."""
    name = tidy(text)
    if not name or len(name) > NAME_CHARS or not name.isprintable():
        raise Rejected(
            f"A name must have 1 to {NAME_CHARS} characters, all of them printable.",
            code="person.name",
            limit=NAME_CHARS,
        )
    return name


def checked_roles(organisation: Organisation, roles: Iterable[str]) -> list[str]:
    """Return these roles in the order of the table of rights.

    Raises Rejected (`person.roles`) for a role that people cannot have in this organisation, and for none.
    """
    words = {as_word(role) for role in roles}
    possible = roles_for(organisation.roles)
    if not words or words - set(possible):
        raise Rejected(
            f"In {organisation.name}, a person needs one or more of these roles: {', '.join(possible)}.",
            code="person.roles",
            roles=", ".join(sorted(words - set(possible))),
            possible=", ".join(possible),
        )
    return [role for role in possible if role in words]


def find_person(session: Session, email: str) -> Person | None:
    """Return the person with this e-mail address, or None."""
    return session.scalar(select(Person).where(Person.email == email))


def get_person(session: Session, email: str) -> Person:
    """Return the person with this e-mail address. Raises Rejected (`person.email`), NotFound."""
    address = normal_email(email)
    person = find_person(session, address)
    if person is None:
        raise NotFound(f"Nobody has an account with {address}.", code="person.not_found", person=address)
    return person


def add_person(session: Session, *, email: str, name: str, password_hash: str, now: datetime) -> Person:
    """Store a new person without a role. Raises Conflict (`person.exists`)."""
    person = Person(
        id=new_id("per", now),
        email=email,
        name=checked_name(name),
        password_hash=password_hash,
        recovery_sha256=[],
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(person)
    except IntegrityError as error:  # the account exists, or two people use their invitations at once
        raise Conflict(
            f"{email} has an account already. Sign in.", code="person.exists", email=email
        ) from error
    return person


def give_roles(
    session: Session, organisation: Organisation, person: Person, roles: Iterable[str], now: datetime
) -> Membership:
    """Give a person exactly these roles in an organisation.

    Raises Rejected (`person.roles`), Conflict (`person.last`) when nobody else would be admin or operator.
    """
    words = checked_roles(organisation, roles)
    _lock(session, organisation.id)
    member = session.get(Membership, (person.id, organisation.id), populate_existing=True)
    if member is None:
        member = Membership(person_id=person.id, organisation_id=organisation.id, roles=words, since=now)
        session.add(member)
    else:
        _keep_one(session, organisation.id, person.id, set(member.roles) - set(words))
        member.roles = words
    session.flush()
    return member


def take_roles(session: Session, organisation: Organisation, person_id: str, now: datetime) -> Membership:
    """End a person's membership. The person's sessions stop acting for the organisation at once.

    Invitations that the person made are withdrawn, so that nobody comes back through one.

    Raises NotFound (`person.not_found`), Conflict (`person.last`).
    """
    _lock(session, organisation.id)
    member = get_member(session, organisation.id, person_id)
    _keep_one(session, organisation.id, person_id, set(member.roles))
    session.execute(
        update(WebSession)
        .where(WebSession.person_id == person_id, WebSession.organisation_id == organisation.id)
        .values(organisation_id=None, appointment_id=None)
    )
    _withdraw_invitations(session, now, person_id, organisation.id)
    session.delete(member)
    session.flush()
    return member


def disable(session: Session, person: Person, now: datetime) -> None:
    """Close a person's account and end all its sessions. A repetition keeps the first time.

    Raises Conflict (`person.last`) for the last admin or operator of an organisation.
    """
    for member in memberships_of(session, person.id):
        _lock(session, member.organisation_id)
        _keep_one(session, member.organisation_id, person.id, set(member.roles))
        _withdraw_invitations(session, now, person.id, member.organisation_id)
    person.disabled_at = person.disabled_at or now
    session.execute(
        update(WebSession)
        .where(WebSession.person_id == person.id, WebSession.ended_at.is_(None))
        .values(ended_at=now)
    )


def enable(person: Person) -> None:
    """Open a disabled account again. The person signs in as before."""
    person.disabled_at = None


def get_member(session: Session, organisation_id: str, person_id: str) -> Membership:
    """Return a person's membership with the person.

    Raises NotFound (`person.not_found`), also for a person of another organisation.
    """
    query = (
        select(Membership)
        .where(Membership.person_id == person_id, Membership.organisation_id == organisation_id)
        .options(joinedload(Membership.person))
    )
    member = session.scalar(query) if ID.fullmatch(person_id) else None
    if member is None:
        raise NotFound(
            "Your organisation has no person with this id.", code="person.not_found", person=person_id
        )
    return member


def is_member(session: Session, organisation_id: str, email: str) -> bool:
    """Return whether the person with this e-mail address belongs to an organisation."""
    query = (
        select(Membership.person_id)
        .join(Person)
        .where(Membership.organisation_id == organisation_id, Person.email == email)
    )
    return session.scalar(query) is not None


def list_members(
    session: Session, organisation_id: str, *, after: str = "", limit: int = 50
) -> Sequence[Membership]:
    """Return at most `limit` memberships of an organisation with their people, ordered by the person's id."""
    query = (
        select(Membership)
        .where(Membership.organisation_id == organisation_id, Membership.person_id > after)
        .options(joinedload(Membership.person))
        .order_by(Membership.person_id)
        .limit(limit)
    )
    return session.scalars(query).all()


def memberships_of(session: Session, person_id: str) -> Sequence[Membership]:
    """Return a person's memberships with their organisations, oldest first, the operators' organisation last.

    A person who signs in acts for the first one. Nobody acts as operator without choosing it.
    """
    query = (
        select(Membership)
        .where(Membership.person_id == person_id)
        .options(joinedload(Membership.organisation))
        .order_by(Membership.since, Membership.organisation_id)
    )
    return sorted(session.scalars(query), key=lambda member: "operator" in member.organisation.roles)


def count_operators(session: Session) -> int:
    """Return how many people can act as operators of this installation."""
    query = (
        select(func.count(Membership.person_id.distinct()))
        .join(Person)
        .where(Person.disabled_at.is_(None), has_this_text(Membership.roles, Role.OPERATOR))
    )
    return session.scalar(query) or 0


def _lock(session: Session, organisation_id: str) -> None:
    """Let no other transaction change the roles of this organisation's people until the commit."""
    session.execute(select(Organisation.id).where(Organisation.id == organisation_id).with_for_update())


def _withdraw_invitations(session: Session, now: datetime, person_id: str, organisation_id: str) -> None:
    session.execute(
        update(OneTimeLink)
        .where(
            OneTimeLink.made_by == person_id,
            OneTimeLink.organisation_id == organisation_id,
            OneTimeLink.used_at.is_(None),
            OneTimeLink.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=now)
    )


def _keep_one(session: Session, organisation_id: str, person_id: str, lost_roles: set[str]) -> None:
    """Raise Conflict (`person.last`) when the loss leaves an organisation without admin or operator."""
    kept = [role for role in KEPT_BY_ONE if role in lost_roles]
    if not kept:
        return
    others = session.scalars(
        select(Membership.roles)
        .join(Person)
        .where(
            Membership.organisation_id == organisation_id,
            Membership.person_id != person_id,
            Person.disabled_at.is_(None),
        )
    ).all()
    for role in kept:
        if not any(role in roles for roles in others):
            raise Conflict(
                f"This person is the last {role} of the organisation. Give somebody else this role first.",
                code="person.last",
                role=str(role),
            )
