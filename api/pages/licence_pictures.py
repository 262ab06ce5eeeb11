"""The picture of a licensed design, for the two parties of its licence."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from authcheck.licences.pictured import pictured_design
from authcheck.members.principals import Principal
from authcheck.registry.designs import get_design
from authcheck.registry.tables import Design
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from ..previews import Previews
from ..uploads import take_place
from .licences import LicencesReaderDep
from .person import PersonRoute, acting

router = APIRouter(route_class=PersonRoute, include_in_schema=False)
Key = Annotated[str, Query(max_length=40)]


@router.get("/licences/picture")
async def show_picture(
    request: Request,
    signed_in: LicencesReaderDep,
    workspace: WorkspaceDep,
    licence: Key = "",
    design: Key = "",
) -> Response:
    """Return a small picture of a design that a licence names, while the licence is in force or may be."""
    caller = acting(signed_in)
    pictured = await run_in_threadpool(_read, workspace, caller, licence, design)
    previews: Previews = request.app.state.previews
    preview = previews.get(pictured)
    if preview is None:
        request.state.principal = caller  # whose place it takes
        await take_place(request)
        preview = await run_in_threadpool(previews.make, pictured, workspace)
    # No browser keeps it: the wall is asked each time.
    return Response(preview, media_type="image/jpeg", headers={"Cache-Control": "private, no-store"})


def _read(workspace: Workspace, caller: Principal, licence_id: str, design_id: str) -> Design:
    with workspace.database.reading() as session:
        seen = pictured_design(
            session,
            licence_id,
            design_id,
            organisation_id=caller.organisation_id,
            reach=caller.reach,
            today=utc_now().date(),
        )
        return get_design(session, seen.id)
