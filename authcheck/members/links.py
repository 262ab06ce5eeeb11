"""Links that work once: invitations, applications, new passwords, the first account.

A link's secret is shown only once.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from authcheck.errors import Rejected
from authcheck.ids import new_id
from authcheck.members.tables import OneTimeLink, Person

INVITE, RESET, SET_UP, APPLY = "invite", "reset", "set-up", "apply"
LASTS = {
    INVITE: timedelta(days=7),
    RESET: timedelta(hours=1),
    SET_UP: timedelta(days=1),
    APPLY: timedelta(days=3),
}
RESETS_AN_HOUR = 3  # so that nobody fills the mailbox of another person
KEPT_FOR = timedelta(days=90)  # an old link still says that it was used, or is too old
SECRET = re.compile("[A-Za-z0-9_-]{43}")  # 256 bits in base64url


def make_reset(session: Session, person: Person, now: datetime) -> tuple[OneTimeLink, str]:
    """Make a link for a new password and return it with its secret. Earlier ones are withdrawn."""
    withdraw(session, OneTimeLink.person_id == person.id, now=now)
    return make(session, RESET, now, email=person.email, name=person.name, person_id=person.id)


def count_resets(session: Session, person: Person, now: datetime) -> int:
    """Return how many links for a new password were made for a person in the last hour."""
    recent = (OneTimeLink.person_id == person.id, OneTimeLink.created_at > now - timedelta(hours=1))
    return session.scalar(select(func.count()).select_from(OneTimeLink).where(*recent)) or 0


def make_set_up(session: Session, now: datetime) -> str:
    """Make the code for the first account, and return it. Earlier codes are withdrawn."""
    withdraw(session, OneTimeLink.purpose == SET_UP, now=now)
    return make(session, SET_UP, now, email="", name="")[1]


def needs_set_up(session: Session) -> bool:
    """Return whether nobody has an account yet."""
    return session.scalar(select(Person.id).limit(1)) is None


def open_link(
    session: Session, secret: str, purpose: str, now: datetime, *, lock: bool = False
) -> OneTimeLink:
    """Return the link with this secret, if it still works.

    With `lock`, no other transaction can use the link until the commit. Raises Rejected: `link.used`,
    `link.expired`, `link.withdrawn`, or `link.unknown` for a secret that was never made for this purpose.
    """
    query = select(OneTimeLink).where(
        OneTimeLink.secret_sha256 == _hash(secret), OneTimeLink.purpose == purpose
    )
    link = session.scalar(query.with_for_update() if lock else query) if SECRET.fullmatch(secret) else None
    if link is None:
        raise Rejected("We do not know this link. Copy it whole from the message.", code="link.unknown")
    if link.used_at is not None:
        raise Rejected("This link was used already. Each link works once.", code="link.used")
    if link.withdrawn_at is not None:
        raise Rejected("This link was withdrawn. A newer link may have replaced it.", code="link.withdrawn")
    if link.expires_at <= now:
        raise Rejected("This link is too old. Ask for a new one.", code="link.expired")
    return link


def make(
    session: Session,
    purpose: str,
    now: datetime,
    *,
    email: str,
    name: str,
    person_id: str | None = None,
    organisation_id: str | None = None,
    roles: Sequence[str] = (),
    made_by: str | None = None,
) -> tuple[OneTimeLink, str]:
    """Store a new link and return it with its secret."""
    session.execute(delete(OneTimeLink).where(OneTimeLink.expires_at < now - KEPT_FOR))
    secret = secrets.token_urlsafe(32)
    link = OneTimeLink(
        id=new_id("lnk", now),
        secret_sha256=_hash(secret),
        purpose=purpose,
        email=email,
        name=name,
        person_id=person_id,
        organisation_id=organisation_id,
        roles=list(roles),
        made_by=made_by,
        created_at=now,
        expires_at=now + LASTS[purpose],
    )
    session.add(link)
    session.flush()
    return link, secret


def withdraw(session: Session, *conditions: ColumnElement[bool], now: datetime) -> None:
    """Withdraw the links that fulfil the conditions and still work."""
    session.execute(
        update(OneTimeLink)
        .where(*conditions, OneTimeLink.used_at.is_(None), OneTimeLink.withdrawn_at.is_(None))
        .values(withdrawn_at=now)
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
