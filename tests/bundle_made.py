"""An in-memory log with certificates, and the keys to forge more. Attacks on a bundle start from here."""

import base64
import dataclasses
import gzip
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from log_made import MemoryLog, checkpoint_of, prove

from authcheck.proofs.bundle import Bundle, Logged
from authcheck.proofs.trust import Issuer, Trust, TrustedKey
from authcheck.tlog import entries, note
from authcheck.tlog.entries import Draft
from authcheck.tlog.note import Cosigner, Signer

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ORIGIN = "authcheck.example/ledger"
ACME, GLOBEX = (f"did:web:authcheck.example:brands:{handle}" for handle in ("acme", "globex"))
LIST_URL = "https://authcheck.example/v1/status-lists/acme/0"
UNIT = "urn:uuid:0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"


def private_key(name: str) -> Ed25519PrivateKey:
    """Return the private key of this name. The key is the same in every run."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def base64url(data: bytes) -> str:
    """Return unpadded base64url."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def jws(payload: Any, key: Ed25519PrivateKey, kid: str, /, **header: Any) -> str:
    """Return a compact JWS over a payload. Keyword arguments replace or add headers."""
    head = {"alg": "Ed25519", "kid": kid, "typ": "vc+jwt", **header}
    parts = [base64url(json.dumps(part).encode()) for part in (head, payload)]
    return ".".join([*parts, base64url(key.sign(".".join(parts).encode()))])


def certificate(**changes: Any) -> dict[str, Any]:
    """Return the payload of a certificate, with changes."""
    return {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential", "AuthenticityCertificate"],
        "id": UNIT,
        "issuer": ACME,
        "validFrom": "2026-11-23T11:00:00Z",
        "credentialSubject": {"type": "ProductUnit", "gtin": "04006381333931", "lot": "L1", "serial": "S1"},
        "credentialStatus": {
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": "7",
            "statusListCredential": LIST_URL,
        },
        **changes,
    }


def status_list(*revoked: int, **changes: Any) -> dict[str, Any]:
    """Return the payload of a status list."""
    bits = bytearray(16_384)
    for index in revoked:
        bits[index // 8] |= 128 >> index % 8
    subject = {
        "type": "BitstringStatusList",
        "statusPurpose": "revocation",
        "encodedList": "u" + base64url(gzip.compress(bytes(bits), mtime=0)),
    }
    named = {"id": LIST_URL, "issuer": ACME, "validFrom": "2026-11-23T11:30:00Z"}
    return {
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "credentialSubject": subject,
        **named,
        **changes,
    }


class World:
    """A log, two brands with a key each, and two witnesses.

    `bundle` makes the bundle of the newest certificate.
    """

    def __init__(self, origin: str = ORIGIN, before: int = 5, after: int = 3) -> None:
        self.log = MemoryLog()
        self.signer = Signer(origin, private_key(origin))
        self.cosigners = [Cosigner(f"w{n}.example", private_key(f"witness {n}")) for n in (1, 2)]
        self.after = after
        self.keys = {did: private_key(did) for did in (ACME, GLOBEX)}
        for number in range(before):
            self.record("design.register", f"dsn_{number}")

    def record(self, kind: str, subject: str, **fields: Any) -> tuple[str, int]:
        """Append an entry. Return its text and its number."""
        made = entries.body(Draft(kind, subject, NOW, fields))
        return made.decode(), self.log.append([made])[0]

    def issue(self, signed: str, subject: str = UNIT, did: str = ACME, **fields: Any) -> tuple[str, str, int]:
        """Log a certificate. Return the parts of its bundle. Keyword arguments add fields to the entry."""
        return self._log("cert.issue", signed, subject, did, **fields)

    def publish(
        self, signed: str, url: str = LIST_URL, did: str = ACME, **fields: Any
    ) -> tuple[str, str, int]:
        """Log a status list."""
        return self._log("statuslist.publish", signed, url, did, **fields)

    def _log(self, kind: str, signed: str, subject: str, did: str, **fields: Any) -> tuple[str, str, int]:
        hashed = f"sha256:{hashlib.sha256(signed.encode()).hexdigest()}"
        return signed, *self.record(
            kind, subject, **{"h": hashed, "iss": did, "kid": f"{did}#key-1", **fields}
        )

    def sign(self, payload: Any, did: str = ACME, /, **header: Any) -> str:
        """Return a JWS signed with that brand's key."""
        return jws(payload, self.keys[did], f"{did}#key-1", **header)

    def checkpoint(self, cosigners: Sequence[Cosigner] | None = None) -> str:
        """Return the newest checkpoint with the cosignatures in this order, by default of both witnesses."""
        signed = checkpoint_of(self.log, self.signer.name, self.signer)
        text, _ = note.read_note(signed)
        chosen = self.cosigners if cosigners is None else cosigners
        return signed + "".join(one.sign(text, int(NOW.timestamp())) for one in chosen)

    def proof(self, number: int, checkpoint: str) -> str:
        """Return the proof of an entry under a checkpoint."""
        size = note.Checkpoint.from_note(checkpoint).size
        return note.proof_text(number, prove(self.log, number, size), checkpoint)

    def bundle(
        self, issued: tuple[str, str, int], published: tuple[str, str, int], checkpoint: str = ""
    ) -> Bundle:
        """Return the bundle of a logged certificate and a logged list."""
        signed = checkpoint or self.checkpoint()
        return Bundle(
            *(Logged(text, entry, self.proof(number, signed)) for text, entry, number in (issued, published))
        )

    def good(self) -> Bundle:
        """Return a valid bundle."""
        issued = self.issue(self.sign(certificate()))
        published = self.publish(self.sign(status_list()))
        for number in range(self.after):
            self.record("design.register", f"dsn_after_{number}")
        return self.bundle(issued, published)

    def trust(self, **changes: Any) -> Trust:
        """Return the keys that a verifier trusts here: this log, both witnesses, both brands."""
        keys = {
            did: Issuer(did[-6:], {f"{did}#key-1": TrustedKey(key.public_key().public_bytes_raw(), 0, None)})
            for did, key in self.keys.items()
        }
        believed = Trust(
            self.signer.verifier,
            tuple(one.verifier for one in self.cosigners),
            2,
            keys,
            {},
            "2026-11-23T12:00:00Z",
        )
        return dataclasses.replace(believed, **changes)


LATER = NOW + timedelta(days=3)
