"""What a verifier believes before it looks: the log's key, the witnesses' keys, the issuers' keys. No database, no web."""

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
    """A raw Ed25519 key; what it signed counts in entries numbered `first` up to, not including, `end`."""

    public_key: bytes
    first: int
    end: int | None

    def holds_at(self, number: int) -> bool:
        """Whether the key was valid where entry `number` stands in the log."""
        return self.first <= number and (self.end is None or number < self.end)


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs certificates, by its name for people, and its keys by kid."""

    name: str
    keys: Mapping[str, TrustedKey]


@dataclass(frozen=True, slots=True)
class Trust:
    """All that a verification rests on; whoever hands it over is believed.

    `status_lists` is, by address, the number of the newest entry about a status list that its maker knew of at `at`
    (RFC 3339). `quorum` is how many of the witnesses must have signed; 0 asks none.
    """

    log: Verifier
    witnesses: tuple[Verifier, ...]
    quorum: int
    issuers: Mapping[str, Issuer]
    status_lists: Mapping[str, int]
    at: str

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a trust.json. Raises Rejected (`bundle.trust`)."""
        try:
            return cls._read(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, NotTrue, Rejected) as error:
            raise Rejected(
                f"The trust file cannot be used: {type(error).__name__}: {error}.", code="bundle.trust"
            ) from error

    @classmethod
    def _read(cls, found: Mapping[str, Any]) -> Self:
        log = Verifier.from_vkey(found["log"]["vkey"])
        witnesses = tuple(Verifier.from_vkey(vkey) for vkey in found["witnesses"])
        quorum = _count(found["quorum"])
        if found["v"] != VERSION or log.name != found["log"]["origin"]:
            raise ValueError("another version, or the key of another log")
        if quorum > len({witness.public_key for witness in witnesses}):
            raise ValueError("a quorum of more witnesses than there are")
        issuers = {did: _issuer(issuer) for did, issuer in found["issuers"].items()}
        lists = {str(url): _count(number) for url, number in found["status_lists"].items()}
        return cls(log, witnesses, quorum, issuers, lists, str(found["at"]))

    def to_json(self) -> dict[str, Any]:
        """The trust.json that `from_json` reads."""
        return {
            "v": VERSION,
            "at": self.at,
            "log": {"origin": self.log.name, "vkey": self.log.vkey},
            "witnesses": [witness.vkey for witness in self.witnesses],
            "quorum": self.quorum,
            "issuers": {
                did: {"name": issuer.name, "keys": [_key_json(kid, key) for kid, key in issuer.keys.items()]}
                for did, issuer in self.issuers.items()
            },
            "status_lists": dict(self.status_lists),
        }

    def key(self, issuer: str, kid: str) -> TrustedKey | None:
        """The issuer's key of that name, None where the trust file does not know it.

        Raises NotTrue (`certificate.issuer`) for a key that is by its name another issuer's.
        """
        if kid.partition("#")[0] != issuer:
            raise NotTrue(f"Signed by {kid}, which is no key of {issuer}.", code="certificate.issuer")
        return self.issuers[issuer].keys.get(kid) if issuer in self.issuers else None


def decode_base64url(text: str) -> bytes:
    """Unpadded base64url, as JOSE has it (RFC 7515 s2). Raises ValueError for anything that is not exactly that."""
    data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    if (
        encode_base64url(data) != text
    ):  # two spellings of one signature would be two hashes of one certificate
        raise binascii.Error("not the one spelling of these bytes")
    return data


def encode_base64url(data: bytes) -> str:
    """Unpadded base64url."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _issuer(found: Mapping[str, Any]) -> Issuer:
    return Issuer(str(found["name"]), {str(key["kid"]): _key(key) for key in found["keys"]})


def _key(found: Mapping[str, Any]) -> TrustedKey:
    until = found["until"]
    return TrustedKey(
        decode_base64url(found["public_key"]),
        _count(found["from"]),
        None if until is None else _count(until),
    )


def _key_json(kid: str, key: TrustedKey) -> dict[str, Any]:
    public_key = encode_base64url(key.public_key)
    return {"kid": kid, "public_key": public_key, "from": key.first, "until": key.end}


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is no count")
    return value
