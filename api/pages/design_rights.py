"""The page of the rights in a design: name one with its document, read the decision, withdraw."""

import re

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from authcheck.cases.notice_rights import count_notices
from authcheck.errors import AuthcheckError
from authcheck.files.documents import read_document
from authcheck.ids import fold
from authcheck.licences import design_rights as rights
from authcheck.licences.codes import read_classes
from authcheck.licences.design_rights import NewRight
from authcheck.licences.written import read_day
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.members.sessions import SignedIn
from authcheck.registry.designs import get_design
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from ..documents import document_response
from .designs import DesignId, ReaderDep, WriterDep
from .person import FormDep, PersonRoute, acting, go, problem_of, status_of
from .render import render
from .right_view import row_of
from .sent_files import Sent, SentDep

NOTICES = ("added", "withdrawn")
FIELDS = ("kind", "number", "office", "territories", "classes", "expires_on")
FIELD_OF = {"right.kind": "kind", "right.number": "number", "right.office": "office",
            "right.taken": "number", "right.exists": "number", "right.territory": "territories",
            "right.classes": "classes", "right.day": "expires_on", "right.expired": "expires_on",
            "document": "document", "request": "document"}  # fmt: skip
EMPTY = dict.fromkeys(FIELDS, "") | {"kind": "copyright"}
router = APIRouter(route_class=PersonRoute, prefix="/designs/{design_id}/rights", include_in_schema=False)


@router.get("")
def show(
    request: Request, signed_in: ReaderDep, workspace: WorkspaceDep, design_id: DesignId, notice: str = ""
) -> HTMLResponse:
    """Show the rights in a design."""
    return _show(request, signed_in, workspace, design_id, notice=notice if notice in NOTICES else None)


def _show(
    request: Request,
    signed_in: SignedIn,
    workspace: Workspace,
    design_id: str,
    *,
    notice: str | None = None,
    error: AuthcheckError | None = None,
    typed: dict[str, str] = EMPTY,
) -> HTMLResponse:
    caller = acting(signed_in)
    owner_id, reach = caller.organisation_id, caller.reach
    with workspace.database.reading() as session:
        design = get_design(session, design_id, owner_id=owner_id, reach=reach)
        rows = rights.list_rights(session, owner_id, design_id=design.id, reach=reach)
        uses = count_notices(session, [row.id for row in rows])
        shown = [row_of(row) | {"notices": uses.get(row.id, 0)} for row in rows]
    family = error.code.partition(".")[0] if error else ""
    field = FIELD_OF.get(error.code, FIELD_OF.get(family, "")) if error else ""
    return render(
        request,
        "designs/rights.html",
        status=status_of(request, error) if error else 200,
        design={"id": design.id, "title": design.title or design.reference},
        rights=shown,
        kinds=rights.KINDS,
        may_write=caller.may(Resource.DESIGNS, Right.WRITE) and design.state != "retired",
        typed=typed,
        notice=notice,
        problem=problem_of(request, error, field) if error else None,
    )


@router.post("")
def add(
    request: Request, signed_in: WriterDep, sent: SentDep, workspace: WorkspaceDep, design_id: DesignId
) -> Response:
    """Name a right."""
    typed = {name: sent.text(name)[:300] for name in FIELDS}
    try:
        _add(workspace, acting(signed_in), design_id, sent)
    except AuthcheckError as error:
        return _show(request, signed_in, workspace, design_id, error=error, typed=typed)
    return go(request, f"/designs/{design_id}/rights?notice=added")


def _add(workspace: Workspace, caller: Principal, design_id: str, sent: Sent) -> None:
    form, day = sent.whole(), sent.text("expires_on").strip()
    owner_id, reach, now = caller.organisation_id, caller.reach, utc_now()
    new = NewRight(
        kind=sent.text("kind"),
        territories=[name for name in re.split("[,;]", fold(sent.text("territories"))) if name.strip()],
        number=sent.text("number"),
        office=sent.text("office"),
        classes=read_classes(sent.text("classes"), error_code="right.classes"),
        expires_on=read_day(day, error_code="right.day") if day else None,
    )
    part = next((part for part in form.files("document") if part.size_bytes), None)
    document = read_document(form.bytes_of(part)) if part else None
    with workspace.database.writing() as session:
        design = get_design(session, design_id, owner_id=owner_id, reach=reach)
        rights.add(session, design, new, document, now)
        if document is not None:
            workspace.documents.put(document.data)


@router.post("/withdraw")
def withdraw(
    request: Request, signed_in: WriterDep, form: FormDep, workspace: WorkspaceDep, design_id: DesignId
) -> Response:
    """Take a right back."""
    caller = acting(signed_in)
    with workspace.database.writing() as session:
        row = rights.get_right(
            session, form.text("right"), owner_id=caller.organisation_id, reach=caller.reach
        )
        rights.withdraw(session, row, utc_now())
    return go(request, f"/designs/{design_id}/rights?notice=withdrawn")


@router.get("/{right_id}/document")
def document(signed_in: ReaderDep, workspace: WorkspaceDep, design_id: DesignId, right_id: str) -> Response:  # noqa: ARG001 - of the address
    """Hand the document of a right out as a file to save."""
    caller = acting(signed_in)
    with workspace.database.reading() as session:
        row = rights.get_right(session, right_id, owner_id=caller.organisation_id, reach=caller.reach)
        return document_response(workspace, row, row.id)
