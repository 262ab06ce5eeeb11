"""API keys, which let a program act for an organisation, and the scopes of each key."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from authcheck.errors import Forbidden, NotFound, Rejected
from authcheck.ids import CROCKFORD, fold, new_id
from authcheck.members.organisations import APPROVED, NAME_CHARS, SUSPENDED, are_approved
from authcheck.members.permissions import SCOPES, Grants, cap, grants_of_scopes, includes
from authcheck.members.principals import Principal, not_approved_error
from authcheck.members.tables import ApiKey, Organisation

KEY_ID = re.compile(rf"ack_[{CROCKFORD}]{{26}}")
TOKEN = re.compile(rf"({KEY_ID.pattern})_([A-Za-z0-9_-]{{43}})")  # the secret: 256 bits in base64url
NOTED_EVERY = timedelta(minutes=1)  # how exactly the last use is stored


def create_key(
    session: Session,
    organisation: Organisation,
    *,
    label: str,
    scopes: Sequence[str],
    now: datetime,
    maker: Grants | None = None,
) -> tuple[ApiKey, str]:
    """Create a key and return the key with its token `ack_<id>_<secret>`.

    Show the token to the user now: the service does not store it. `maker` are the rights of the person or the
    key that asks. None: the operator, or somebody with access to the database. Raises Rejected (`key.scopes`,
    `key.label`), Forbidden (`key.beyond` for a scope with a right that the maker does not have).
    """
    scopes = _checked_scopes(scopes, maker)
    if len(label) > NAME_CHARS or not label.isprintable():
        raise Rejected(
            f"A label may have at most {NAME_CHARS} characters, all of them printable.",
            code="key.label",
            limit=NAME_CHARS,
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
    """Return at most `limit` keys of an organisation whose ids come after `after`, ordered by id.

    Includes revoked keys.
    """
    query = (
        select(ApiKey)
        .where(ApiKey.organisation_id == organisation_id, ApiKey.id > after)
        .order_by(ApiKey.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def newest_keys(session: Session, organisation_id: str, *, limit: int) -> Sequence[ApiKey]:
    """Return at most `limit` keys of an organisation: those in use before revoked ones, each newest first."""
    is_revoked = ApiKey.revoked_at.is_not(None)
    query = select(ApiKey).where(ApiKey.organisation_id == organisation_id)
    return session.scalars(query.order_by(is_revoked, ApiKey.id.desc()).limit(limit)).all()


def revoke_key(session: Session, key_id: str, *, organisation_id: str | None, now: datetime) -> ApiKey:
    """Revoke a key permanently. A second call keeps the time of the first.

    `organisation_id` limits the call to the keys of that organisation. None allows any key. Raises NotFound
    (`key.not_found`), also for a key of another organisation.
    """
    query = select(ApiKey).where(ApiKey.id == key_id)
    if organisation_id is not None:
        query = query.where(ApiKey.organisation_id == organisation_id)
    key = session.scalar(query) if KEY_ID.fullmatch(key_id) else None
    if key is None:
        raise NotFound("We have no API key with this id.", code="key.not_found", key=key_id)
    key.revoked_at = key.revoked_at or now
    return key


def authenticate(session: Session, token: str) -> Principal:
    """Return the principal that a token belongs to.

    Raises Forbidden: `auth.key_revoked` when the secret is right and the key is revoked, `auth.key_unknown`
    in all other cases. So a wrong token does not reveal which key ids exist.
    """
    token_match = TOKEN.fullmatch(token)  # other characters (NUL, surrogates) would make the database fail
    key_id, secret = token_match.groups() if token_match else ("", "")
    key = session.get(ApiKey, key_id, options=[joinedload(ApiKey.organisation)])
    stored_sha256 = key.secret_sha256 if key else _hash("")
    if not hmac.compare_digest(stored_sha256, _hash(secret)) or key is None:
        raise unknown_key_error()
    if key.revoked_at is not None:
        raise _revoked_error()
    scopes = frozenset(key.scopes)
    organisation = key.organisation
    return Principal(
        organisation.id,
        organisation.handle,
        key.id,
        scopes,
        cap(grants_of_scopes(scopes), is_approved=organisation.state == APPROVED),
        key.used_at,
        state=organisation.state,
    )


def confirm(session: Session, principal: Principal) -> None:
    """Raise Forbidden when the key may no longer do what it could when the request began.

    `auth.key_revoked` for a revoked key, `organisation.not_approved` when its organisation, or an agent's
    client, was suspended meanwhile.
    """
    if session.scalar(select(ApiKey.revoked_at).where(ApiKey.id == principal.caller)) is not None:
        raise _revoked_error()
    if principal.state == APPROVED and not are_approved(
        session, principal.organisation_id, principal.home_id
    ):
        raise not_approved_error(principal.handle, SUSPENDED)


def needs_note(principal: Principal, now: datetime) -> bool:
    """Return whether the stored time of the key's last use is too old."""
    return principal.used_at is None or now - principal.used_at >= NOTED_EVERY


def note_use(session: Session, key_id: str, now: datetime) -> None:
    """Store that a key is used now."""
    session.execute(update(ApiKey).where(ApiKey.id == key_id).values(used_at=now))


def unknown_key_error() -> Forbidden:
    """Return the error for a token that is no key, an unknown key, and a wrong secret."""
    return Forbidden("This API key is not known.", code="auth.key_unknown")


def _checked_scopes(words: Sequence[str], maker: Grants | None) -> list[str]:
    """Return the scopes. Raises Rejected (`key.scopes`), Forbidden (`key.beyond`)."""
    scopes = [fold(word).lower() for word in words]
    unknown_scopes = [scope for scope in scopes if scope not in SCOPES]
    if unknown_scopes or not scopes:
        raise Rejected(
            f"A key needs one or more of these scopes: {', '.join(SCOPES)}.",
            code="key.scopes",
            scopes=", ".join(unknown_scopes),
        )
    beyond = [scope for scope in scopes if maker is not None and not includes(maker, SCOPES[scope])]
    if beyond:
        raise Forbidden(
            f"A key cannot allow more than you may do yourself. Leave out: {', '.join(beyond)}.",
            code="key.beyond",
            scopes=", ".join(beyond),
        )
    return scopes


def _revoked_error() -> Forbidden:
    return Forbidden("This API key was revoked.", code="auth.key_revoked")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
