"""What the ledger says of organisations; names stand in it as hashes."""

from datetime import datetime
from typing import Any

from authcheck.members.tables import Organisation
from authcheck.tlog.entries import Draft, digest


def of_organisation(row: Organisation) -> dict[str, Any]:
    """What `org.approve` holds of an organisation."""
    return {"h": digest({"name": row.name}), "handle": row.handle, "roles": row.roles}


def approved(row: Organisation, at: datetime) -> Draft:
    """An organisation became a member."""
    return Draft("org.approve", row.id, at, of_organisation(row))
