"""What the ledger says of licences: who, to whom, and the hash of the terms, which are nobody else's business."""

from datetime import datetime
from typing import Any

from authcheck.licences.tables import Licence
from authcheck.tlog.entries import Draft, digest


def of_licence(row: Licence) -> dict[str, Any]:
    """What `licence.grant` holds of a licence version."""
    return {
        "h": digest(row.terms),
        "licensee": row.licensee_id,
        "owner": row.owner_id,
        "parent": row.parent_id,
        "series": row.series,
        "version": row.version,
    }


def offered(row: Licence, at: datetime) -> Draft:
    """An owner offered a licence, or its next version."""
    return Draft("licence.grant", row.id, at, of_licence(row))


def accepted(row: Licence, at: datetime) -> Draft:
    """The licensee accepted: it counts from here on."""
    return Draft("licence.accept", row.id, at, {"h": digest(row.terms), "licensee": row.licensee_id})


def superseded(row: Licence, by: Licence, at: datetime) -> Draft:
    """A newer version took its place."""
    return Draft("licence.supersede", row.id, at, {"by": by.id})


def revoked(row: Licence, reason: str, at: datetime) -> Draft:
    """The owner ended it; `reason` is one of a short list of words."""
    return Draft("licence.revoke", row.id, at, {"owner": row.owner_id, "reason": reason})
