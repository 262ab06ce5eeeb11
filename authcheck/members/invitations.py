"""Invitations of people to an organisation."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.errors import Conflict, NotFound
from authcheck.ids import ID
from authcheck.members import links
from authcheck.members.people import checked_name, checked_roles, is_member
from authcheck.members.tables import OneTimeLink, Organisation


def invite(
    session: Session,
    organisation: Organisation,
    *,
    email: str,
    name: str,
    roles: Iterable[str],
    made_by: str | None,
    now: datetime,
) -> tuple[OneTimeLink, str]:
    """Make an invitation to an organisation and return it with its secret.

    An earlier invitation of the same address to the same organisation is withdrawn. `email` is in its one
    spelling. `name` may be empty.

    Raises Rejected (`person.roles`, `person.name`), Conflict (`person.member`).
    """
    if is_member(session, organisation.id, email):
        raise Conflict(
            f"{email} belongs to {organisation.name} already. Change the person's roles instead.",
            code="person.member",
            email=email,
        )
    roles = checked_roles(organisation, roles)
    links.withdraw(
        session, OneTimeLink.email == email, OneTimeLink.organisation_id == organisation.id, now=now
    )
    return links.make(
        session,
        links.INVITE,
        now,
        email=email,
        name=checked_name(name) if name.strip() else "",
        organisation_id=organisation.id,
        roles=roles,
        made_by=made_by,
    )


def list_invitations(session: Session, organisation_id: str, now: datetime) -> Sequence[OneTimeLink]:
    """Return the invitations to an organisation that still work, oldest first."""
    query = select(OneTimeLink).where(
        OneTimeLink.organisation_id == organisation_id,
        OneTimeLink.purpose == links.INVITE,
        OneTimeLink.used_at.is_(None),
        OneTimeLink.withdrawn_at.is_(None),
        OneTimeLink.expires_at > now,
    )
    return session.scalars(query.order_by(OneTimeLink.id)).all()


def withdraw(session: Session, link_id: str, *, organisation_id: str, now: datetime) -> OneTimeLink:
    """Withdraw an invitation. A repetition keeps the first time.

    Raises NotFound (`invitation.not_found`), also for an invitation to another organisation.
    """
    query = select(OneTimeLink).where(
        OneTimeLink.id == link_id,
        OneTimeLink.organisation_id == organisation_id,
        OneTimeLink.purpose == links.INVITE,
    )
    link = session.scalar(query) if ID.fullmatch(link_id) else None
    if link is None:
        raise NotFound(
            "Your organisation has no invitation with this id.",
            code="invitation.not_found",
            invitation=link_id,
        )
    link.withdrawn_at = link.withdrawn_at or now
    return link
