"""Organisations: add, find and list members."""

import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.ids import new_id
from authcheck.ledger.journal import record_at_commit
from authcheck.members import facts
from authcheck.members.tables import Organisation

HANDLE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
ROLES = ("brand", "licensee", "marketplace", "agent")
NAME_CHARS = 200


def create_organisation(
    session: Session, *, handle: str, name: str, roles: Sequence[str], now: datetime
) -> Organisation:
    """Add a member. Raises Rejected (`organisation.*`) or Conflict (`organisation.exists`)."""
    organisation = describe_organisation(handle=handle, name=name, roles=roles, now=now)
    if find_organisation(session, handle) is not None:
        raise _exists(handle)
    try:
        with session.begin_nested():
            session.add(organisation)
    except IntegrityError as error:  # on PostgreSQL somebody may add it between the look and the insertion
        raise _exists(handle) from error
    record_at_commit(session, [facts.approved(organisation, now)])
    return organisation


def describe_organisation(*, handle: str, name: str, roles: Sequence[str], now: datetime) -> Organisation:
    """A member that is not stored. Raises Rejected (`organisation.*`)."""
    if not HANDLE.fullmatch(handle):
        raise Rejected(
            f"{handle!r} cannot be a handle: 1 to 64 of a-z, 0-9 and -, not starting or ending with -.",
            code="organisation.handle",
            handle=handle,
        )
    if not name.strip() or len(name) > NAME_CHARS or not name.isprintable():
        raise Rejected(
            f"A name needs 1 to {NAME_CHARS} printable characters.",
            code="organisation.name",
            limit=NAME_CHARS,
        )
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles:
        raise Rejected(
            f"Roles are some of {', '.join(ROLES)}.", code="organisation.roles", roles=", ".join(unknown)
        )
    return Organisation(
        id=new_id("org", now), handle=handle, name=name.strip(), roles=sorted(set(roles)), created_at=now
    )


def find_organisation(session: Session, handle: str) -> Organisation | None:
    """The organisation of that handle, or None."""
    if not HANDLE.fullmatch(handle):  # PostgreSQL refuses to look for a NUL character
        return None
    return session.scalar(select(Organisation).where(Organisation.handle == handle))


def get_organisation(session: Session, handle: str) -> Organisation:
    """The organisation of that handle. Raises NotFound (`organisation.not_found`)."""
    organisation = find_organisation(session, handle)
    if organisation is None:
        raise NotFound(f"No organisation is called {handle!r}.", code="organisation.not_found", handle=handle)
    return organisation


def ensure_brand(session: Session, handle: str, now: datetime) -> Organisation:
    """The organisation of that handle, made as a brand of the same name where it is missing."""
    found = find_organisation(session, handle)
    try:
        return found or create_organisation(session, handle=handle, name=handle, roles=["brand"], now=now)
    except Conflict:
        return get_organisation(session, handle)


def list_organisations(session: Session, *, after: str = "", limit: int = 50) -> list[Organisation]:
    """At most `limit` organisations, by id, that come after the id `after`."""
    query = select(Organisation).where(Organisation.id > after).order_by(Organisation.id).limit(limit)
    return list(session.scalars(query))


def _exists(handle: str) -> Conflict:
    return Conflict(f"An organisation {handle!r} exists already.", code="organisation.exists", handle=handle)
