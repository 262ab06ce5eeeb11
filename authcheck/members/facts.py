"""Drafts of ledger entries about organisations. They hold the salted hash of a name, never the name."""

from datetime import datetime
from typing import Any

from authcheck.members.tables import Organisation
from authcheck.tlog.entries import Draft, digest


def of_organisation(row: Organisation) -> dict[str, Any]:
    """Return the fields of an `org.approve` entry for this organisation."""
    return {"h": digest({"name": row.name}, row.salt), "handle": row.handle, "roles": row.roles}


def approved(row: Organisation, at: datetime) -> Draft:
    """Return the draft of the `org.approve` entry: the organisation became a member."""
    return Draft("org.approve", row.id, at, of_organisation(row))
