"""The listings of before that show a picture of a drop."""

import io
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import HTMLResponse, Response

from authcheck.files.csv_cells import CellWriter
from authcheck.listings.looking_back import MOST_FOUND, seen_listings
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.members.sessions import SignedIn
from authcheck.registry import design_search, drops
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from .designs_view import card_of
from .person import NeedsPerson, PersonRoute, acting
from .register import DropId, find_scene
from .render import render

COLUMNS = ("listing", "title", "marketplace", "seller", "territory", "listed_on", "price", "url")
router = APIRouter(
    route_class=PersonRoute, prefix="/register/{drop_id}/seen/{number}", include_in_schema=False
)
ReaderDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.LISTINGS, Right.READ)))]
Number = Annotated[str, Path(max_length=8)]


@router.get("")
def show(
    request: Request, signed_in: ReaderDep, workspace: WorkspaceDep, drop_id: DropId, number: Number
) -> HTMLResponse:
    """Show the listings that were handed in before the design was registered."""
    caller = acting(signed_in)
    card, rows = _read(workspace, caller, drop_id, number)
    return render(
        request,
        "designs/seen.html",
        drop=drop_id,
        number=number,
        card=card,
        rows=rows,
        most=MOST_FOUND,
        as_of=utc_now(),
    )


@router.get("/rows.csv")
def download(signed_in: ReaderDep, workspace: WorkspaceDep, drop_id: DropId, number: Number) -> Response:
    """Return these listings as CSV, safe to open in a spreadsheet."""
    _, rows = _read(workspace, acting(signed_in), drop_id, number)
    buffer = io.StringIO()
    writer = CellWriter(buffer)
    writer.write_row(COLUMNS)
    for row in rows:
        writer.write_row(row[column] for column in COLUMNS)
    headers = {"Content-Disposition": 'attachment; filename="seen.csv"', "Cache-Control": "no-store"}
    return Response(buffer.getvalue(), media_type="text/csv", headers=headers)


def _read(
    workspace: Workspace, caller: Principal, drop_id: str, number: str
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """Return the design of a file, and the listings that show it. Raises NotFound (`drop.not_found`)."""
    drop = find_scene(workspace, caller, drop_id).drop
    with workspace.database.reading() as session:
        file = drops.get_file(session, drop, int(number) if number.isdecimal() else 0)
        found = seen_listings(session, file, reach=caller.reach)
        ids = [str(file.design_id)]
        own = design_search.list_named(session, ids, owner_id=caller.organisation_id, reach=caller.reach)
    rows = [
        {
            "listing": listing.id,
            "title": listing.title or listing.reference,
            "marketplace": marketplace,
            "seller": listing.seller_name or listing.seller,
            "territory": listing.territory,
            "listed_on": listing.listed_on,
            "price": listing.price or "",
            "url": listing.url or "",
        }
        for listing, marketplace in found
    ]
    design = own.get(str(file.design_id))
    return card_of(design) if design else None, rows
