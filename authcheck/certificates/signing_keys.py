"""Keys that sign a brand's certificates.

We keep the encrypted private key, or the brand keeps it and we have the public key. A signature is valid if
its ledger entry is between the entries `key.add` and `key.revoke`. So an old certificate stays valid after
its key has ended. A stolen key cannot backdate: the time in its statements does not matter.
"""

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from authcheck.certificates import facts
from authcheck.certificates.statements import Signer, did_of, name_at
from authcheck.certificates.tables import SigningKey
from authcheck.config import Settings
from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.ids import new_id
from authcheck.ledger.addresses import list_addresses, require
from authcheck.ledger.journal import record
from authcheck.members.tables import Organisation
from authcheck.proofs.trust import decode_base64url
from authcheck.vault import Vault, load_vault

PUBLIC_KEY_BYTES = 32
FIELD = 2**255 - 19  # RFC 8032 s5.1
# The y of the points of order 8: d y^4 + 2 y^2 = 1.
ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
MOST_KEYS = 1000  # of one organisation, revoked keys included


def open_vault(settings: Settings) -> Vault:
    """Return the vault that encrypts brands' private keys and PINs.

    Raises BadSetting (`key.*`), StorageFailed.
    """
    return load_vault(settings.secrets_key, settings.keys_dir / "secrets")


def lock_organisation(session: Session, organisation_id: str) -> Organisation:
    """Lock an organisation, so that no other transaction issues, revokes or changes keys for it.

    The lock ends with this transaction.
    """
    locked = select(Organisation).where(Organisation.id == organisation_id)
    # FOR NO KEY UPDATE: other transactions may still add rows that refer to the organisation.
    return session.scalars(
        locked.with_for_update(key_share=True).execution_options(populate_existing=True)
    ).one()


def check_issuer(organisation: Organisation) -> None:
    """Raise Conflict (`organisation.not_brand`) if the organisation is neither brand nor licensee."""
    if not {"brand", "licensee"} & set(organisation.roles):
        raise Conflict(
            f"{organisation.handle} is neither a brand nor a licensee. Only these issue certificates.",
            code="organisation.not_brand",
        )


def create_key(
    session: Session,
    organisation: Organisation,
    vault: Vault | None,
    *,
    settings: Settings,
    now: datetime,
    public_key: bytes | None = None,
) -> SigningKey:
    """Add a key, which signs from now on.

    With `public_key` the brand keeps the key, without it a new key is kept here.

    Raises Conflict (`organisation.not_brand`, `signing_key.known`, `signing_key.too_many`), Rejected
    (`signing_key.public_key`), and as `addresses.require`.
    """
    organisation = lock_organisation(session, organisation.id)
    check_issuer(organisation)
    kid = _next_kid(session, organisation, require(session, settings, now).current)
    secret = None
    if public_key is None:
        public_key, secret = _make_key(vault, kid)
    else:
        _check_public_key(session, public_key)
    key = SigningKey(
        id=new_id("sgk", now),
        organisation_id=organisation.id,
        kid=kid,
        public_key=public_key,
        secret=secret,
        created_at=now,
    )
    (entry,) = record(session, [facts.key_added(key, now)])
    key.added_at_entry = entry.number
    session.add(key)
    session.flush()
    return key


def _next_kid(session: Session, organisation: Organisation, address: str) -> str:
    """Return the id of the organisation's next key: `did:web:HOST:brands:HANDLE#key-2`. Raises Conflict."""
    count = session.scalar(
        select(func.count()).select_from(SigningKey).where(SigningKey.organisation_id == organisation.id)
    )
    if (count or 0) >= MOST_KEYS:
        raise Conflict(
            f"An organisation can have at most {MOST_KEYS} keys. Ask the operator.",
            code="signing_key.too_many",
            limit=MOST_KEYS,
        )
    return f"{did_of(address, organisation.handle)}#key-{(count or 0) + 1}"


def _make_key(vault: Vault | None, kid: str) -> tuple[bytes, bytes]:
    if vault is None:
        raise Rejected(
            "Send the public key: this service keeps no private keys.", code="signing_key.public_key"
        )
    key = Ed25519PrivateKey.generate()
    return key.public_key().public_bytes_raw(), vault.seal(key.private_bytes_raw(), _seal_purpose(kid))


