"""Endpoints of negative pictures: backdrops and frames that are no evidence for designs of their owner."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from authcheck.errors import Rejected
from authcheck.registry import negatives
from authcheck.storage.opening import utc_now

from ..deps import DesignsReader, DesignsWriter, KeyFirst, WorkspaceDep
from ..openapi import PICTURE, multipart
from ..uploads import UploadDep
from ..wire.designs import NegativeOut, negative_out
from ..wire.forms import Page

router = APIRouter(route_class=KeyFirst, prefix="/v1/negatives", tags=["designs"])


@router.post(
    "",
    status_code=201,
    openapi_extra=multipart(["image"], image=PICTURE, label={"type": "string"}),
)
def add_negative(caller: DesignsWriter, upload: UploadDep, workspace: WorkspaceDep) -> NegativeOut:
    """Add a picture of a background or frame. Checks ignore its content when they search for your designs.

    It has no effect on designs of other owners. A repetition changes nothing.
    """
    upload.form.refuse_others("image", "label")
    pictures = upload.pictures()
    if len(pictures) > 1:
        raise Rejected(
            "The body has several pictures. Send one picture per request.", code="request.two_images"
        )
    label = upload.form.text("label").strip() or pictures[0].name[: negatives.LABEL_CHARS]
    caller.reach.require_all_designs()  # a backdrop hides its content from the checks of all designs
    picture = negatives.read_negative(pictures[0].data, workspace.limits)
    with workspace.database.writing() as session:
        row = negatives.add_negative(
            session, workspace.store, picture, owner_id=caller.organisation_id, label=label, now=utc_now()
        )
    return negative_out(row)


@router.get("")
def list_negatives(caller: DesignsReader, workspace: WorkspaceDep) -> Page[NegativeOut]:
    """List all your negative pictures on one page, oldest first."""
    with workspace.database.reading() as session:
        rows = negatives.list_negatives(session, owner_id=caller.organisation_id, reach=caller.reach)
    return Page(items=[negative_out(row) for row in rows], next=None)


@router.delete("/{number}", status_code=204)
def remove_negative(
    caller: DesignsWriter, number: Annotated[int, Path(ge=1, lt=2**53)], workspace: WorkspaceDep
) -> Response:
    """Remove a negative picture. Checks use its content again."""
    with workspace.database.writing() as session:
        negatives.remove_negative(session, number, owner_id=caller.organisation_id, reach=caller.reach)
    return Response(status_code=204)
