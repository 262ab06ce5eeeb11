"""Reader and verifier of signed credentials: `vc+jwt` (VC-JOSE-COSE) and the bits of a status list.

The reader accepts only what this project issues, in one spelling: a compact JWS, Ed25519, a kid, and no
header that changes the meaning of the others.
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NoReturn, Self

from authcheck.errors import NotTrue
from authcheck.proofs.jws import Jws
from authcheck.proofs.trust import decode_base64url

# Any other header (crit, b64, jwk, x5c ...) could change what is verified.
HEADERS = {"alg", "kid", "typ", "cty"}
# VC-JOSE-COSE forbids them: readers of VC 1.1 look there for the credential.
CLAIMS_OF_OTHERS = {"vc", "vp"}
LONGEST_JWS = 256 * 1024
PLACE = re.compile(r"0|[1-9][0-9]{0,5}")
PLACES = 131_072  # places in a status list (W3C Bitstring Status List v1.0 s6.1)


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """The place of a certificate's status: the address of the status list, and the index in it from 0."""

    list_url: str
    index: int


@dataclass(frozen=True, slots=True)
class Credential:
    """A parsed credential. Nothing in it may be trusted before `verify`."""

    kid: str
    payload: Mapping[str, Any]
    jws: Jws

    @classmethod
    @lru_cache(maxsize=64)  # many certificates share one status list, and a look-up reads a certificate twice
    def read(cls, jws: str) -> Self:
        """Parse a compact JWS. Raises NotTrue (`certificate.malformed`, `certificate.algorithm`)."""
        try:
            parts = Jws.parse(jws[: LONGEST_JWS + 1])
        except ValueError:
            _raise_malformed("it is not a vc+jwt")
        header = parts.header
        if header.get("typ") != "vc+jwt" or "kid" not in header or not header.keys() <= HEADERS:
            _raise_malformed("it has headers other than alg, kid, typ and cty, or is of another type")
        if not CLAIMS_OF_OTHERS.isdisjoint(parts.payload):
            _raise_malformed("it has a claim vc or vp: a reader could take that for the credential")
        if not parts.is_ed25519:
            raise NotTrue("The signature is not an Ed25519 signature.", code="certificate.algorithm")
        return cls(str(header["kid"]), parts.payload, parts)

    def verify(self, public_key: bytes) -> None:
        """Raise NotTrue (`certificate.signature`) unless this raw Ed25519 key made the signature."""
        if not self.jws.is_made_by(public_key):
            raise NotTrue(f"The key {self.kid} did not make this signature.", code="certificate.signature")

    @property
    def issuer(self) -> str:
        """Return the DID of the issuer that the credential names.

        Raises NotTrue (`certificate.malformed`) when the field is missing, as `id`, `valid_from` and
        `status` do.
        """
        return self._read_text("issuer")

    @property
    def id(self) -> str:
        """Return the credential's own id."""
        return self._read_text("id")

    @property
    def design_id(self) -> str | None:
        """Return the id of the design, or None when the credential names none.

        Credentials write it as an address, and those before November 2026 as it is.
        """
        subject = self.payload.get("credentialSubject")
        design = subject.get("design") if isinstance(subject, dict) else None
        name = design.get("id") if isinstance(design, dict) else None
        return name.rpartition("/")[2] if isinstance(name, str) else None

    @property
    def valid_from(self) -> datetime:
        """Return the time at which the issuer claims to have made the credential."""
        try:
            return datetime.fromisoformat(self._read_text("validFrom")).astimezone(UTC)
        except (ValueError, OverflowError):
            _raise_malformed("validFrom is not a time")

    @property
    def status(self) -> StatusEntry:
        """Return the place in the status list that tells whether the credential is revoked."""
        entry = self.payload.get("credentialStatus")
        if not isinstance(entry, dict) or entry.get("statusPurpose") != "revocation":
            _raise_malformed("it has no revocation status")
        url, index = entry.get("statusListCredential"), str(entry.get("statusListIndex"))
        if not isinstance(url, str) or not PLACE.fullmatch(index) or int(index) >= PLACES:
            _raise_malformed("it has no place in a status list")
        return StatusEntry(url, int(index))

    def _read_text(self, name: str) -> str:
        value = self.payload.get(name)
        if not isinstance(value, str):
            _raise_malformed(f"{name} is missing or not a text")
        return value


def is_revoked(status_list: Credential, index: int) -> bool:
    """Return whether the status list has the bit at `index` set. Raises NotTrue (`certificate.malformed`)."""
    subject = status_list.payload.get("credentialSubject")
    if not isinstance(subject, dict) or subject.get("statusPurpose") != "revocation":
        _raise_malformed("it is not a list of revocations")
    bits = _unpack_bits(str(subject.get("encodedList")))
    # Index 0 is the leftmost bit (W3C Bitstring Status List v1.0 s3.1).
    return bool(bits[index // 8] >> (7 - index % 8) & 1)


@lru_cache(maxsize=64)
def _unpack_bits(encoded: str) -> bytes:
    """Unpack the bits of a status list. Never unpacks more than the fixed length of a list."""
    if encoded[:1] != "u":  # multibase: base64url without padding
        _raise_malformed("the status list is not base64url")
    try:
        bits = zlib.decompressobj(wbits=31).decompress(decode_base64url(encoded[1:]), PLACES // 8 + 1)
    except (ValueError, zlib.error):
        _raise_malformed("the status list cannot be unpacked")
    if len(bits) != PLACES // 8:
        _raise_malformed("the status list has the wrong length")
    return bits


def _raise_malformed(reason: str) -> NoReturn:
    raise NotTrue(f"The credential is malformed: {reason}.", code="certificate.malformed")
