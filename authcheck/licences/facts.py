"""Drafts of the ledger entries about licences: the owner, the licensee and the salted hash of the terms.

The terms themselves stay private. With a salt, its two parties can show them to a court, and nobody else can
find them by trying.
"""

from datetime import datetime
from typing import Any

from authcheck.licences.tables import Licence
from authcheck.tlog.entries import Draft, digest


def of_licence(row: Licence) -> dict[str, Any]:
    """Return the payload of the `licence.grant` entry of a licence version."""
    return {
        "h": digest(row.terms, row.offered_salt),
        "licensee": row.licensee_id,
        "owner": row.owner_id,
        "parent": row.parent_id,
        "series": row.series,
        "version": row.version,
    }


def of_acceptance(row: Licence) -> dict[str, Any]:
    """Return the payload of the `licence.accept` entry of a licence version."""
    return {"h": digest(row.terms, row.accepted_salt), "licensee": row.licensee_id}


def offered(row: Licence, at: datetime) -> Draft:
    """Draft the entry of an offer: of a licence or of its next version."""
    return Draft("licence.grant", row.id, at, of_licence(row))


def accepted(row: Licence, at: datetime) -> Draft:
    """Draft the entry of an acceptance. The licence version is in force from here on."""
    return Draft("licence.accept", row.id, at, of_acceptance(row))


def superseded(row: Licence, by: Licence, at: datetime) -> Draft:
    """Draft the entry that the newer version `by` replaced this version."""
    return Draft("licence.supersede", row.id, at, {"by": by.id})


def revoked(row: Licence, reason: str, at: datetime) -> Draft:
    """Draft the entry that the owner revoked the version. `reason` is one of `agreements.REASONS`."""
    return Draft("licence.revoke", row.id, at, {"owner": row.owner_id, "reason": reason})
