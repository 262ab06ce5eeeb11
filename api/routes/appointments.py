"""Endpoints of appointments: a brand appoints an agent, and either side sees and ends the appointment."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from authcheck.ledger import publishing
from authcheck.licences import appointing
from authcheck.members import appointments, organisations
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.members.tables import Appointment, Organisation
from authcheck.storage.opening import utc_now

from ..deps import Appointer, KeyFirst, PeopleReader, PeopleWriter, WorkspaceDep
from ..managed import managed_organisation, refuse_scopes_beyond
from ..paging import PagingDep
from ..wire.appointments import AppointmentIn, AppointmentOut
from ..wire.forms import Page, Text

router = APIRouter(route_class=KeyFirst, prefix="/v1/appointments", tags=["accounts"])
AppointmentId = Annotated[str, Path(max_length=40)]


@router.post("", status_code=201)
def appoint_agent(
    caller: Appointer, body: AppointmentIn, workspace: WorkspaceDep, response: Response
) -> AppointmentOut:
    """Appoint an agent for your brand. The agent acts for you from now until the last day.

    New terms end the agent's current appointment by you. The same terms again change nothing.
    """
    refuse_scopes_beyond(caller, body.scopes)
    now = utc_now()
    with workspace.database.writing() as session:
        client = session.get_one(Organisation, caller.organisation_id)
        row = appointing.appoint(
            session,
            client,
            organisations.get_organisation(session, body.agent),
            scopes=body.scopes,
            designs=body.designs,
            territories=body.territories,
            ends_on=body.ends_on,
            now=now,
        )
    publishing.publish_recorded(workspace.database, workspace.settings)
    response.headers["Location"] = f"/v1/appointments/{row.id}"
    return _appointment_out(row, now)


@router.get("")
def list_appointments(
    caller: PeopleReader,
    workspace: WorkspaceDep,
    paging: PagingDep,
    *,
    organisation: Annotated[
        Text | None, Query(max_length=64, description="Handle. Default: your own organisation.")
    ] = None,
    current: Annotated[bool, Query(description="Only appointments that are not over.")] = False,
) -> Page[AppointmentOut]:
    """List the appointments that your organisation gave or got, oldest first."""
    now = utc_now()
    with workspace.database.reading() as session:
        member = managed_organisation(session, caller, organisation, Right.READ)
        rows = appointments.list_appointments(
            session,
            member.id,
            current_at=now if current else None,
            after=paging.after,
            limit=paging.fetch,
        )
        return paging.page(rows, lambda row: _appointment_out(row, now))


@router.get("/{appointment_id}")
def show_appointment(
    caller: PeopleReader, appointment_id: AppointmentId, workspace: WorkspaceDep
) -> AppointmentOut:
    """Return an appointment that your organisation gave or got."""
    with workspace.database.reading() as session:
        row = appointments.get_appointment(
            session, appointment_id, organisation_id=_side_of(caller, Right.READ)
        )
        return _appointment_out(row, utc_now())


@router.delete("/{appointment_id}")
def end_appointment(
    caller: PeopleWriter, appointment_id: AppointmentId, workspace: WorkspaceDep
) -> AppointmentOut:
    """End an appointment at once and permanently. The brand and the agent may both do so.

    A repetition changes nothing. A request of the agent that is under way is refused.
    """
    now = utc_now()
    with workspace.database.writing() as session:
        row = appointments.end(
            session, appointment_id, organisation_id=_side_of(caller, Right.WRITE), now=now
        )
    publishing.publish_recorded(workspace.database, workspace.settings)
    return _appointment_out(row, now)


def _side_of(caller: Principal, right: Right) -> str | None:
    """Return the organisation that must be a side of the appointment. The operator needs none."""
    return None if caller.may(Resource.ORGANISATIONS, right) else caller.organisation_id


def _appointment_out(row: Appointment, now: datetime) -> AppointmentOut:
    return AppointmentOut.model_validate(
        {
            "id": row.id,
            "client": row.client.handle,
            "agent": row.agent.handle,
            "scopes": row.scopes,
            "designs": row.designs,
            "territories": row.territories,
            "ends_on": row.ends_on,
            "state": appointments.state_of(row, now),
            "created_at": row.created_at,
            "ended_at": row.ended_at,
            "salt": row.salt,
        }
    )
