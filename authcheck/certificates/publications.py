"""Publications that let others verify: keys of the log and of issuers, status lists, DID documents."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from authcheck.certificates import status_lists
from authcheck.certificates.statements import did_of, did_web, name_at
from authcheck.certificates.tables import Certificate, SigningKey, StatusList
from authcheck.config import Settings
from authcheck.errors import NotFound
from authcheck.ledger.addresses import Addresses, addresses_of
from authcheck.ledger.publishing import ledger_signer
from authcheck.ledger.tables import Entry
from authcheck.members.organisations import find_organisation
from authcheck.members.tables import Organisation
from authcheck.proofs.trust import Issuer, Trust, TrustedKey, encode_base64url
from authcheck.tlog.entries import time_text
from authcheck.tlog.note import Verifier
from authcheck.tlog.witness import read_witnesses

CONTEXT = ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/jwk/v1"]


@lru_cache(maxsize=8)
def log_verifier(settings: Settings, origin: str) -> Verifier:
    """Return the public key that verifies checkpoints of the ledger `origin`. Raises as `ledger_signer`."""
    return ledger_signer(settings, origin).verifier


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
        keys_query = keys_query.where(SigningKey.organisation_id == _get_issuer(session, handle).id)
    keys = session.scalars(keys_query.options(joinedload(SigningKey.organisation))).all()
    brands = {key.organisation.id: key.organisation for key in keys}
    lists = {url: number for brand in brands.values() for url, number in newest_lists(session, brand).items()}
    return trust_in(settings, addresses_of(session, settings), keys, lists, now)


def trust_in(
    settings: Settings,
    addresses: Addresses,
    keys: Iterable[SigningKey],
    lists: dict[str, int],
    now: datetime,
) -> Trust:
    """Return the trust for these keys, whose organisations are loaded, by their names at each address.

    `lists` maps a status list's URL to its entry.
    """
    issuers: dict[str, Issuer] = {}
    for key in keys:
        trusted = TrustedKey(key.public_key, key.added_at_entry, key.revoked_at_entry)
        for did in _dids_of(addresses, key.organisation.handle):
            issuer = issuers.setdefault(did, Issuer(key.organisation.name, {}, key.organisation.salt))
            issuers[did] = replace(issuer, keys={**issuer.keys, name_at(did, key.kid): trusted})
    log, witnesses = log_verifier(settings, addresses.origin), witness_verifiers(settings)
    return Trust(log, witnesses, settings.witness_quorum, issuers, lists, time_text(now))


def _dids_of(addresses: Addresses, handle: str) -> list[str]:
    """Return a brand's DIDs, that of the current address first. http and https give the same DID."""
    return list(dict.fromkeys(did_of(url, handle) for url in addresses.urls))


def newest_lists(session: Session, brand: Organisation) -> dict[str, int]:
    """Return the oldest entry number that is still valid of each of a brand's status lists, by address.

    This is the entry of the list's newest version, or of a later revocation that the list does not contain
    yet: if a brand keeps its key, its lists wait for its signature.
    """
    published = (
        select(StatusList.number, func.max(StatusList.entry_number))
        .where(StatusList.organisation_id == brand.id)
        .group_by(StatusList.number)
    )
    numbers: dict[int, int] = dict(session.execute(published).all())
    newest = select(Entry.subject, Entry.number).where(Entry.number.in_(list(numbers.values())))
    urls = {number: url for url, number in session.execute(newest)}
    urls = {number: urls[entry] for number, entry in numbers.items() if entry in urls}
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
    return {urls[number]: last for number, last in numbers.items() if number in urls}


def published_list(session: Session, handle: str, number: int) -> StatusList:
    """Return the newest version of a brand's status list. Raises NotFound (`status_list.not_found`)."""
    brand = find_organisation(session, handle)
    newest = status_lists.latest(session, brand.id, number) if brand else None
    if newest is None:
        raise NotFound("We have no status list with this address.", code="status_list.not_found")
    return newest


def brand_document(session: Session, settings: Settings, handle: str, host: str = "") -> dict[str, Any]:
    """Return the DID document of a brand (DID v1.0) at the address that a client asks by its `host`.

    Revoked keys stay in the document, for older signatures. Raises NotFound (`organisation.not_found`).
    """
    brand = _get_issuer(session, handle)
    keys = (
        select(SigningKey).where(SigningKey.organisation_id == brand.id).order_by(SigningKey.added_at_entry)
    )
    addresses = addresses_of(session, settings)
    did = did_of(addresses.at_host(host), brand.handle)
    return _document(
        did,
        _dids_of(addresses, brand.handle),
        [(name_at(did, key.kid), key.public_key, key.revoked_at) for key in session.scalars(keys)],
    )


def operator_document(session: Session, settings: Settings, host: str = "") -> dict[str, Any]:
    """Return the DID document of the ledger's operator, with the key that signs the checkpoints."""
    addresses = addresses_of(session, settings)
    did, dids = did_web(addresses.at_host(host)), [did_web(url) for url in addresses.urls]
    return _document(
        did, dids, [(f"{did}#ledger", log_verifier(settings, addresses.origin).public_key, None)]
    )


def _document(
    did: str, dids: Sequence[str], keys: list[tuple[str, bytes, datetime | None]]
) -> dict[str, Any]:
    """Return a DID document. `dids` are the names of the same subject at all addresses (DID v1.0 s5.1.3)."""
    others = [other for other in dict.fromkeys(dids) if other != did]
    return {
        "@context": CONTEXT,
        "id": did,
        **({"alsoKnownAs": others} if others else {}),
        "verificationMethod": [_method(did, *key) for key in keys],
        "assertionMethod": [kid for kid, _, revoked_at in keys if revoked_at is None],
    }


def _method(did: str, kid: str, public_key: bytes, revoked_at: datetime | None) -> dict[str, Any]:
    method: dict[str, Any] = {
        "id": kid,
        "type": "JsonWebKey",
        "controller": did,
        "publicKeyJwk": {"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(public_key)},
    }
    if revoked_at is not None:
        method["revoked"] = revoked_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return method


def _get_issuer(session: Session, handle: str) -> Organisation:
    brand = find_organisation(session, handle)
    if brand is None or not {"brand", "licensee"} & set(brand.roles):
        raise NotFound("We have no issuer with this handle.", code="organisation.not_found")
    return brand
