"""Brands, agents and their appointments for tests."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import make
from licences_made import organisation

from authcheck.licences import appointing
from authcheck.members import appointments
from authcheck.members.tables import Appointment
from authcheck.workspace import Workspace

ENDS = make.NOW.date() + timedelta(days=90)
SCOPES = ("designs:read", "licences:read", "licences:write")


def appoint(
    workspace: Workspace,
    agent: str = "shadow",
    *,
    client: str = "acme",
    scopes: Sequence[str] = SCOPES,
    ends_on: date = ENDS,
    now: datetime = make.NOW,
    **words: Any,
) -> Appointment:
    """Appoint an agent for a brand. Both become members if they are not."""
    giver, taker = organisation(workspace, client, "brand"), organisation(workspace, agent, "agent")
    with workspace.database.writing() as session:
        return appointing.appoint(session, giver, taker, scopes=scopes, ends_on=ends_on, now=now, **words)


def end(workspace: Workspace, appointment_id: str, by: str | None, now: datetime = make.NOW) -> Appointment:
    """End an appointment as the organisation with the id `by`, or as the operator."""
    with workspace.database.writing() as session:
        return appointments.end(session, appointment_id, organisation_id=by, now=now)