def _check_public_key(session: Session, public_key: bytes) -> None:
    """Reject an unsafe key, and a key that is or was in use.

    A revoked key or another organisation's key must not return under a new name.
    """
    if len(public_key) != PUBLIC_KEY_BYTES or _has_small_order(public_key):
        raise Rejected(
            "This is not an Ed25519 public key that is safe to use.", code="signing_key.public_key"
        )
    if session.scalar(select(SigningKey.id).where(SigningKey.public_key == public_key).limit(1)):
        raise Conflict("This key is or was in use already. Make a new key.", code="signing_key.known")


def _has_small_order(public_key: bytes) -> bool:
    """Return whether the key is a point whose order divides 8.

    Anybody can forge a signature for such a key.
    """
    y = int.from_bytes(public_key, "little") % 2**255 % FIELD
    return y in {0, 1, FIELD - 1, ORDER_8, FIELD - ORDER_8}


def read_public_key(text: str) -> bytes:
    """Return a raw Ed25519 public key from unpadded base64url. Raises Rejected (`signing_key.public_key`)."""
    try:
        return decode_base64url(text.strip())
    except ValueError as error:
        raise Rejected(
            "Write the public key as 32 bytes in base64url without padding.", code="signing_key.public_key"
        ) from error


def rotate(
    session: Session,
    organisation: Organisation,
    vault: Vault | None,
    *,
    settings: Settings,
    now: datetime,
    public_key: bytes | None = None,
) -> SigningKey:
    """Add a key and end all other keys. Their signatures stay valid. Raises as `create_key`."""
    key = create_key(session, organisation, vault, settings=settings, now=now, public_key=public_key)
    _end_keys(session, [other for other in list_keys(session, organisation) if other is not key], now)
    return key


def revoke_key(session: Session, organisation: Organisation, key: str, now: datetime) -> SigningKey:
    """End a key permanently. `key` is its id or its kid.

    Raises NotFound (`signing_key.not_found`), also for a key of another organisation.
    """
    lock_organisation(session, organisation.id)
    keys = find_keys(session, organisation, key)
    if not keys:
        raise NotFound(f"You have no signing key {key!r}.", code="signing_key.not_found", key=key)
    _end_keys(session, keys, now)
    return keys[0]


def find_keys(session: Session, organisation: Organisation, name: str) -> list[SigningKey]:
    """Return the organisation's key with this id, or with this kid at an address of this installation."""
    issuers = [did_of(row.url, organisation.handle) for row in list_addresses(session)]
    return [
        key
        for key in list_keys(session, organisation)
        if name in {key.id, key.kid, *(name_at(issuer, key.kid) for issuer in issuers)}
    ]


def _end_keys(session: Session, keys: list[SigningKey], now: datetime) -> None:
    active = [key for key in keys if key.revoked_at is None]
    entries = record(session, [facts.key_revoked(key, now) for key in active])
    for key, entry in zip(active, entries, strict=True):
        key.revoked_at, key.revoked_at_entry = now, entry.number
    session.flush()


def list_keys(session: Session, organisation: Organisation) -> list[SigningKey]:
    """Return an organisation's keys, oldest first, including revoked keys.

    Reload rows that the session already has.
    """
    query = select(SigningKey).where(SigningKey.organisation_id == organisation.id)
    ordered = query.order_by(SigningKey.added_at_entry).execution_options(populate_existing=True)
    return list(session.scalars(ordered))


def active_keys(session: Session, organisation: Organisation) -> list[SigningKey]:
    """Return the keys that are not revoked, oldest first."""
    return [key for key in list_keys(session, organisation) if key.revoked_at is None]


def has_active_key(session: Session, organisation_id: str) -> bool:
    """Return whether an organisation has a key that is not revoked."""
    active = select(SigningKey.id).where(
        SigningKey.organisation_id == organisation_id, SigningKey.revoked_at.is_(None)
    )
    return session.scalar(active.limit(1)) is not None


def signer_for(session: Session, organisation: Organisation, vault: Vault) -> Signer | None:
    """Return a signer with the newest key. None if the brand keeps the key.

    Call it under `lock_organisation`.

    Raises Conflict (`signing_key.none`), NotTrue (`key.sealed`) if another vault sealed the key.
    """
    keys = active_keys(session, organisation)
    if not keys:
        raise Conflict(
            f"{organisation.handle} has no signing key. Make one first: authcheck signing-keys create --org"
            f" {organisation.handle}, or POST /v1/signing-keys.",
            code="signing_key.none",
        )
    newest = keys[-1]
    if newest.secret is None:
        return None
    private_key = vault.open(newest.secret, _seal_purpose(newest.kid))
    return Signer(newest.kid, Ed25519PrivateKey.from_private_bytes(private_key))


def _seal_purpose(kid: str) -> str:
    return f"signing key {kid}"
