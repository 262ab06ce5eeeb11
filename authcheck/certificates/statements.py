"""Credentials to sign: names (did:web), payloads (VC 2.0), signatures (`vc+jwt`).

proofs/credential.py reads them.
"""

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

from authcheck.proofs.credential import PLACES
from authcheck.proofs.trust import encode_base64url

CONTEXT = ["https://www.w3.org/ns/credentials/v2"]
# Gives every term of ours an IRI, so that JSON-LD processors lose no fact. Most of them bring it with them.
CERTIFICATE_CONTEXT = [*CONTEXT, "https://www.w3.org/ns/credentials/undefined-terms/v2"]
ALGORITHM = "EdDSA"  # and not `Ed25519`, which widespread verifiers refuse: docs/adr/0035
ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class ProductUnit:
    """The part of a certificate that differs per unit. `id` is a UUID without `urn:uuid:`."""

    id: str
    serial: str
    status_index: int


@dataclass(frozen=True, slots=True)
class Product:
    """The statements that all certificates of a batch share: issuer, product and design.

    `public_url` is the address of this installation when the batch was ordered. `views` are the SHA-256 of
    the design's registered pictures. `lists_url` is the address of the issuer's status lists without the
    number. `licence` is the licence version of a licensee.
    """

    issuer: str
    public_url: str
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
    """A private key and its key id `kid`."""

    def __init__(self, kid: str, key: Ed25519PrivateKey) -> None:
        self.kid = kid
        self._private_key = key

    def under(self, issuer: str) -> "Signer":
        """Return a signer with the same key under the name that the key has at another address."""
        return Signer(name_at(issuer, self.kid), self._private_key)

    def sign(self, payload: bytes, typ: str = "vc+jwt") -> str:
        """Return the payload as a signed compact JWS of type `typ`."""
        signed = signing_input(self.kid, payload, typ)
        return f"{signed}.{encode_base64url(self._private_key.sign(signed.encode()))}"


def signing_input(kid: str, payload: bytes, typ: str = "vc+jwt") -> str:
    """Return the signing input (RFC 7515 s5.1) of `Signer.sign`."""
    return f"{_header(kid, typ)}.{encode_base64url(payload)}"


@lru_cache(maxsize=64)
def _header(kid: str, typ: str) -> str:
    return encode_base64url(to_json({"alg": ALGORITHM, "kid": kid, "typ": typ}))


def did_of(public_url: str, handle: str) -> str:
    """Return a brand's `did:web`. Its document is at `{public_url}/brands/{handle}/did.json`."""
    return did_web(public_url, "brands", handle)


def did_web(public_url: str, *path: str) -> str:
    """Return the DID of an address (W3C CCG did:web s2.5).

    Escapes the colon of a port and turns slashes into colons.
    """
    parts = urlsplit(public_url)
    segments = [segment for segment in parts.path.split("/") if segment]
    return ":".join(["did:web", quote(parts.netloc, safe=""), *segments, *path])


def name_at(issuer: str, kid: str) -> str:
    """Return the name that a key has under an issuer's DID: `did:web:authcheck.example:brands:acme#key-1`.

    A key keeps its fragment at every address of this installation.
    """
    return f"{issuer}#{kid.partition('#')[2]}"


def list_url(public_url: str, handle: str, number: int) -> str:
    """Return the address of a brand's status list, which is also its id."""
    return f"{lists_url(public_url, handle)}/{number}"


def lists_url(public_url: str, handle: str) -> str:
    """Return the address under which each of a brand's status lists is served by its number."""
    return f"{public_url}/v1/status-lists/{handle}"


def urn_of(certificate_id: str) -> str:
    """Return a certificate's id as credentials and the ledger write it: `urn:uuid:...`."""
    return f"urn:uuid:{certificate_id}"


def design_url(public_url: str, design_id: str) -> str:
    """Return a design's id as credentials write it: the address where those who may read the design do."""
    return f"{public_url}/v1/designs/{design_id}"


def certificate_payload(product: Product, unit: ProductUnit) -> bytes:
    """Return the payload to sign for one unit."""
    number, place = divmod(unit.status_index, PLACES)
    url = f"{product.lists_url}/{number}"
    return to_json(
        {
            "@context": CERTIFICATE_CONTEXT,
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
                    "id": design_url(product.public_url, product.design_id),
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
    """Return the payload to sign for a status list (W3C Bitstring Status List v1.0).

    `revoked_places` are from 0 to PLACES - 1.
    """
    url = list_url(public_url, handle, number)
    bits = bytearray(PLACES // 8)
    for place in revoked_places:
        bits[place // 8] |= 0x80 >> place % 8  # the first bit is the leftmost (s3.1)
    encoded = base64.urlsafe_b64encode(gzip.compress(bits, mtime=0)).decode().rstrip("=")
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
                "encodedList": f"u{encoded}",
            },
        }
    )


def to_json(value: Mapping[str, Any]) -> bytes:
    """Return the one JSON encoding that is signed.

    A payload that a brand signs offline can be rebuilt here byte for byte.
    """
    return ENCODER.encode(value).encode()


def time_text(at: datetime) -> str:
    """Return the time in the format of `validFrom`: `2026-11-23T12:00:00Z`."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
