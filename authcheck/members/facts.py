"""Drafts of ledger entries about organisations and their agents.

They hold the salted hashes of a name and of an appointment's terms, never the words.
"""

from datetime import datetime
from typing import Any

from authcheck.members.tables import Appointment, Organisation
from authcheck.tlog.entries import Draft, digest


def of_organisation(row: Organisation) -> dict[str, Any]:
    """Return the fields of an `org.approve` entry for this organisation."""
    return {"h": digest({"name": row.name}, row.salt), "handle": row.handle, "roles": row.roles}


def approved(row: Organisation, at: datetime) -> Draft:
    """Return the draft of the `org.approve` entry: the organisation became a member."""
    return Draft("org.approve", row.id, at, of_organisation(row))


def suspended(row: Organisation, at: datetime) -> Draft:
    """Return the draft of the `org.suspend` entry: the organisation may not act from here on."""
    return Draft("org.suspend", row.id, at, {"handle": row.handle})


def resumed(row: Organisation, at: datetime) -> Draft:
    """Return the draft of the `org.resume` entry: the organisation may act again."""
    return Draft("org.resume", row.id, at, {"handle": row.handle})


def of_appointment(row: Appointment) -> dict[str, Any]:
    """Return the fields of an `agent.appoint` entry. Its subject is the id of the appointment."""
    terms = {
        "designs": row.designs,
        "ends_on": row.ends_on.isoformat(),
        "scopes": row.scopes,
        "territories": row.territories,
    }
    return {"agent": row.agent_id, "client": row.client_id, "h": digest(terms, row.salt)}


def appointed(row: Appointment, at: datetime) -> Draft:
    """Return the draft of the `agent.appoint` entry: the agent acts for the client from here on."""
    return Draft("agent.appoint", row.id, at, of_appointment(row))


def appointment_ended(row: Appointment, by: str | None, at: datetime) -> Draft:
    """Return the draft of the `agent.end` entry. `by` is the party that ended it, None for the operator."""
    ended_by = {} if by is None else {"by": by}
    return Draft("agent.end", row.id, at, {"agent": row.agent_id, "client": row.client_id, **ended_by})
