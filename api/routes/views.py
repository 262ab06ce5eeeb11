"""Endpoints of a design's pictures.

Only the owner adds, removes and sees them. The public sees a small preview.
"""

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool

from authcheck.errors import NotFound
from authcheck.members.principals import Principal
from authcheck.registry import designs
from authcheck.registry.registration import Registration
from authcheck.registry.tables import Design
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..callers import private_licences
from ..deps import DesignsReader, DesignsWriter, IfNoneMatch, KeyFirst, WorkspaceDep, public_read_limit
from ..etags import not_modified, picture_response
from ..openapi import MASKS, PICTURES, multipart, pictures_out
from ..previews import Previews, preview_etag
from ..uploads import TurnDep, UploadDep, take_place
from ..wire.designs import DesignOut
from .designs import compare_views, design_response, read_own_design

router = APIRouter(route_class=KeyFirst, prefix="/v1/designs/{design_id}", tags=["designs"])
MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
    "HEIC": "image/heic",
}
OWNER_CACHE = "private, max-age=31536000, immutable"
# Short, so that a preview disappears soon after its owner switches it off.
PREVIEW_CACHE = "public, max-age=300"


@router.post(
    "/views",
    status_code=201,
    response_model=DesignOut,
    openapi_extra=multipart(["image"], image=PICTURES, mask=MASKS),
)
def add_views(
    caller: DesignsWriter, design_id: str, upload: UploadDep, turn: TurnDep, workspace: WorkspaceDep
) -> Response:
    """Add pictures to a design.

    Pictures that the design already has change nothing. `mask` as in registration.
    """
    kind = _read_own_design(workspace, caller, design_id).kind
    upload.form.refuse_others("image", "mask")
    comparer = workspace.comparer()
    views = compare_views(upload, turn, workspace, comparer, caller.organisation_id, kind=kind)
    with private_licences(caller), workspace.database.writing() as session:
        registration = Registration(session, comparer, workspace.store, utc_now())
        design = read_own_design(session, caller, design_id)
        registration.add_views(design, views)
    workspace.describe_new()
    return design_response(_read_own_design(workspace, caller, design_id), 201)


@router.delete("/views/{sha256}", response_model=DesignOut)
def remove_view(caller: DesignsWriter, design_id: str, sha256: str, workspace: WorkspaceDep) -> Response:
    """Remove one picture from the search. The last picture stays: retire the design instead."""
    with workspace.database.writing() as session:
        design = read_own_design(session, caller, design_id)
        designs.remove_view(session, design, sha256, utc_now())
    return design_response(_read_own_design(workspace, caller, design_id))


@router.get("/views/{sha256}/picture", response_class=Response, responses=pictures_out("image/*"))
def show_view_picture(
    caller: DesignsReader,
    design_id: str,
    sha256: str,
    workspace: WorkspaceDep,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return the original bytes of one of your pictures."""
    design = _read_own_design(workspace, caller, design_id)
    view = next((view for view in design.views if view.picture_sha256 == sha256), None)
    if view is None:
        raise NotFound("The design has no such picture.", code="view.not_found")
    etag = f'"{sha256}"'
    if not_modified(if_none_match, etag):
        return Response(status_code=304, headers={"ETag": etag, "Cache-Control": OWNER_CACHE})
    media_type = MEDIA_TYPES[view.picture_format]
    filename = f"{sha256[:16]}.{media_type.removeprefix('image/')}"
    return picture_response(workspace.store.get(sha256), media_type, etag, OWNER_CACHE, filename)


@router.get(
    "/preview",
    response_class=Response,
    responses=pictures_out("image/jpeg"),
    dependencies=[Depends(public_read_limit)],
)
async def show_preview(
    design_id: str, request: Request, workspace: WorkspaceDep, if_none_match: IfNoneMatch = None
) -> Response:
    """Return a small picture of the design if its owner has switched on the public preview. Public."""
    design = await run_in_threadpool(_read_previewed_design, workspace, design_id)
    etag = preview_etag(design)
    if not_modified(if_none_match, etag):
        return Response(status_code=304, headers={"ETag": etag, "Cache-Control": PREVIEW_CACHE})
    previews: Previews = request.app.state.previews
    content = previews.get(design)
    if content is None:
        await take_place(request)  # a picture of any size is decoded
        content = await run_in_threadpool(previews.make, design, workspace)
    return picture_response(content, "image/jpeg", etag, PREVIEW_CACHE, f"{design.id}.jpg")


def _read_previewed_design(workspace: Workspace, design_id: str) -> Design:
    with workspace.database.reading() as session:
        return designs.get_previewed_design(session, design_id)


def _read_own_design(workspace: Workspace, caller: Principal, design_id: str) -> Design:
    with workspace.database.reading() as session:
        return read_own_design(session, caller, design_id)
