"""API keys: who acts for an organisation by machine, and what a key may do."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from authcheck.errors import Forbidden, NotFound, Rejected
from authcheck.ids import CROCKFORD, new_id
from authcheck.members.organisations import NAME_CHARS
from authcheck.members.tables import ApiKey, Organisation

KEY_ID = re.compile(rf"ack_[{CROCKFORD}]{{26}}")
TOKEN = re.compile(rf"({KEY_ID.pattern})_([A-Za-z0-9_-]{{43}})")  # the secret: 256 bits in base64url
SCOPES = ("designs:write", "listings:check", "certificates:issue", "licences:write", "admin")


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


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
