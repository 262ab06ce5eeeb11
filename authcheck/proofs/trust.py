"""The keys that a verifier trusts: of the log, of the witnesses, of the issuers. No database, no network."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from authcheck.errors import NotTrue, Rejected
from authcheck.tlog.note import Verifier

VERSION = 1


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A raw Ed25519 key. Its signatures are valid in entries numbered `first` up to, not including, `end`."""

    public_key: bytes
    first: int
    end: int | None

    def holds_at(self, number: int) -> bool:
        """Return whether the key is valid at entry `number` of the log."""
        return self.first <= number and (self.end is None or number < self.end)


@dataclass(frozen=True, slots=True)
class Issuer:
    """A signer of certificates: its name for people, and its keys by kid.

    With `salt`, everybody can compare the name with its hash in the ledger's `org.approve` entry
    (`tlog.entries.digest`). Files and members of earlier releases have no salt (None).
    """

    name: str
    keys: Mapping[str, TrustedKey]
    salt: str | None = None


@dataclass(frozen=True, slots=True)
class Trust:
    """All keys and limits that a verification relies on. The verifier believes the source of this file.

    `status_lists` maps the address of a status list to the number of the newest entry about this list that
    the maker of the file knew of at `at` (RFC 3339). `quorum` is the number of witnesses that must have
    signed. 0 asks for no witnesses.
    """

    log: Verifier
    witnesses: tuple[Verifier, ...]
    quorum: int
    issuers: Mapping[str, Issuer]
    status_lists: Mapping[str, int]
    at: str

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a trust.json. Raises Rejected (`bundle.trust`) when the file cannot be used."""
        try:
            return cls._from_data(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, NotTrue, Rejected) as error:
            raise Rejected(
                f"We cannot use this trust file: {type(error).__name__}: {error}.", code="bundle.trust"
            ) from error

    @classmethod
    def _from_data(cls, data: Mapping[str, Any]) -> Self:
        log = Verifier.from_vkey(data["log"]["vkey"])
        witnesses = tuple(Verifier.from_vkey(vkey) for vkey in data["witnesses"])
        quorum = _read_count(data["quorum"])
        if data["v"] != VERSION or log.name != data["log"]["origin"]:
            raise ValueError("the version is not supported, or the key belongs to another log")
        if quorum > len({witness.public_key for witness in witnesses}):
            raise ValueError("the quorum is greater than the number of witnesses")
        issuers = {did: _read_issuer(issuer) for did, issuer in data["issuers"].items()}
        status_lists = {str(url): _read_count(number) for url, number in data["status_lists"].items()}
        return cls(log, witnesses, quorum, issuers, status_lists, str(data["at"]))

    def to_json(self) -> dict[str, Any]:
        """Return the trust.json that `from_json` reads."""
        return {
            "v": VERSION,
            "at": self.at,
            "log": {"origin": self.log.name, "vkey": self.log.vkey},
            "witnesses": [witness.vkey for witness in self.witnesses],
            "quorum": self.quorum,
            "issuers": {
                did: {
                    "name": issuer.name,
                    **({} if issuer.salt is None else {"salt": issuer.salt}),
                    "keys": [_key_to_json(kid, key) for kid, key in issuer.keys.items()],
                }
                for did, issuer in self.issuers.items()
            },
            "status_lists": dict(self.status_lists),
        }

    def key(self, issuer: str, kid: str) -> TrustedKey | None:
        """Return the issuer's key with this kid, or None when the trust file does not have it.

        Raises NotTrue (`certificate.issuer`) when the kid names a key of another issuer.
        """
        if kid.partition("#")[0] != issuer:
            raise NotTrue(f"The signing key {kid} does not belong to {issuer}.", code="certificate.issuer")
        return self.issuers[issuer].keys.get(kid) if issuer in self.issuers else None


def decode_base64url(text: str) -> bytes:
    """Decode unpadded base64url, as JOSE uses it (RFC 7515 s2). Raises ValueError for any other spelling."""
    data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    # Two spellings of one signature would give one certificate two hashes.
    if encode_base64url(data) != text:
        raise binascii.Error("not the canonical base64url of these bytes")
    return data


def encode_base64url(data: bytes) -> str:
    """Encode as unpadded base64url."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _read_issuer(data: Mapping[str, Any]) -> Issuer:
    salt = data.get("salt")
    keys = {str(key["kid"]): _read_key(key) for key in data["keys"]}
    return Issuer(str(data["name"]), keys, None if salt is None else str(salt))


def _read_key(data: Mapping[str, Any]) -> TrustedKey:
    until = data["until"]
    return TrustedKey(
        decode_base64url(data["public_key"]),
        _read_count(data["from"]),
        None if until is None else _read_count(until),
    )


def _key_to_json(kid: str, key: TrustedKey) -> dict[str, Any]:
    public_key = encode_base64url(key.public_key)
    return {"kid": kid, "public_key": public_key, "from": key.first, "until": key.end}


def _read_count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is not a whole number of 0 or more")
    return value
