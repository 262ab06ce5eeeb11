"""Endpoints of organisations and API keys for the operator, and of the caller's own key."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from authcheck.members import api_keys, organisations
from authcheck.members.tables import ApiKey, Organisation
from authcheck.storage.opening import utc_now

from ..deps import Admin, AnyKey, KeyFirst, WorkspaceDep
from ..paging import PagingDep
from ..wire.forms import Page, Text
from ..wire.members import KeyIn, KeyOut, MeOut, NewKeyOut, OrganisationIn, OrganisationOut

router = APIRouter(route_class=KeyFirst, prefix="/v1", tags=["accounts"])


@router.get("/me")
def show_caller(caller: AnyKey, workspace: WorkspaceDep) -> MeOut:
    """Return the organisation and the scopes of your API key."""
    with workspace.database.reading() as session:
        organisation = session.get_one(Organisation, caller.organisation_id)
    return MeOut(
        organisation=organisation.handle,
        name=organisation.name,
        salt=organisation.salt,
        key=caller.key_id,
        scopes=sorted(caller.scopes),
    )


@router.post("/organisations", status_code=201)
def create_organisation(
    _caller: Admin, body: OrganisationIn, workspace: WorkspaceDep, response: Response
) -> OrganisationOut:
    """Add a member."""
    with workspace.database.writing() as session:
        organisation = organisations.create_organisation(
            session, handle=body.handle, name=body.name, roles=body.roles, now=utc_now()
        )
    response.headers["Location"] = f"/v1/organisations/{organisation.handle}"
    return _organisation_out(organisation)


@router.get("/organisations")
def list_organisations(_caller: Admin, workspace: WorkspaceDep, paging: PagingDep) -> Page[OrganisationOut]:
    """List all members, oldest first."""
    with workspace.database.reading() as session:
        rows = organisations.list_organisations(session, after=paging.after, limit=paging.fetch)
        return paging.page(rows, _organisation_out)


@router.get("/organisations/{handle}")
def show_organisation(_caller: Admin, handle: str, workspace: WorkspaceDep) -> OrganisationOut:
    """Return a member by its handle."""
    with workspace.database.reading() as session:
        return _organisation_out(organisations.get_organisation(session, handle))


@router.post("/keys", status_code=201)
def create_key(_caller: Admin, body: KeyIn, workspace: WorkspaceDep) -> NewKeyOut:
    """Make an API key for an organisation. Only this answer has the token."""
    with workspace.database.writing() as session:
        organisation = organisations.get_organisation(session, body.organisation)
        key, token = api_keys.create_key(
            session, organisation, label=body.label, scopes=body.scopes, now=utc_now()
        )
    return NewKeyOut(**_key_out(key, organisation.handle).model_dump(), token=token)


@router.get("/keys")
def list_keys(
    _caller: Admin,
    workspace: WorkspaceDep,
    paging: PagingDep,
    organisation: Annotated[Text, Query(max_length=64, description="Handle of the organisation.")],
) -> Page[KeyOut]:
    """List the keys of an organisation, oldest first. Includes revoked keys."""
    with workspace.database.reading() as session:
        member = organisations.get_organisation(session, organisation)
        rows = api_keys.list_keys(session, member.id, after=paging.after, limit=paging.fetch)
        return paging.page(rows, lambda key: _key_out(key, member.handle))


@router.delete("/keys/{key_id}")
def revoke_key(_caller: Admin, key_id: str, workspace: WorkspaceDep) -> KeyOut:
    """Revoke a key immediately and permanently. A repetition changes nothing."""
    with workspace.database.writing() as session:
        key = api_keys.revoke_key(session, key_id, organisation_id=None, now=utc_now())
        organisation = session.get_one(Organisation, key.organisation_id)
    return _key_out(key, organisation.handle)


def _organisation_out(organisation: Organisation) -> OrganisationOut:
    return OrganisationOut(
        id=organisation.id,
        handle=organisation.handle,
        name=organisation.name,
        roles=organisation.roles,
        created_at=organisation.created_at,
        salt=organisation.salt,
    )


def _key_out(key: ApiKey, handle: str) -> KeyOut:
    return KeyOut(
        id=key.id,
        organisation=handle,
        label=key.label,
        scopes=key.scopes,
        created_at=key.created_at,
        revoked_at=key.revoked_at,
    )
