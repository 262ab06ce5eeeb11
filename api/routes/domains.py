"""Endpoints of the domains by which an organisation proves who it is."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from authcheck.members import domains
from authcheck.members.tables import Organisation
from authcheck.storage.opening import utc_now

from ..deps import Appointer, DomainsReader, KeyFirst, RatesDep, WorkspaceDep
from ..wire.members import DomainIn, DomainOut, domain_out

router = APIRouter(route_class=KeyFirst, prefix="/v1/domains", tags=["accounts"])
DomainId = Annotated[str, Path(max_length=40)]


@router.get("")
def list_domains(caller: DomainsReader, workspace: WorkspaceDep) -> list[DomainOut]:
    """List the domains of your organisation, oldest first. There are at most 20."""
    with workspace.database.reading() as session:
        return [domain_out(row) for row in domains.list_domains(session, caller.organisation_id)]


@router.post("", status_code=201)
def add_domain(caller: Appointer, body: DomainIn, workspace: WorkspaceDep) -> DomainOut:
    """Note a domain that you want to prove. Then show `proof` in the record or in the file, and look.

    A domain that is noted already is returned as it is.
    """
    with workspace.database.writing() as session:
        organisation = session.get_one(Organisation, caller.organisation_id)
        return domain_out(domains.add(session, organisation, body.domain, utc_now()))


@router.post("/{domain_id}/look")
def look_at_domain(
    request: Request, caller: Appointer, domain_id: DomainId, workspace: WorkspaceDep, rates: RatesDep
) -> DomainOut:
    """Look for the proof now, and return what was found. A proved domain is looked at every day by itself."""
    owner_id = caller.organisation_id
    rates.count(rates.invitations, owner_id, request)
    with workspace.database.reading() as session:
        row = domains.get_domain(session, domain_id, organisation_id=owner_id)
    finding = domains.look(workspace.outside, row.domain, domains.proof_of(row))
    with workspace.database.writing() as session:
        domains.note(session, row.id, finding, utc_now())
        return domain_out(domains.get_domain(session, row.id, organisation_id=owner_id))


@router.delete("/{domain_id}", status_code=204)
def remove_domain(caller: Appointer, domain_id: DomainId, workspace: WorkspaceDep) -> None:
    """Forget a domain."""
    with workspace.database.writing() as session:
        domains.remove(session, domain_id, organisation_id=caller.organisation_id)
