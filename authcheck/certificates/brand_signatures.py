"""Signatures by brands that keep their keys. The brand fetches payloads, signs them and sends the signatures.

We read no payloads from the brand. Each signature must verify for the payload that we build now, byte for
byte.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from authcheck.certificates import status_lists
from authcheck.certificates.batches import get_batch
from authcheck.certificates.facts import issuer_of
from authcheck.certificates.issuing import enter, product_of
from authcheck.certificates.orders import MOST_UNITS
from authcheck.certificates.rights import lock_standing, without_right
from authcheck.certificates.signing_keys import active_keys, find_keys, lock_organisation
from authcheck.certificates.statements import (
    ProductUnit,
    certificate_payload,
    did_of,
    lists_url,
    name_at,
    signing_input,
    urn_of,
)
from authcheck.certificates.status_lists import number_of
from authcheck.certificates.tables import Batch, Certificate, SigningKey
from authcheck.errors import Conflict, NotTrue, Rejected
from authcheck.ledger.addresses import list_addresses
from authcheck.members.tables import Organisation
from authcheck.proofs.trust import decode_base64url, encode_base64url
from authcheck.registry.tables import Design
from authcheck.storage.parameters import in_chunks

MOST_SIGNATURES = MOST_UNITS + 100  # certificates and their status lists
CertificateRow = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Payloads that wait for the brand's signature with the key `kid`, keyed by the credential's id.

    `at` is the `validFrom` of the status lists among them. It returns with the signatures.
    """

    kid: str
    at: datetime
    payloads: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Signatures:
    """Signatures in base64url, keyed by the credential's id. `kid` and `at` are copied from `Waiting`."""

    kid: str
    at: datetime
    signatures: Mapping[str, str]


def sign(waiting: Waiting, key: Ed25519PrivateKey) -> Signatures:
    """Sign the waiting payloads. This runs on the brand's side and needs only the brand's key."""
    signatures = {
        name: encode_base64url(key.sign(signing_input(waiting.kid, payload.encode()).encode()))
        for name, payload in waiting.payloads.items()
    }
    return Signatures(waiting.kid, waiting.at, signatures)


def find_waiting(session: Session, organisation: Organisation, now: datetime) -> Waiting:
    """Return at most 10,000 unsigned certificates, oldest first, with their status lists and outdated lists.

    Omits certificates whose design is now retired or disputed, or whose licence no longer covers them. All
    are statements of one issuer: after a move, those of the older address come first, under its name of the
    key. Raises Conflict (`signing_key.kept_here`).
    """
    kid = _keys_kept_by_brand(session, organisation)[-1].kid
    unsigned = (
        select(Certificate.id)
        .join(Certificate.design)
        .where(
            Certificate.organisation_id == organisation.id,
            Certificate.state == "unsigned",
            Certificate.batch_id.not_in(without_right(session, organisation, now)),
            Design.state == "registered",
        )
        .order_by(Certificate.id)
        .limit(MOST_UNITS)
    )
    rows = _find_rows(session, organisation, session.scalars(unsigned).all())
    issuers = [row["issuer"] for row in rows] + _issuers_of_due_lists(session, organisation)
    issuer = issuers[0] if issuers else issuer_of(kid)
    rows = [row for row in rows if row["issuer"] == issuer]
    payloads = _certificate_payloads(session, organisation, rows, now)
    for number, payload in _list_payloads(session, organisation, issuer, rows, now).items():
        payloads[status_lists.url_of(session, organisation, number)] = payload
    decoded = {name: payload.decode() for name, payload in payloads.items()}
    return Waiting(name_at(issuer, kid), now, decoded)


def accept(session: Session, organisation: Organisation, sent: Signatures, now: datetime) -> int:
    """Put signatures in force and return how many certificates became active. Skip active certificates.

    Raises Rejected (`signatures.unknown`, `signatures.list_missing`, `signatures.count`, `signatures.time`),
    Conflict (`signing_key.kept_here`, `certificate.design_state`, `certificate.licence_breach`), NotTrue
    (`certificate.signature`).
    """
    _check_count_and_time(sent, now)
    organisation = lock_organisation(session, organisation.id)
    key = _get_key(session, organisation, sent.kid)
    issuer, urn = issuer_of(sent.kid), urn_of("")
    prefixes = tuple(f"{lists_url(row.url, organisation.handle)}/" for row in list_addresses(session))
    names = [name for name in sent.signatures if not name.startswith(prefixes)]
    ids = [name.removeprefix(urn) for name in names if name.startswith(urn)]
    certificates = [row for row in _find_rows(session, organisation, ids) if row["issuer"] == issuer]
    if len(certificates) < len(names):
        raise Rejected(
            "Some signatures are not for your certificates or status lists.", code="signatures.unknown"
        )
    rows = [row for row in certificates if row["state"] == "unsigned"]
    payloads = _certificate_payloads(session, organisation, rows, now)
    lists = _list_payloads(session, organisation, issuer, rows, sent.at)
    urls = {number: status_lists.url_of(session, organisation, number) for number in lists}
    if not set(urls.values()) <= sent.signatures.keys():
        raise Rejected(
            "The signature of a status list is missing. Sign all payloads that you fetched.",
            code="signatures.list_missing",
        )
    signed = [
        _verify_and_join(sent.kid, key, payload, sent.signatures[name]) for name, payload in payloads.items()
    ]
    in_force = {
        number: _verify_and_join(sent.kid, key, payload, sent.signatures[urls[number]])
        for number, payload in lists.items()
    }
    enter(session, sent.kid, rows, signed, now)
    _update(session, rows)
    status_lists.put_in_force(session, organisation, sent.kid, in_force, now=now)
    return len(rows)


