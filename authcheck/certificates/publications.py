"""Publications that let others verify: keys of the log and of issuers, status lists, DID documents."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from authcheck.certificates import status_lists
from authcheck.certificates.statements import did_of, did_web, list_url
from authcheck.certificates.tables import Certificate, SigningKey, StatusList
from authcheck.config import Settings
from authcheck.errors import NotFound
from authcheck.ledger.publishing import ledger_signer
from authcheck.members.organisations import find_organisation
from authcheck.members.tables import Organisation
from authcheck.proofs.trust import Issuer, Trust, TrustedKey, encode_base64url
from authcheck.tlog.entries import time_text
from authcheck.tlog.note import Verifier
from authcheck.tlog.witness import read_witnesses

CONTEXT = ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/jws-2020/v1"]


@lru_cache(maxsize=8)
def log_verifier(settings: Settings) -> Verifier:
    """Return the public key that verifies this ledger's checkpoints. Raises as `ledger_signer`."""
    return ledger_signer(settings).verifier


@lru_cache(maxsize=8)
def witness_verifiers(settings: Settings) -> tuple[Verifier, ...]:
    """Return the public keys of the witnesses in the settings. Raises BadSetting."""
    return tuple(witness.verifier for witness in read_witnesses(settings.witnesses))


def trust_of(session: Session, settings: Settings, now: datetime, handle: str | None = None) -> Trust:
    """Return the trust for this ledger and all its issuers, or only for the issuer `handle`.

    Raises NotFound (`organisation.not_found`), BadSetting.
    """
    keys_query = select(SigningKey).order_by(SigningKey.added_at_entry)
    if handle is not None:
        keys_query = keys_query.where(SigningKey.organisation_id == _get_brand(session, handle).id)
    keys = session.scalars(keys_query.options(joinedload(SigningKey.organisation))).all()
    brands = {key.organisation.id: key.organisation for key in keys}
    lists = {
        url: number for brand in brands.values() for url, number in newest_lists(session, settings, brand)
    }
    return trust_in(settings, keys, lists, now)


def trust_in(settings: Settings, keys: Iterable[SigningKey], lists: dict[str, int], now: datetime) -> Trust:
    """Return the trust for these keys, whose organisations are loaded.

    `lists` maps a status list's URL to its entry.
    """
    issuers: dict[str, Issuer] = {}
    for key in keys:
        did = key.kid.partition("#")[0]
        issuer = issuers.setdefault(did, Issuer(key.organisation.name, {}))
        trusted = TrustedKey(key.public_key, key.added_at_entry, key.revoked_at_entry)
        issuers[did] = Issuer(issuer.name, {**issuer.keys, key.kid: trusted})
    witnesses = witness_verifiers(settings)
    return Trust(log_verifier(settings), witnesses, settings.witness_quorum, issuers, lists, time_text(now))


def newest_lists(session: Session, settings: Settings, brand: Organisation) -> list[tuple[str, int]]:
    """Return the address of each of a brand's status lists, with the oldest entry number that is still valid.

    This is the entry of the list's newest version, or of a later revocation that the list does not contain
    yet: if a brand keeps its key, its lists wait for its signature.
    """
    published = (
        select(StatusList.number, func.max(StatusList.entry_number))
        .where(StatusList.organisation_id == brand.id)
        .group_by(StatusList.number)
    )
    numbers: dict[int, int] = dict(session.execute(published).all())
    revoked_later = (
        select(status_lists.Number, func.max(Certificate.revoked_entry_number))
        .where(
            Certificate.organisation_id == brand.id,
            Certificate.revoked_entry_number > min(numbers.values(), default=0),
        )
        .group_by(status_lists.Number)
    )
    for number, last in session.execute(revoked_later):
        numbers[number] = max(last or 0, numbers.get(number, 0))
    return [(list_url(settings.public_url, brand.handle, number), last) for number, last in numbers.items()]


def published_list(session: Session, handle: str, number: int) -> StatusList:
    """Return the newest version of a brand's status list. Raises NotFound (`status_list.not_found`)."""
    brand = find_organisation(session, handle)
    newest = status_lists.latest(session, brand.id, number) if brand else None
    if newest is None:
        raise NotFound("We have no status list with this address.", code="status_list.not_found")
    return newest


def brand_document(session: Session, settings: Settings, handle: str) -> dict[str, Any]:
    """Return the DID document of a brand (DID v1.0). Revoked keys stay in the document, for older signatures.

    Raises NotFound (`organisation.not_found`).
    """
    brand = _get_brand(session, handle)
    keys = (
        select(SigningKey).where(SigningKey.organisation_id == brand.id).order_by(SigningKey.added_at_entry)
    )
    return _document(
        did_of(settings.public_url, brand.handle),
        [(key.kid, key.public_key, key.revoked_at) for key in session.scalars(keys)],
    )


def operator_document(settings: Settings) -> dict[str, Any]:
    """Return the DID document of the ledger's operator, with the key that signs the checkpoints."""
    did = did_web(settings.public_url)
    return _document(did, [(f"{did}#ledger", log_verifier(settings).public_key, None)])


def _document(did: str, keys: list[tuple[str, bytes, datetime | None]]) -> dict[str, Any]:
    return {
        "@context": CONTEXT,
        "id": did,
        "verificationMethod": [_method(did, *key) for key in keys],
        "assertionMethod": [kid for kid, _, revoked_at in keys if revoked_at is None],
    }


def _method(did: str, kid: str, public_key: bytes, revoked_at: datetime | None) -> dict[str, Any]:
    method: dict[str, Any] = {
        "id": kid,
        "type": "JsonWebKey",
        "controller": did,
        "publicKeyJwk": {"kty": "OKP", "crv": "Ed25519", "alg": "Ed25519", "x": encode_base64url(public_key)},
    }
    if revoked_at is not None:
        method["revoked"] = revoked_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return method


def _get_brand(session: Session, handle: str) -> Organisation:
    brand = find_organisation(session, handle)
    if brand is None or "brand" not in brand.roles:
        raise NotFound("We have no brand with this handle.", code="organisation.not_found")
    return brand
