"""Organisations, and the API keys that act for them."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from authcheck import facts
from authcheck.errors import Conflict, Forbidden, NotFound, Rejected
from authcheck.ids import CROCKFORD, new_id
from authcheck.journal import record_at_commit
from authcheck.tables import ApiKey, Organisation

HANDLE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
KEY_ID = re.compile(rf"ack_[{CROCKFORD}]{{26}}")
TOKEN = re.compile(rf"({KEY_ID.pattern})_([A-Za-z0-9_-]{{43}})")  # the secret: 256 bits in base64url
ROLES = ("brand", "licensee", "marketplace", "agent")
SCOPES = ("designs:write", "listings:check", "certificates:issue", "licences:write", "admin")
NAME_CHARS = 200


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking, once a key was believed."""

    organisation_id: str
    handle: str
    key_id: str
    scopes: frozenset[str]

    def require(self, scope: str) -> None:
        """Raise Forbidden (`auth.scope`) unless the key carries `scope`."""
        if scope not in self.scopes:
            raise Forbidden(f"This key lacks the scope {scope}.", code="auth.scope", scope=scope)


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


def create_key(
    session: Session, organisation: Organisation, *, label: str, scopes: Sequence[str], now: datetime
) -> tuple[ApiKey, str]:
    """A new key and its token `ack_<id>_<secret>`, which is shown this once and not kept.

    Raises Rejected (`key.scopes`, `key.label`).
    """
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise Rejected(
            f"Scopes are some of {', '.join(SCOPES)}.", code="key.scopes", scopes=", ".join(unknown)
        )
    if len(label) > NAME_CHARS or not label.isprintable():
        raise Rejected(
            f"A label has at most {NAME_CHARS} printable characters.", code="key.label", limit=NAME_CHARS
        )
    secret = secrets.token_urlsafe(32)
    key = ApiKey(
        id=new_id("ack", now),
        organisation_id=organisation.id,
        label=label,
        secret_sha256=_hash(secret),
        scopes=sorted(set(scopes)),
        created_at=now,
    )
    session.add(key)
    session.flush()
    return key, f"{key.id}_{secret}"


def list_keys(session: Session, organisation_id: str, *, after: str = "", limit: int = 50) -> list[ApiKey]:
    """At most `limit` keys of an organisation, by id, that come after the id `after`; revoked ones included."""
    query = (
        select(ApiKey)
        .where(ApiKey.organisation_id == organisation_id, ApiKey.id > after)
        .order_by(ApiKey.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def revoke_key(session: Session, key_id: str, *, organisation_id: str | None, now: datetime) -> ApiKey:
    """End a key; once revoked it stays revoked. `organisation_id` limits it to that organisation's keys.

    Raises NotFound (`key.not_found`), also for a key of somebody else.
    """
    key = session.get(ApiKey, key_id) if KEY_ID.fullmatch(key_id) else None
    if key is None or organisation_id not in {None, key.organisation_id}:
        raise NotFound("No such key.", code="key.not_found", key=key_id)
    key.revoked_at = key.revoked_at or now
    return key


def authenticate(session: Session, token: str) -> Principal:
    """Who a token belongs to.

    Raises Forbidden: `auth.key_revoked` for the right secret of a revoked key, `auth.key_unknown` for all else, so
    that nobody learns which key ids exist.
    """
    parts = TOKEN.fullmatch(token)  # anything else would be an error of the database, not an answer
    key_id, secret = parts.groups() if parts else ("", "")
    key = session.get(ApiKey, key_id, options=[joinedload(ApiKey.organisation)])
    known = key.secret_sha256 if key else _hash("")
    if not hmac.compare_digest(known, _hash(secret)) or key is None:
        raise Forbidden("This API key is not known.", code="auth.key_unknown")
    if key.revoked_at is not None:
        raise Forbidden("This API key was revoked.", code="auth.key_revoked")
    return Principal(key.organisation_id, key.organisation.handle, key.id, frozenset(key.scopes))


def _exists(handle: str) -> Conflict:
    return Conflict(f"An organisation {handle!r} exists already.", code="organisation.exists", handle=handle)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
