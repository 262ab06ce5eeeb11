"""Compact JSON Web Signatures (RFC 7515 s7.1) with Ed25519: parts, and whose key made the signature."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from authcheck.proofs.trust import decode_base64url

# The name of RFC 9864 and the older name. Never add "none" or an algorithm with a shared secret.
ALGORITHMS = ("Ed25519", "EdDSA")


@dataclass(frozen=True, slots=True)
class Jws:
    """A parsed signature. Nothing in it may be trusted before `is_made_by`."""

    header: Mapping[str, Any]
    payload: Mapping[str, Any]
    signed: bytes
    signature: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `HEADER.PAYLOAD.SIGNATURE`. Raises ValueError unless header and payload are JSON objects."""
        protected, payload, signature = text.split(".")
        try:
            header, claims = json.loads(decode_base64url(protected)), json.loads(decode_base64url(payload))
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if not isinstance(header, dict) or not isinstance(claims, dict):
            raise ValueError("not an object")  # noqa: TRY004 - documented
        return cls(header, claims, f"{protected}.{payload}".encode(), decode_base64url(signature))

    @property
    def is_ed25519(self) -> bool:
        """Return whether the header names the one algorithm that is accepted."""
        return self.header.get("alg") in ALGORITHMS

    def is_made_by(self, public_key: bytes) -> bool:
        """Return whether this raw Ed25519 key, 32 bytes, made the signature."""
        try:
            _load_key(public_key).verify(self.signature, self.signed)
        except (InvalidSignature, ValueError):
            return False
        return True


@lru_cache(maxsize=64)
def _load_key(public_key: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public_key)
