"""Endpoints of the members of this installation, what the operator decides about them, and of the caller."""

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from authcheck.ledger import publishing
from authcheck.members import alikes, domains, organisations, standing
from authcheck.members.principals import Principal
from authcheck.members.tables import Organisation
from authcheck.storage.opening import utc_now

from ..deps import AnyCaller, KeyFirst, OrganisationsReader, OrganisationsWriter, WorkspaceDep
from ..paging import PagingDep
from ..wire.forms import Page
from ..wire.members import (
    AgentOut,
    MeOut,
    OrganisationDecisionIn,
    OrganisationIn,
    OrganisationOut,
    WholeOrganisationOut,
    domain_out,
)

router = APIRouter(route_class=KeyFirst, prefix="/v1", tags=["accounts"])


@router.get("/me")
def show_caller(caller: AnyCaller, workspace: WorkspaceDep) -> MeOut:
    """Return the organisation that you act for, and what your API key or your roles allow."""
    with workspace.database.reading() as session:
        organisation = session.get_one(Organisation, caller.organisation_id)
    return MeOut(
        organisation=organisation.handle,
        name=organisation.name,
        agent=_agent_out(caller),
        salt=None if caller.agency else organisation.salt,
        key=None if caller.is_person else caller.caller,
        person=caller.caller if caller.is_person else None,
        scopes=[] if caller.is_person else sorted(caller.scopes),
        roles=sorted(caller.scopes) if caller.is_person else [],
        rights={str(resource): right.name.lower() for resource, right in caller.grants.items() if right},
    )


def _agent_out(caller: Principal) -> AgentOut | None:
    agency, reach = caller.agency, caller.reach
    if agency is None:
        return None
    return AgentOut(
        organisation=agency.handle,
        name=agency.name,
        appointment=agency.appointment_id,
        designs=None if reach.designs is None else sorted(reach.designs),
        territories=None if reach.territories is None else sorted(reach.territories),
    )


@router.post("/organisations", status_code=201)
def create_organisation(
    _caller: OrganisationsWriter, body: OrganisationIn, workspace: WorkspaceDep, response: Response
) -> OrganisationOut:
    """Add a member."""
    with workspace.database.writing() as session:
        organisation = organisations.create_organisation(
            session, handle=body.handle, name=body.name, roles=body.roles, now=utc_now()
        )
    response.headers["Location"] = f"/v1/organisations/{organisation.handle}"
    return _organisation_out(organisation)


@router.get("/organisations")
def list_organisations(
    _caller: OrganisationsReader, workspace: WorkspaceDep, paging: PagingDep
) -> Page[OrganisationOut]:
    """List all members, oldest first."""
    with workspace.database.reading() as session:
        rows = organisations.list_organisations(session, after=paging.after, limit=paging.fetch)
        return paging.page(rows, _organisation_out)


@router.get("/organisations/{handle}")
def show_organisation(
    _caller: OrganisationsReader, handle: str, workspace: WorkspaceDep
) -> WholeOrganisationOut:
    """Return an organisation by its handle, with its domains and the members that it looks like."""
    with workspace.database.reading() as session:
        return _whole_out(session, organisations.get_organisation(session, handle))


@router.post("/organisations/{handle}/decision")
def decide_organisation(
    _caller: OrganisationsWriter, handle: str, body: OrganisationDecisionIn, workspace: WorkspaceDep
) -> WholeOrganisationOut:
    """Approve an organisation, refuse its application, or suspend it. The ledger records it but a refusal.

    `approve` also ends a suspension. An organisation that looks like a member is approved only with its
    handle in `despite`.
    """
    now = utc_now()
    with workspace.database.writing() as session:
        row = organisations.get_organisation(session, handle)
        if body.decision == "approve":
            standing.approve(session, row, now=now, despite=body.despite)
        elif body.decision == "refuse":
            standing.refuse(session, row, body.reason, now=now)
        else:
            standing.suspend(session, row, body.reason, now=now)
        answer = _whole_out(session, row)
    publishing.publish_recorded(workspace.database, workspace.settings)
    return answer


def _whole_out(session: Session, organisation: Organisation) -> WholeOrganisationOut:
    return WholeOrganisationOut(
        **_organisation_out(organisation).model_dump(),
        domains=[domain_out(row) for row in domains.list_domains(session, organisation.id)],
        looks_like=[member.handle for member in alikes.find_alike(session, organisation)],
    )


def _organisation_out(organisation: Organisation) -> OrganisationOut:
    fields = ("id", "handle", "name", "roles", "created_at", "salt", "state")
    return OrganisationOut.model_validate(
        {**{name: getattr(organisation, name) for name in fields}, "reason": organisation.state_reason}
    )
