"""Endpoints of API keys: an admin manages those of the own organisation, the operator those of all."""

from typing import Annotated

from fastapi import APIRouter, Query

from authcheck.members import api_keys
from authcheck.members.permissions import Resource, Right
from authcheck.members.tables import ApiKey, Organisation
from authcheck.storage.opening import utc_now

from ..deps import KeyFirst, PeopleReader, PeopleWriter, WorkspaceDep
from ..managed import managed_organisation
from ..paging import PagingDep
from ..wire.forms import Page, Text
from ..wire.members import KeyIn, KeyOut, NewKeyOut

router = APIRouter(route_class=KeyFirst, prefix="/v1/keys", tags=["accounts"])
Handle = Annotated[Text | None, Query(max_length=64, description="Handle. Default: your own organisation.")]


@router.post("", status_code=201)
def create_key(caller: PeopleWriter, body: KeyIn, workspace: WorkspaceDep) -> NewKeyOut:
    """Make an API key. Only this answer has the token. A key cannot allow more than its maker may do."""
    with workspace.database.writing() as session:
        organisation = managed_organisation(session, caller, body.organisation, Right.WRITE)
        key, token = api_keys.create_key(
            session,
            organisation,
            label=body.label,
            scopes=body.scopes,
            now=utc_now(),
            maker=None if caller.may(Resource.ORGANISATIONS, Right.WRITE) else caller.grants,
        )
    return NewKeyOut(**_key_out(key, organisation.handle).model_dump(), token=token)


@router.get("")
def list_keys(
    caller: PeopleReader, workspace: WorkspaceDep, paging: PagingDep, organisation: Handle = None
) -> Page[KeyOut]:
    """List the keys of an organisation, oldest first. Includes revoked keys."""
    with workspace.database.reading() as session:
        member = managed_organisation(session, caller, organisation, Right.READ)
        rows = api_keys.list_keys(session, member.id, after=paging.after, limit=paging.fetch)
        return paging.page(rows, lambda key: _key_out(key, member.handle))


@router.delete("/{key_id}")
def revoke_key(caller: PeopleWriter, key_id: str, workspace: WorkspaceDep) -> KeyOut:
    """Revoke a key immediately and permanently. A repetition changes nothing."""
    is_operator = caller.may(Resource.ORGANISATIONS, Right.WRITE)
    with workspace.database.writing() as session:
        key = api_keys.revoke_key(
            session,
            key_id,
            organisation_id=None if is_operator else caller.organisation_id,
            now=utc_now(),
        )
        organisation = session.get_one(Organisation, key.organisation_id)
    return _key_out(key, organisation.handle)


def _key_out(key: ApiKey, handle: str) -> KeyOut:
    return KeyOut(
        id=key.id,
        organisation=handle,
        label=key.label,
        scopes=key.scopes,
        created_at=key.created_at,
        used_at=key.used_at,
        revoked_at=key.revoked_at,
    )
