"""What the ledger says of keys, certificates and status lists: hashes, ids and reasons; no serial number, no name."""

import hashlib
from datetime import datetime
from typing import Any

from authcheck.certificates.tables import SigningKey
from authcheck.proofs.trust import encode_base64url
from authcheck.tlog.entries import Draft


def hash_of(jws: str) -> str:
    """The SHA-256 of a compact JWS, in hexadecimal: what stands in the row."""
    return hashlib.sha256(jws.encode("ascii")).hexdigest()


def of_key(row: SigningKey) -> dict[str, Any]:
    """What `key.add` holds of a key; its subject is the row's id."""
    return {"iss": issuer_of(row.kid), "key": encode_base64url(row.public_key), "kid": row.kid}


def of_signed(jws_sha256: str, kid: str) -> dict[str, Any]:
    """What `cert.issue` and `statuslist.publish` hold of what was signed."""
    return {"h": f"sha256:{jws_sha256}", "iss": issuer_of(kid), "kid": kid}


def issuer_of(kid: str) -> str:
    """The DID that a key belongs to, by the key's id."""
    return kid.partition("#")[0]


def key_added(row: SigningKey, at: datetime) -> Draft:
    """Signatures of a key count from here on."""
    return Draft("key.add", row.id, at, of_key(row))


def key_revoked(row: SigningKey, at: datetime) -> Draft:
    """Signatures of a key count no more from here on."""
    return Draft("key.revoke", row.id, at, {"iss": issuer_of(row.kid), "kid": row.kid})


def issued(urn: str, jws_sha256: str, kid: str, at: datetime) -> Draft:
    """A certificate of that id was issued."""
    return Draft("cert.issue", urn, at, of_signed(jws_sha256, kid))


def revoked(urn: str, issuer: str, reason: str, at: datetime) -> Draft:
    """A certificate counts no more; `reason` is one of a short list of words."""
    return Draft("cert.revoke", urn, at, {"iss": issuer, "reason": reason})


def list_published(url: str, jws_sha256: str, kid: str, at: datetime) -> Draft:
    """A new version of the status list at this address is in force."""
    return Draft("statuslist.publish", url, at, of_signed(jws_sha256, kid))
