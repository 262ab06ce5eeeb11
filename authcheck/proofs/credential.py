"""Signed credentials as they are read and verified: `vc+jwt` (VC-JOSE-COSE) and the bits of a status list.

Only what this project issues is accepted, in one spelling: compact JWS, Ed25519, a kid, no header that changes meaning.
"""

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NoReturn, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from authcheck.errors import NotTrue
from authcheck.proofs.trust import decode_base64url

ALGORITHMS = ("Ed25519", "EdDSA")  # RFC 9864's name and the older one; never "none", never a shared secret
HEADERS = {
    "alg",
    "kid",
    "typ",
    "cty",
}  # anything else (crit, b64, jwk, x5c ...) could change what is verified
LONGEST_JWS = 256 * 1024
PLACE = re.compile(r"0|[1-9][0-9]{0,5}")
PLACES = 131_072  # of a status list (W3C Bitstring Status List v1.0 s6.1)


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """Where a certificate's status stands: the list's address, and the place in it from 0."""

    list_url: str
    index: int


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential as it claims to be: nothing here is true before `verify`."""

    kid: str
    payload: Mapping[str, Any]
    signed: bytes
    signature: bytes

    @classmethod
    @lru_cache(
        maxsize=64
    )  # one list stands behind many certificates, and a look-up reads a certificate twice
    def read(cls, jws: str) -> Self:
        """Take a compact JWS apart. Raises NotTrue (`certificate.malformed`, `certificate.algorithm`)."""
        try:
            protected, payload, signature = jws[: LONGEST_JWS + 1].split(".")
            header, claims = json.loads(decode_base64url(protected)), json.loads(decode_base64url(payload))
            made = cls(
                str(header["kid"]), claims, f"{protected}.{payload}".encode(), decode_base64url(signature)
            )
            sound = isinstance(claims, dict) and header.keys() <= HEADERS and header["typ"] == "vc+jwt"
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            _malformed("not a vc+jwt")
        if not sound:
            _malformed("other headers than alg, kid and typ, or no object")
        if header.get("alg") not in ALGORITHMS:
            raise NotTrue("The signature is of another kind than Ed25519.", code="certificate.algorithm")
        return made

    def verify(self, public_key: bytes) -> None:
        """Raise NotTrue (`certificate.signature`) unless this raw Ed25519 key made the signature."""
        try:
            _loaded(public_key).verify(self.signature, self.signed)
        except (InvalidSignature, ValueError):
            raise NotTrue(f"The signature is not one of {self.kid}.", code="certificate.signature") from None

    @property
    def issuer(self) -> str:
        """The DID of who claims to have signed. Raises NotTrue, as all below (`certificate.malformed`)."""
        return self._text("issuer")

    @property
    def id(self) -> str:
        """The credential's own id."""
        return self._text("id")

    @property
    def valid_from(self) -> datetime:
        """When the issuer says it was made."""
        try:
            return datetime.fromisoformat(self._text("validFrom")).astimezone(UTC)
        except (ValueError, OverflowError):
            _malformed("no time")

    @property
    def status(self) -> StatusEntry:
        """Where it is said whether it was revoked."""
        found = self.payload.get("credentialStatus")
        if not isinstance(found, dict) or found.get("statusPurpose") != "revocation":
            _malformed("no status")
        url, index = found.get("statusListCredential"), str(found.get("statusListIndex"))
        if not isinstance(url, str) or not PLACE.fullmatch(index) or int(index) >= PLACES:
            _malformed("no place in a status list")
        return StatusEntry(url, int(index))

    def _text(self, name: str) -> str:
        found = self.payload.get(name)
        if not isinstance(found, str):
            _malformed(f"no {name}")
        return found


def is_revoked(status_list: Credential, index: int) -> bool:
    """Whether the list has the bit at `index` set. Raises NotTrue (`certificate.malformed`)."""
    subject = status_list.payload.get("credentialSubject")
    if not isinstance(subject, dict) or subject.get("statusPurpose") != "revocation":
        _malformed("no list of revocations")
    bits = _bits(str(subject.get("encodedList")))
    return bool(bits[index // 8] >> (7 - index % 8) & 1)  # the first bit is the leftmost (s3.1)


@lru_cache(maxsize=64)
def _bits(encoded: str) -> bytes:
    """The bits of a list, as many as they claim to be; never more are unpacked."""
    if encoded[:1] != "u":  # multibase: base64url without padding
        _malformed("a list in another base")
    try:
        bits = zlib.decompressobj(wbits=31).decompress(decode_base64url(encoded[1:]), PLACES // 8 + 1)
    except (ValueError, zlib.error):
        _malformed("no list")
    if len(bits) != PLACES // 8:
        _malformed("a list of another length")
    return bits


@lru_cache(maxsize=64)
def _loaded(public_key: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public_key)


def _malformed(what: str) -> NoReturn:
    raise NotTrue(f"The credential is malformed: {what}.", code="certificate.malformed")
