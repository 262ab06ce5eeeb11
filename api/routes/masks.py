"""Endpoints of foreground masks, which say which part of a registered picture is the design.

Only for its owner.
"""

import hashlib

from fastapi import APIRouter, Response

from authcheck.errors import Rejected
from authcheck.members.principals import Principal
from authcheck.registry import masking
from authcheck.registry.features import Masking
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import DesignsReader, DesignsWriter, IfNoneMatch, KeyFirst, WorkspaceDep
from ..etags import not_modified, picture_response
from ..openapi import MASK_WORD, PICTURE, multipart, pictures_out
from ..uploads import UploadDep
from ..wire.designs import DesignOut
from .designs import design_response, read_own_design

router = APIRouter(
    route_class=KeyFirst, prefix="/v1/designs/{design_id}/views/{sha256}/mask", tags=["designs"]
)
# The owner may replace a mask at any time, so browsers must compare the ETag.
OWNER_CACHE = "private, no-cache"


@router.put(
    "",
    response_model=DesignOut,
    openapi_extra=multipart(["mask"], mask={"oneOf": [MASK_WORD, PICTURE]}),
)
def put_mask(
    caller: DesignsWriter, design_id: str, sha256: str, upload: UploadDep, workspace: WorkspaceDep
) -> Response:
    """Replace the mask of a picture. `mask` is a picture file, white on the design, or `auto`, or `none`.

    The mask affects only the comparison by local features. Earlier checks keep their answers.
    """
    upload.form.refuse_others("mask")
    masks = upload.masks(1)
    if not masks:
        raise Rejected("The field mask must be auto, none or a picture file.", code="request.masks")
    return _change_mask(workspace, caller, design_id, sha256, masks[0])


@router.delete("", response_model=DesignOut)
def drop_mask(caller: DesignsWriter, design_id: str, sha256: str, workspace: WorkspaceDep) -> Response:
    """Remove the mask, so that the whole picture is the design."""
    return _change_mask(workspace, caller, design_id, sha256, "none")


@router.get("", response_class=Response, responses=pictures_out("image/png"))
def show_mask(
    caller: DesignsReader,
    design_id: str,
    sha256: str,
    workspace: WorkspaceDep,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return the current mask: a PNG with one bit per pixel and the aspect ratio of the picture.

    White is the design.
    """
    with workspace.database.reading() as session:
        design = read_own_design(session, caller, design_id)
        mask = masking.get_mask(session, design, sha256)
    etag = f'"{hashlib.sha256(mask).hexdigest()[:32]}"'
    if not_modified(if_none_match, etag):
        return Response(status_code=304, headers={"ETag": etag, "Cache-Control": OWNER_CACHE})
    return picture_response(mask, "image/png", etag, OWNER_CACHE, f"{sha256[:16]}-mask.png")


def _change_mask(
    workspace: Workspace, caller: Principal, design_id: str, sha256: str, new_masking: Masking
) -> Response:
    masking.change_mask(
        workspace.database,
        workspace.store,
        workspace.limits,
        design_id=design_id,
        picture_sha256=sha256,
        masking=new_masking,
        now=utc_now(),
        owner_id=caller.organisation_id,
        reach=caller.reach,
    )
    with workspace.database.reading() as session:
        return design_response(read_own_design(session, caller, design_id))
