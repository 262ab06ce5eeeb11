"""Endpoints of rights in designs: owners name them, the operator decides."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from authcheck.errors import Rejected
from authcheck.files.documents import read_document
from authcheck.ids import fold
from authcheck.licences import design_rights as rights
from authcheck.licences.codes import read_classes
from authcheck.licences.design_rights import NewRight
from authcheck.licences.written import read_day
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.registry.design_names import find_id
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import DesignsWriter, DisputesReader, DisputesRuler, KeyFirst, WorkspaceDep
from ..documents import document_response
from ..openapi import PICTURE, multipart
from ..paging import PagingDep
from ..uploads import UploadDep
from ..wire.forms import Page
from ..wire.rights import RightDecisionIn, RightOut, right_out
from .designs import read_own_design

FIELDS = ("kind", "number", "office", "territories", "classes", "expires_on", "document")
TEXT = {"type": "string"}
State = Literal["in_review", "accepted", "refused", "withdrawn"]
router = APIRouter(route_class=KeyFirst, prefix="/v1", tags=["rights"])


@router.post(
    "/designs/{design_id}/rights",
    status_code=201,
    openapi_extra=multipart(["kind", "territories"], **dict.fromkeys(FIELDS[:-1], TEXT), document=PICTURE),
)
def add_right(caller: DesignsWriter, design_id: str, upload: UploadDep, workspace: WorkspaceDep) -> RightOut:
    """Name a right in a design. It waits for the operator.

    `kind` is copyright, trade_mark, registered_design or design_patent. `territories` are countries with
    commas between, `classes` Nice classes, `expires_on` a day. `document` is a PDF, PNG or JPEG of at most 10
    MB without scripts, which the operator compares with number and office.
    """
    form = upload.form
    form.refuse_others(*FIELDS)
    day = form.text("expires_on").strip()
    new = NewRight(
        kind=form.text("kind").strip(),
        territories=[
            text for text in fold(form.text("territories")).replace(";", ",").split(",") if text.strip()
        ],
        number=form.text("number"),
        office=form.text("office"),
        classes=read_classes(form.text("classes"), error_code="right.classes"),
        expires_on=read_day(day, error_code="right.day") if day else None,
    )
    files = form.files("document")
    if len(files) > 1:
        raise Rejected("Send one document.", code="document.several")
    document = read_document(form.bytes_of(files[0])) if files else None
    now = utc_now()
    with workspace.database.writing() as session:
        row = rights.add(session, read_own_design(session, caller, design_id), new, document, now)
        if document is not None:
            workspace.documents.put(document.data)
        right_id = row.id
    return _read(workspace, caller, right_id, owner_id=caller.organisation_id)


def _read(workspace: Workspace, caller: Principal, right_id: str, *, owner_id: str | None) -> RightOut:
    with workspace.database.reading() as session:
        row = rights.get_right(session, right_id, owner_id=owner_id, reach=caller.reach)
        return right_out(row, utc_now().date())


@router.get("/rights")
def list_rights(
    caller: DisputesReader,
    workspace: WorkspaceDep,
    paging: PagingDep,
    *,
    state: Annotated[State | None, Query(description="Only rights in this state.")] = None,
    design: Annotated[str | None, Query(max_length=200, description="Only rights in this design.")] = None,
) -> Page[RightOut]:
    """List your rights, oldest first. The operator sees the rights of all owners."""
    today = utc_now().date()
    with workspace.database.reading() as session:
        rows = rights.list_rights(
            session,
            _owner_id(caller),
            design_id=find_id(session, caller.organisation_id, design, caller.reach) if design else None,
            state=state,
            after=paging.after,
            limit=paging.fetch,
            reach=caller.reach,
        )
        return paging.page(rows, lambda row: right_out(row, today))


@router.get("/rights/{right_id}")
def show_right(caller: DisputesReader, right_id: str, workspace: WorkspaceDep) -> RightOut:
    """Return one of your rights. The operator may read every right."""
    return _read(workspace, caller, right_id, owner_id=_owner_id(caller))


@router.get(
    "/rights/{right_id}/document",
    response_class=Response,
    responses={200: {"description": "The document, to save.", "content": {"application/octet-stream": {}}}},
)
def show_right_document(caller: DisputesReader, right_id: str, workspace: WorkspaceDep) -> Response:
    """Return the document of a right as a file to save. Browsers do not open it on our address."""
    with workspace.database.reading() as session:
        row = rights.get_right(session, right_id, owner_id=_owner_id(caller), reach=caller.reach)
        return document_response(workspace, row, row.id)


@router.post("/rights/{right_id}/decision")
def decide_right(
    caller: DisputesRuler, right_id: str, body: RightDecisionIn, workspace: WorkspaceDep
) -> RightOut:
    """Accept a right, or refuse it with a reason, as the operator."""
    with workspace.database.writing() as session:
        row = rights.get_right(session, right_id)
        if body.decision == "accept":
            rights.accept(session, row, utc_now())
        else:
            rights.refuse(session, row, body.reason, utc_now())
    return _read(workspace, caller, right_id, owner_id=None)


@router.delete("/rights/{right_id}")
def withdraw_right(caller: DesignsWriter, right_id: str, workspace: WorkspaceDep) -> RightOut:
    """Take a right back. A repetition changes nothing."""
    owner_id = caller.organisation_id
    with workspace.database.writing() as session:
        row = rights.get_right(session, right_id, owner_id=owner_id, reach=caller.reach)
        rights.withdraw(session, row, utc_now())
    return _read(workspace, caller, right_id, owner_id=owner_id)


def _owner_id(caller: Principal) -> str | None:
    """Return whose rights the caller reads: the operator (None) those of everybody."""
    return None if caller.may(Resource.DISPUTES, Right.DECIDE) else caller.organisation_id
