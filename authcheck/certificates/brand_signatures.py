"""Signatures of brands that keep their keys: what waits for one goes out as plain payloads, signatures come back.

Nothing that comes back is parsed but the signatures: each must fit what would be signed here now, byte for byte.
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
from authcheck.certificates.batches import MOST_PARAMETERS, get_batch
from authcheck.certificates.issuing import enter, product_of
from authcheck.certificates.orders import MOST_UNITS
from authcheck.certificates.rights import lock_standing, without_right
from authcheck.certificates.signing_keys import active_keys, lock_organisation
from authcheck.certificates.statements import (
    Unit,
    certificate_payload,
    list_url,
    lists_url,
    signing_input,
    urn_of,
)
from authcheck.certificates.status_lists import number_of
from authcheck.certificates.tables import Certificate, SigningKey
from authcheck.config import Settings
from authcheck.errors import Conflict, NotTrue, Rejected
from authcheck.members.tables import Organisation
from authcheck.proofs.trust import decode_base64url, encode_base64url
from authcheck.registry.tables import Design

MOST_SIGNATURES = MOST_UNITS + 100  # certificates, and the status lists that go with them
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for the brand's signature by the key `kid`: payloads by the id of the credential.

    `at` is when the status lists among them say they were made; it goes back with the signatures.
    """

    kid: str
    at: datetime
    payloads: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Signatures:
    """What comes back: signatures in base64url by the id of the credential; `kid` and `at` are those of `Waiting`."""

    kid: str
    at: datetime
    signatures: Mapping[str, str]


def sign(waiting: Waiting, key: Ed25519PrivateKey) -> Signatures:
    """Sign what waits: the brand's side, which needs nothing but its key."""
    signatures = {
        name: encode_base64url(key.sign(signing_input(waiting.kid, payload.encode()).encode()))
        for name, payload in waiting.payloads.items()
    }
    return Signatures(waiting.kid, waiting.at, signatures)


