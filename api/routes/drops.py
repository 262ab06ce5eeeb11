"""Endpoints of drops: what became of the files that people of your organisation have sent in the browser."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy.orm import Session

from authcheck.listings.looking_back import seen_listings
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.registry import drops
from authcheck.registry.import_tables import Drop, DropFile

from ..deps import DesignsReader, KeyFirst, ListingsReader, WorkspaceDep
from ..paging import PagingDep
from ..wire.drops import DropFileOut, FileState, SeenListingOut, drop_file_out, seen_listing_out
from ..wire.forms import Page

router = APIRouter(route_class=KeyFirst, prefix="/v1/drops/{drop_id}/files", tags=["imports"])
Number = Annotated[int, Path(ge=0, le=1_000_000, description="`number` of the file.")]


@router.get("")
def list_drop_files(
    caller: DesignsReader,
    drop_id: str,
    workspace: WorkspaceDep,
    paging: PagingDep,
    state: Annotated[list[FileState] | None, Query(max_length=10, description="One or more states.")] = None,
) -> Page[DropFileOut]:
    """List the files of a drop in the order of their arrival, with what became of each."""
    may_see = caller.may(Resource.LISTINGS, Right.READ) and caller.reach.territories is None
    with workspace.database.reading() as session:
        drop = _own_drop(session, caller, drop_id)
        after = int(paging.after) if paging.after.isdecimal() and len(paging.after) < 8 else 0  # noqa: PLR2004
        rows = drops.list_files(session, drop.id, states=state or (), after=after, limit=paging.fetch)
    return paging.page(rows, lambda row: drop_file_out(row, may_see=may_see), key=_number_of)


def _number_of(file: DropFile) -> str:
    return str(file.number)


@router.get("/{file_id}/listings")
def list_seen_listings(
    caller: ListingsReader, drop_id: str, file_id: Number, workspace: WorkspaceDep
) -> list[SeenListingOut]:
    """List the listings, at most 50, that showed the picture when you registered it.

    A marketplace handed them in before. That is no verdict: the picture was there first.
    """
    with workspace.database.reading() as session:
        file = drops.get_file(session, _own_drop(session, caller, drop_id), file_id)
        found = seen_listings(session, file, reach=caller.reach)
    return [seen_listing_out(listing, marketplace) for listing, marketplace in found]


def _own_drop(session: Session, caller: Principal, drop_id: str) -> Drop:
    return drops.get_drop(session, drop_id, organisation_id=caller.organisation_id, reach=caller.reach)
