"""Drafts of ledger entries about keys, certificates and status lists.

They hold hashes, ids and reasons, but no serial number and no name.
"""

import hashlib
from datetime import datetime
from typing import Any

from authcheck.certificates.tables import SigningKey
from authcheck.proofs.trust import encode_base64url
from authcheck.tlog.entries import Draft


def hash_of(jws: str) -> str:
    """Return the SHA-256 of a compact JWS in hexadecimal, as rows store it."""
    return hashlib.sha256(jws.encode("ascii")).hexdigest()


def of_key(row: SigningKey) -> dict[str, Any]:
    """Return the payload of `key.add`. The entry's subject is the id of the row."""
    return {"iss": issuer_of(row.kid), "key": encode_base64url(row.public_key), "kid": row.kid}


def of_signed(jws_sha256: str, kid: str) -> dict[str, Any]:
    """Return the payload of `cert.issue` and `statuslist.publish` for a signed credential."""
    return {"h": f"sha256:{jws_sha256}", "iss": issuer_of(kid), "kid": kid}


def issuer_of(kid: str) -> str:
    """Return the DID that a key belongs to, from the key's id."""
    return kid.partition("#")[0]


def key_added(row: SigningKey, at: datetime) -> Draft:
    """Draft the entry that a key was added: its signatures are valid from this entry on."""
    return Draft("key.add", row.id, at, of_key(row))


def key_revoked(row: SigningKey, at: datetime) -> Draft:
    """Draft the entry that a key was revoked: its signatures are no longer valid from this entry on."""
    return Draft("key.revoke", row.id, at, {"iss": issuer_of(row.kid), "kid": row.kid})


def issued(urn: str, jws_sha256: str, kid: str, at: datetime) -> Draft:
    """Draft the entry that a certificate was issued."""
    return Draft("cert.issue", urn, at, of_signed(jws_sha256, kid))


def revoked(urn: str, issuer: str, reason: str, at: datetime) -> Draft:
    """Draft the entry that a certificate was revoked. `reason` is one of `revoking.REASONS`."""
    return Draft("cert.revoke", urn, at, {"iss": issuer, "reason": reason})


def list_published(url: str, jws_sha256: str, kid: str, at: datetime) -> Draft:
    """Draft the entry that a new version of the status list at this address is in force."""
    return Draft("statuslist.publish", url, at, of_signed(jws_sha256, kid))
