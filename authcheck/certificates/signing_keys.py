"""The keys a brand signs certificates with: kept here encrypted, or kept by the brand, of which only the public half is here.

What a key signed counts by where its entry stands in the ledger: from `key.add` up to `key.revoke`. So an old
certificate survives the end of its key, and a stolen key signs nothing that counts, whatever time it writes.
"""

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from authcheck.certificates import facts
from authcheck.certificates.statements import Signer, did_of
from authcheck.certificates.tables import SigningKey
from authcheck.config import Settings
from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.ids import new_id
from authcheck.ledger.journal import record
from authcheck.members.tables import Organisation
from authcheck.proofs.trust import decode_base64url
from authcheck.vault import Vault, load_vault

PUBLIC_KEY_BYTES = 32
FIELD = 2**255 - 19  # RFC 8032 s5.1
ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7  # y of the points of order 8: d y^4 + 2 y^2 = 1
MOST_KEYS = 1000  # that an organisation ever has


def open_vault(settings: Settings) -> Vault:
    """What encrypts brands' private keys and PINs. Raises BadSetting (`key.*`), StorageFailed."""
    return load_vault(settings.secrets_key, settings.keys_dir / "secrets")


def lock_organisation(session: Session, organisation_id: str) -> Organisation:
    """Let nobody else issue, revoke or change keys for this organisation until this transaction ends."""
    locked = select(Organisation).where(Organisation.id == organisation_id)
    # FOR NO KEY UPDATE: rows that only point to the organisation may still be added.
    return session.scalars(
        locked.with_for_update(key_share=True).execution_options(populate_existing=True)
    ).one()


def check_issuer(organisation: Organisation) -> None:
    """Raise Conflict (`organisation.not_brand`) unless the organisation may issue certificates at all."""
    if not {"brand", "licensee"} & set(organisation.roles):
        raise Conflict(
            f"{organisation.handle} is neither brand nor licensee: only those issue certificates.",
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
    """Add a key, which signs from here on: one that is made and kept here, or by its `public_key` one the brand keeps.

    Raises Conflict (`organisation.not_brand`, `signing_key.known`, `signing_key.too_many`), Rejected
    (`signing_key.public_key`).
    """
    organisation = lock_organisation(session, organisation.id)
    check_issuer(organisation)
    count = session.scalar(
        select(func.count()).select_from(SigningKey).where(SigningKey.organisation_id == organisation.id)
    )
    if (count or 0) >= MOST_KEYS:
        raise Conflict("There are too many keys already.", code="signing_key.too_many", limit=MOST_KEYS)
    kid = f"{did_of(settings.public_url, organisation.handle)}#key-{(count or 0) + 1}"
    secret = None
    if public_key is None:
        public_key, secret = _make(vault, kid)
    else:
        _check_new(session, public_key)
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


def _make(vault: Vault | None, kid: str) -> tuple[bytes, bytes]:
    if vault is None:
        raise Rejected("Without a vault a key needs its public half.", code="signing_key.public_key")
    made = Ed25519PrivateKey.generate()
    return made.public_key().public_bytes_raw(), vault.seal(made.private_bytes_raw(), _purpose(kid))


def _check_new(session: Session, public_key: bytes) -> None:
    """A key that was revoked, or is another brand's, does not come back under a new name."""
    if len(public_key) != PUBLIC_KEY_BYTES or _anybody_signs(public_key):
        raise Rejected("That is no public key of Ed25519.", code="signing_key.public_key")
    if session.scalar(select(SigningKey.id).where(SigningKey.public_key == public_key).limit(1)):
        raise Conflict("That key is or was in use already.", code="signing_key.known")


def _anybody_signs(public_key: bytes) -> bool:
    """Whether the key is a point whose order divides 8: signatures made without any secret verify under it."""
    y = int.from_bytes(public_key, "little") % 2**255 % FIELD
    return y in {0, 1, FIELD - 1, ORDER_8, FIELD - ORDER_8}


def read_public_key(text: str) -> bytes:
    """A raw Ed25519 public key from unpadded base64url. Raises Rejected (`signing_key.public_key`)."""
    try:
        return decode_base64url(text.strip())
    except ValueError as error:
        raise Rejected(
            "A public key is 32 bytes in base64url without padding.", code="signing_key.public_key"
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
    """Add a key and end all others; what those have signed stays good. Raises as `create_key`."""
    key = create_key(session, organisation, vault, settings=settings, now=now, public_key=public_key)
    _end(session, [other for other in list_keys(session, organisation) if other is not key], now)
    return key


def revoke_key(session: Session, organisation: Organisation, key: str, now: datetime) -> SigningKey:
    """End a key, named by id or kid; once revoked it stays revoked.

    Raises NotFound (`signing_key.not_found`), also for a key of somebody else.
    """
    lock_organisation(session, organisation.id)
    found = [one for one in list_keys(session, organisation) if key in {one.id, one.kid}]
    if not found:
        raise NotFound("There is no such signing key.", code="signing_key.not_found", key=key)
    _end(session, found, now)
    return found[0]


def _end(session: Session, keys: list[SigningKey], now: datetime) -> None:
    active = [key for key in keys if key.revoked_at is None]
    entries = record(session, [facts.key_revoked(key, now) for key in active])
    for key, entry in zip(active, entries, strict=True):
        key.revoked_at, key.revoked_at_entry = now, entry.number
    session.flush()


def list_keys(session: Session, organisation: Organisation) -> list[SigningKey]:
    """An organisation's keys, oldest first, revoked ones too; as they are now, not as they were once read."""
    query = select(SigningKey).where(SigningKey.organisation_id == organisation.id)
    ordered = query.order_by(SigningKey.added_at_entry).execution_options(populate_existing=True)
    return list(session.scalars(ordered))


def active_keys(session: Session, organisation: Organisation) -> list[SigningKey]:
    """The keys that are not revoked, oldest first."""
    return [key for key in list_keys(session, organisation) if key.revoked_at is None]


def signer_for(session: Session, organisation: Organisation, vault: Vault) -> Signer | None:
    """The newest key, ready to sign; None where the brand keeps it. Ask under `lock_organisation`.

    Raises Conflict (`signing_key.none`), NotTrue (`key.sealed`) where the vault is not the one it was sealed in.
    """
    keys = active_keys(session, organisation)
    if not keys:
        raise Conflict(f"{organisation.handle} has no signing key: make one first.", code="signing_key.none")
    newest = keys[-1]
    if newest.secret is None:
        return None
    private = vault.open(newest.secret, _purpose(newest.kid))
    return Signer(newest.kid, Ed25519PrivateKey.from_private_bytes(private))


def _purpose(kid: str) -> str:
    return f"signing key {kid}"
