"""An owner's negative pictures: backdrops and frames whose content is never evidence for that owner's designs."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from authcheck.errors import Rejected
from authcheck.registry import negatives
from authcheck.storage.opening import utc_now

from ..deps import DesignsWriter, WorkspaceDep
from ..openapi import PICTURE, multipart
from ..uploads import UploadDep
from ..wire.designs import NegativeOut, negative_out
from ..wire.forms import Page

router = APIRouter(prefix="/v1/negatives", tags=["designs"])


@router.post(
    "",
    status_code=201,
    openapi_extra=multipart(["image"], image=PICTURE, label={"type": "string"}),
)
def add_negative(caller: DesignsWriter, upload: UploadDep, workspace: WorkspaceDep) -> NegativeOut:
    """Add a picture of a ground or frame that your designs are not to be found by; the same again changes nothing.

    It counts for your own designs alone.
    """
    upload.form.refuse_others("image", "label")
    pictures = upload.pictures()
    if len(pictures) > 1:
        raise Rejected("One request adds one picture; the body has several.", code="request.two_images")
    label = upload.form.text("label").strip() or pictures[0].name[: negatives.LABEL_CHARS]
    read = negatives.read_negative(pictures[0].data, workspace.limits)
    with workspace.database.writing() as session:
        made = negatives.add_negative(
            session, workspace.store, read, owner_id=caller.organisation_id, label=label, now=utc_now()
        )
    return negative_out(made)


@router.get("")
def list_negatives(caller: DesignsWriter, workspace: WorkspaceDep) -> Page[NegativeOut]:
    """Your negative pictures, first added first: all of them, on one page."""
    with workspace.database.reading() as session:
        found = negatives.list_negatives(session, owner_id=caller.organisation_id)
    return Page(items=[negative_out(negative) for negative in found], next=None)


@router.delete("/{number}", status_code=204)
def remove_negative(
    caller: DesignsWriter, number: Annotated[int, Path(ge=1, lt=2**53)], workspace: WorkspaceDep
) -> Response:
    """Let a picture's content count again."""
    with workspace.database.writing() as session:
        negatives.remove_negative(session, number, owner_id=caller.organisation_id)
    return Response(status_code=204)