def find_waiting(session: Session, settings: Settings, organisation: Organisation, now: datetime) -> Waiting:
    """The oldest certificates that wait, 10,000 at most, and the status lists that go with them or lag behind.

    Those of designs that were retired or disputed meanwhile, or whose licence ended, wait in vain. Raises Conflict (`signing_key.kept_here`).
    """
    kid = _kept_by_brand(session, organisation)[-1].kid
    wanted = (
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
    rows = _rows(session, organisation, session.scalars(wanted).all())
    payloads = _certificates(session, settings, organisation, rows, now)
    for number, payload in _lists(session, settings, organisation, rows, now).items():
        payloads[list_url(settings.public_url, organisation.handle, number)] = payload
    return Waiting(kid, now, {name: payload.decode() for name, payload in payloads.items()})


def accept(
    session: Session, settings: Settings, organisation: Organisation, given: Signatures, now: datetime
) -> int:
    """Put signatures in force; how many certificates became active. Those that are so already are left alone.

    Raises Rejected (`signatures.unknown`, `signatures.list_missing`, `signatures.count`, `signatures.time`), Conflict
    (`signing_key.kept_here`, `certificate.design_state`, `certificate.licence_breach`), NotTrue (`certificate.signature`).
    """
    if not 1 <= len(given.signatures) <= MOST_SIGNATURES:
        raise Rejected(
            f"Send 1 to {MOST_SIGNATURES:,} signatures.", code="signatures.count", limit=MOST_SIGNATURES
        )
    if given.at > now:
        raise Rejected("A status list cannot be of the future.", code="signatures.time")
    organisation = lock_organisation(session, organisation.id)
    key = _named(session, organisation, given.kid)
    urls = lists_url(settings.public_url, organisation.handle)
    urn = urn_of("")
    names = [name for name in given.signatures if not name.startswith(f"{urls}/")]
    found = _rows(session, organisation, [name.removeprefix(urn) for name in names if name.startswith(urn)])
    if len(found) < len(names):
        raise Rejected("There are signatures of what is not yours, or not known.", code="signatures.unknown")
    rows = [row for row in found if row["state"] == "unsigned"]
    payloads = _certificates(session, settings, organisation, rows, now)
    lists = _lists(session, settings, organisation, rows, given.at)
    if not {f"{urls}/{number}" for number in lists} <= given.signatures.keys():
        raise Rejected("The status lists must be signed too.", code="signatures.list_missing")
    signed = [_joined(key, payload, given.signatures[name]) for name, payload in payloads.items()]
    in_force = {
        number: _joined(key, payload, given.signatures[f"{urls}/{number}"])
        for number, payload in lists.items()
    }
    enter(session, key.kid, rows, signed, now)
    _update(session, rows)
    status_lists.put_in_force(session, settings, organisation, key.kid, in_force, now=now)
    return len(rows)


def _kept_by_brand(session: Session, organisation: Organisation) -> list[SigningKey]:
    """The brand's own keys, oldest first. Raises Conflict (`signing_key.kept_here`) where there is none."""
    keys = [key for key in active_keys(session, organisation) if key.secret is None]
    if not keys:
        raise Conflict(
            f"{organisation.handle} keeps no key of its own: there is nothing to sign.",
            code="signing_key.kept_here",
        )
    return keys


def _named(session: Session, organisation: Organisation, kid: str) -> SigningKey:
    named = [key for key in _kept_by_brand(session, organisation) if key.kid == kid]
    if not named:
        raise NotTrue(
            f"{kid} is no key of yours, or was revoked: look what waits, and sign again.",
            code="certificate.key",
        )
    return named[0]


def _rows(session: Session, organisation: Organisation, ids: Sequence[str]) -> list[Row]:
    """Those of an organisation's certificates, as they were issued."""
    columns = select(
        Certificate.id, Certificate.batch_id, Certificate.serial, Certificate.status_index, Certificate.state
    ).where(Certificate.organisation_id == organisation.id)
    found: list[Row] = []
    for start in range(0, len(ids), MOST_PARAMETERS):
        some = columns.where(Certificate.id.in_(ids[start : start + MOST_PARAMETERS]))
        found += map(dict, session.execute(some).mappings())
    return sorted(found, key=lambda row: int(row["status_index"]))


def _certificates(
    session: Session, settings: Settings, organisation: Organisation, rows: Sequence[Row], now: datetime
) -> dict[str, bytes]:
    """What is to be signed of each row, in the order of the rows. Raises as `issuing_rights.lock_standing`."""
    batches = [get_batch(session, batch_id) for batch_id in sorted({row["batch_id"] for row in rows})]
    designs = lock_standing(session, organisation, batches, now)
    products = {batch.id: product_of(settings, organisation, designs[batch.id], batch) for batch in batches}
    return {
        urn_of(row["id"]): certificate_payload(
            products[row["batch_id"]], Unit(row["id"], row["serial"], row["status_index"])
        )
        for row in rows
    }


def _lists(
    session: Session, settings: Settings, organisation: Organisation, rows: Sequence[Row], at: datetime
) -> dict[int, bytes]:
    """By number, what is to be signed of the status lists that these certificates stand in, or that lag behind."""
    numbers = {number_of(row["status_index"]) for row in rows} | set(
        status_lists.due(session, organisation.id)
    )
    return {
        number: status_lists.payload_of(session, settings, organisation, number, at)
        for number in sorted(numbers)
    }


def _joined(key: SigningKey, payload: bytes, signature: str) -> str:
    """The JWS of a payload and its signature. Raises NotTrue (`certificate.signature`)."""
    signed = signing_input(key.kid, payload)
    try:
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(
            decode_base64url(signature), signed.encode()
        )
    except (InvalidSignature, ValueError):
        raise NotTrue(
            "A signature does not fit what waits now: fetch it once more, and sign that.",
            code="certificate.signature",
        ) from None
    return f"{signed}.{signature}"


def _update(session: Session, rows: Sequence[Row]) -> None:
    if not rows:
        return
    columns = ("state", "jws", "jws_sha256", "entry_number")
    change = update(Certificate).where(Certificate.id == bindparam("which"))
    session.connection().execute(
        change.values({column: bindparam(f"new_{column}") for column in columns}),
        [{"which": row["id"], **{f"new_{column}": row[column] for column in columns}} for row in rows],
    )
