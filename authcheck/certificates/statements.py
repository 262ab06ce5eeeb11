"""Credentials as they are made: names (did:web), payloads (VC 2.0) and signatures (`vc+jwt`); `proofs/credential.py` reads them back."""

import base64
import gzip
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

from authcheck.proofs.credential import PLACES
from authcheck.proofs.trust import encode_base64url

CONTEXT = ["https://www.w3.org/ns/credentials/v2"]
ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
ALGORITHM = JWSRegistry(algorithms=["Ed25519"]).get_alg("Ed25519")


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit's own part of a certificate; `id` is a bare UUID."""

    id: str
    serial: str
    status_index: int


@dataclass(frozen=True, slots=True)
class Product:
    """What all certificates of a batch say alike: issuer, product, design and its registered pictures' SHA-256.

    `lists_url` is the address of the issuer's status lists, without the number; `licence` what a licensee issues under.
    """

    issuer: str
    lists_url: str
    gtin: str
    lot: str
    name: str
    design_id: str
    design_reference: str
    views: Sequence[str]
    issued: str
    licence: str | None = None


class Signer:
    """A private key and the name it signs under."""

    def __init__(self, kid: str, key: Ed25519PrivateKey) -> None:
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.kid = kid
        self._key = OKPKey.import_key(pem)

    def sign(self, payload: bytes, typ: str = "vc+jwt") -> str:
        """The payload as a compact JWS of that `typ`."""
        # As `joserfc.jws.serialize_compact` does, without its checks of a header that is always the same: a quarter faster.
        signed = signing_input(self.kid, payload, typ)
        return f"{signed}.{encode_base64url(ALGORITHM.sign(signed.encode(), self._key))}"


def signing_input(kid: str, payload: bytes, typ: str = "vc+jwt") -> str:
    """What a signature of `Signer.sign` is made over (RFC 7515 s5.1)."""
    return f"{_header(kid, typ)}.{encode_base64url(payload)}"


@lru_cache(maxsize=64)
def _header(kid: str, typ: str) -> str:
    return encode_base64url(to_json({"alg": "Ed25519", "kid": kid, "typ": typ}))


def did_of(public_url: str, handle: str) -> str:
    """A brand's `did:web`: its document lies at `{public_url}/brands/{handle}/did.json`."""
    return did_web(public_url, "brands", handle)


def did_web(public_url: str, *path: str) -> str:
    """The DID of an address (W3C CCG did:web s2.5): a port's colon is escaped, slashes become colons."""
    parts = urlsplit(public_url)
    steps = [step for step in parts.path.split("/") if step]
    return ":".join(["did:web", quote(parts.netloc, safe=""), *steps, *path])


def list_url(public_url: str, handle: str, number: int) -> str:
    """Where a brand's status list is served, and what it is called."""
    return f"{lists_url(public_url, handle)}/{number}"


def lists_url(public_url: str, handle: str) -> str:
    """Where all of a brand's status lists are served, each under its number."""
    return f"{public_url}/v1/status-lists/{handle}"


def urn_of(certificate_id: str) -> str:
    """A certificate's id as it stands in credentials and in the ledger."""
    return f"urn:uuid:{certificate_id}"


def certificate_payload(product: Product, unit: Unit) -> bytes:
    """The statement about one unit, to be signed."""
    number, place = divmod(unit.status_index, PLACES)
    url = f"{product.lists_url}/{number}"
    return to_json(
        {
            "@context": CONTEXT,
            "type": ["VerifiableCredential", "AuthenticityCertificate"],
            "id": urn_of(unit.id),
            "issuer": product.issuer,
            "validFrom": product.issued,
            "credentialSubject": {
                "type": "ProductUnit",
                "gtin": product.gtin,
                "lot": product.lot,
                "serial": unit.serial,
                "product": product.name,
                "design": {
                    "id": product.design_id,
                    "reference": product.design_reference,
                    "views": product.views,
                },
                **({"licence": product.licence} if product.licence else {}),
            },
            "credentialStatus": {
                "id": f"{url}#{place}",
                "type": "BitstringStatusListEntry",
                "statusPurpose": "revocation",
                "statusListIndex": str(place),
                "statusListCredential": url,
            },
        }
    )


def list_payload(
    public_url: str, handle: str, number: int, revoked_places: Collection[int], at: datetime
) -> bytes:
    """A status list, to be signed (W3C Bitstring Status List v1.0): the places that are revoked, each 0 to PLACES - 1."""
    url = list_url(public_url, handle, number)
    bits = bytearray(PLACES // 8)
    for place in revoked_places:
        bits[place // 8] |= 0x80 >> place % 8  # the first bit is the leftmost (s3.1)
    packed = base64.urlsafe_b64encode(gzip.compress(bits, mtime=0)).decode().rstrip("=")
    return to_json(
        {
            "@context": CONTEXT,
            "type": ["VerifiableCredential", "BitstringStatusListCredential"],
            "id": url,
            "issuer": did_of(public_url, handle),
            "validFrom": time_text(at),
            "credentialSubject": {
                "id": f"{url}#list",
                "type": "BitstringStatusList",
                "statusPurpose": "revocation",
                "encodedList": f"u{packed}",
            },
        }
    )


def to_json(words: Mapping[str, Any]) -> bytes:
    """The one spelling that is signed, so that what a brand signs offline can be made again here, byte for byte."""
    return ENCODER.encode(words).encode()


def time_text(at: datetime) -> str:
    """As `validFrom` has it: `2026-11-23T12:00:00Z`."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