def _check_count_and_time(sent: Signatures, now: datetime) -> None:
    if not 1 <= len(sent.signatures) <= MOST_SIGNATURES:
        raise Rejected(
            f"Send 1 to {MOST_SIGNATURES:,} signatures.", code="signatures.count", limit=MOST_SIGNATURES
        )
    if sent.at > now:
        raise Rejected("The time `at` is in the future. Send it back unchanged.", code="signatures.time")


def _keys_kept_by_brand(session: Session, organisation: Organisation) -> list[SigningKey]:
    """Return the keys that the brand keeps, oldest first.

    Raises Conflict (`signing_key.kept_here`) if none.
    """
    keys = [key for key in active_keys(session, organisation) if key.secret is None]
    if not keys:
        raise Conflict(
            f"{organisation.handle} keeps no key of its own, so there is nothing to sign.",
            code="signing_key.kept_here",
        )
    return keys


def _get_key(session: Session, organisation: Organisation, kid: str) -> SigningKey:
    named = {key.id for key in find_keys(session, organisation, kid)}
    keys = [key for key in _keys_kept_by_brand(session, organisation) if key.id in named]
    if not keys:
        raise NotTrue(
            f"{kid} is not one of your keys, or it was revoked. Fetch the payloads again and sign them.",
            code="certificate.key",
        )
    return keys[0]


def _find_rows(session: Session, organisation: Organisation, ids: Sequence[str]) -> list[CertificateRow]:
    """Return the organisation's certificates with these ids and their issuers, in the order of issue."""
    columns = (
        select(
            Certificate.id,
            Certificate.batch_id,
            Certificate.serial,
            Certificate.status_index,
            Certificate.state,
            Batch.address,
        )
        .join(Batch, Batch.id == Certificate.batch_id)
        .where(Certificate.organisation_id == organisation.id)
    )
    rows: list[CertificateRow] = []
    for chunk in in_chunks(ids):
        rows += map(dict, session.execute(columns.where(Certificate.id.in_(chunk))).mappings())
    for row in rows:
        row["issuer"] = did_of(row["address"], organisation.handle)
    return sorted(rows, key=lambda row: int(row["status_index"]))


def _certificate_payloads(
    session: Session, organisation: Organisation, rows: Sequence[CertificateRow], now: datetime
) -> dict[str, bytes]:
    """Return the payload to sign for each row, by URN, in the order of the rows.

    Raises as `rights.lock_standing`.
    """
    batches = [get_batch(session, batch_id) for batch_id in sorted({row["batch_id"] for row in rows})]
    designs = lock_standing(session, organisation, batches, now)
    products = {batch.id: product_of(organisation, designs[batch.id], batch) for batch in batches}
    return {
        urn_of(row["id"]): certificate_payload(
            products[row["batch_id"]], ProductUnit(row["id"], row["serial"], row["status_index"])
        )
        for row in rows
    }


def _issuers_of_due_lists(session: Session, organisation: Organisation) -> list[str]:
    return [
        status_lists.issuer_of_list(session, organisation, number)
        for number in status_lists.due(session, organisation.id)
    ]


def _list_payloads(
    session: Session,
    organisation: Organisation,
    issuer: str,
    rows: Sequence[CertificateRow],
    at: datetime,
) -> dict[int, bytes]:
    """Return the payloads of these certificates' status lists, and of the issuer's outdated lists.

    The keys are the numbers of the lists.
    """
    numbers = {number_of(row["status_index"]) for row in rows}
    for number in status_lists.due(session, organisation.id):
        if status_lists.issuer_of_list(session, organisation, number) == issuer:
            numbers.add(number)
    return {number: status_lists.payload_of(session, organisation, number, at) for number in sorted(numbers)}


def _verify_and_join(kid: str, key: SigningKey, payload: bytes, signature: str) -> str:
    """Verify a signature and return the JWS of payload and signature.

    Raises NotTrue (`certificate.signature`).
    """
    signed = signing_input(kid, payload)
    try:
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(
            decode_base64url(signature), signed.encode()
        )
    except (InvalidSignature, ValueError):
        raise NotTrue(
            "A signature does not match its current payload. Fetch the payloads again and sign them.",
            code="certificate.signature",
        ) from None
    return f"{signed}.{signature}"


def _update(session: Session, rows: Sequence[CertificateRow]) -> None:
    if not rows:
        return
    columns = ("state", "jws", "jws_sha256", "entry_number")
    change = update(Certificate).where(Certificate.id == bindparam("row_id"))
    session.connection().execute(
        change.values({column: bindparam(f"new_{column}") for column in columns}),
        [{"row_id": row["id"], **{f"new_{column}": row[column] for column in columns}} for row in rows],
    )
