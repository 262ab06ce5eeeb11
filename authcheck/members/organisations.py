"""Functions that add, find and list organisations, the members of authcheck."""

import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.ids import as_word, fold, new_id, new_salt, tidy
from authcheck.ledger.journal import record_at_commit
from authcheck.members import facts
from authcheck.members.tables import Organisation

HANDLE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
ROLES = ("brand", "licensee", "marketplace", "agent", "operator")
NAME_CHARS = 200
APPLIED, APPROVED, REFUSED, SUSPENDED = "applied", "approved", "refused", "suspended"
OPERATORS = "operators"  # the usual handle of the operators' organisation


def create_organisation(
    session: Session, *, handle: str, name: str, roles: Sequence[str], now: datetime
) -> Organisation:
    """Store a new member that the operator adds, and record its ledger entry at commit.

    Raises Rejected (`organisation.*`) or Conflict (`organisation.exists`).
    """
    organisation = describe_organisation(handle=handle, name=name, roles=roles, now=now)
    organisation.state, organisation.approved_at = APPROVED, now
    store_organisation(session, organisation)
    record_at_commit(session, [facts.approved(organisation, now)])
    return organisation


def store_organisation(session: Session, organisation: Organisation) -> None:
    """Store a described organisation. Raises Conflict (`organisation.exists`)."""
    refuse_taken(session, organisation.handle)
    try:
        with session.begin_nested():
            session.add(organisation)
    except IntegrityError as error:  # on PostgreSQL, another transaction may add the handle after our query
        raise _handle_taken_error(organisation.handle) from error


def refuse_taken(session: Session, handle: str) -> None:
    """Raise Conflict (`organisation.exists`) for a handle that an organisation has."""
    if find_organisation(session, handle) is not None:
        raise _handle_taken_error(handle)


def describe_organisation(*, handle: str, name: str, roles: Sequence[str], now: datetime) -> Organisation:
    """Build an organisation that has applied, without storing it. Raises Rejected (`organisation.*`)."""
    handle, name, roles = fold(handle).lower(), tidy(name), [as_word(role) for role in roles]
    if not HANDLE.fullmatch(handle):
        raise Rejected(
            f"{handle!r} cannot be a handle. A handle has 1 to 64 of the characters a-z, 0-9 and -. "
            "It does not start or end with -.",
            code="organisation.handle",
            handle=handle,
        )
    if not name.strip() or len(name) > NAME_CHARS or not name.isprintable():
        raise Rejected(
            f"A name must have 1 to {NAME_CHARS} characters, all of them printable.",
            code="organisation.name",
            limit=NAME_CHARS,
        )
    unknown_roles = [role for role in roles if role not in ROLES]
    if unknown_roles or not roles:
        raise Rejected(
            f"An organisation needs one or more of these roles: {', '.join(ROLES)}.",
            code="organisation.roles",
            roles=", ".join(unknown_roles),
        )
    return Organisation(
        id=new_id("org", now),
        handle=handle,
        name=name.strip(),
        roles=sorted(set(roles)),
        created_at=now,
        salt=new_salt(),
        contact_url="",
        contact_email="",
        state=APPLIED,
        state_reason="",
        state_since=now,
    )


def normal_handle(handle: str) -> str:
    """Return a handle as we store it. Capitals and unseen characters change nothing."""
    return fold(handle).lower()


def find_organisation(session: Session, handle: str) -> Organisation | None:
    """Return the organisation with this handle, or None. See `normal_handle`."""
    handle = normal_handle(handle)
    if not HANDLE.fullmatch(handle):  # PostgreSQL raises an error for a NUL character in a query
        return None
    return session.scalar(select(Organisation).where(Organisation.handle == handle))


def get_organisation(session: Session, handle: str) -> Organisation:
    """Return the organisation with this handle. Raises NotFound (`organisation.not_found`)."""
    organisation = find_organisation(session, handle)
    if organisation is None:
        raise unknown_organisation_error(handle)
    return organisation


def ensure_brand(session: Session, handle: str, now: datetime) -> Organisation:
    """Return the organisation with this handle, or create it as a brand with the handle as its name."""
    organisation = find_organisation(session, handle)
    if organisation is not None:
        return organisation
    try:
        return create_organisation(session, handle=handle, name=handle, roles=["brand"], now=now)
    except Conflict:  # another transaction has just added the handle
        return get_organisation(session, handle)


def ensure_operators(session: Session, now: datetime) -> Organisation:
    """Return the organisation of this installation's operators. Create it when there is none."""
    for organisation in session.scalars(select(Organisation).order_by(Organisation.id)):
        if "operator" in organisation.roles:
            return organisation
    handle, number = OPERATORS, 2
    while find_organisation(session, handle) is not None:
        handle, number = f"{OPERATORS}-{number}", number + 1
    return create_organisation(session, handle=handle, name="Operators", roles=["operator"], now=now)


def list_organisations(session: Session, *, after: str = "", limit: int = 50) -> list[Organisation]:
    """Return at most `limit` organisations whose ids come after `after`, ordered by id."""
    query = select(Organisation).where(Organisation.id > after).order_by(Organisation.id).limit(limit)
    return list(session.scalars(query))


def list_waiting(session: Session, limit: int) -> Sequence[Organisation]:
    """Return at most `limit` organisations that have applied and wait for the operator, oldest first."""
    waiting = select(Organisation).where(Organisation.state == APPLIED)
    return session.scalars(waiting.order_by(Organisation.id).limit(limit)).all()


def are_approved(session: Session, *ids: str) -> bool:
    """Return whether all these organisations are approved at this moment."""
    others = select(Organisation.id).where(Organisation.id.in_(ids), Organisation.state != APPROVED)
    return session.scalar(others.limit(1)) is None


def unknown_organisation_error(handle: str) -> NotFound:
    """Return the error for a handle that nobody has, or that is not the caller's business."""
    return NotFound(
        f"We have no organisation with the handle {handle!r}.", code="organisation.not_found", handle=handle
    )


def _handle_taken_error(handle: str) -> Conflict:
    return Conflict(
        f"The handle {handle!r} already belongs to an organisation. Choose another handle.",
        code="organisation.exists",
        handle=handle,
    )
