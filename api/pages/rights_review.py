"""The operator's page of rights that wait for a decision."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.orm import Session

from authcheck.errors import AuthcheckError
from authcheck.licences import design_rights as rights
from authcheck.licences.right_tables import DesignRight
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from ..documents import document_response
from .organisations import ReaderDep, WriterDep
from .person import FormDep, PersonRoute, go, problem_of, status_of
from .render import render
from .right_view import row_of

PAGE = 20
NOTICES = ("accepted", "refused")
router = APIRouter(route_class=PersonRoute, prefix="/rights", include_in_schema=False)


@router.get("")
def show(request: Request, _signed_in: ReaderDep, workspace: WorkspaceDep, notice: str = "") -> HTMLResponse:
    """Show the rights that wait, oldest first."""
    return _show(request, workspace, notice=notice if notice in NOTICES else None)


def _show(
    request: Request,
    workspace: Workspace,
    *,
    notice: str | None = None,
    error: AuthcheckError | None = None,
    at: str = "",
    typed: str = "",
) -> HTMLResponse:
    with workspace.database.reading() as session:
        rows = rights.list_rights(session, None, state=rights.IN_REVIEW, limit=PAGE)
        shown = [row_of(row) | {"rivals": _rivals_of(session, row)} for row in rows]
    field = "reason" if error and error.code == "right.reason" else ""
    return render(
        request,
        "people/rights.html",
        status=status_of(request, error) if error else 200,
        rights=shown,
        notice=notice,
        at=at,
        typed=typed,
        problem=problem_of(request, error, field, f"{at}-") if error else None,
    )


def _rivals_of(session: Session, row: DesignRight) -> list[dict[str, Any]]:
    """Return which other owners have named the same number."""
    return [
        {"owner": other.owner.name, "handle": other.owner.handle, "state": other.state}
        for other in rights.list_rivals(session, row)
    ]


@router.post("/{right_id}/accept")
def accept(
    request: Request,
    _signed_in: WriterDep,
    form: FormDep,  # noqa: ARG001 - refuses other sites
    workspace: WorkspaceDep,
    right_id: str,
) -> Response:
    """Accept a right."""
    return _decide(request, workspace, right_id, None)


@router.post("/{right_id}/refuse")
def refuse(
    request: Request, _signed_in: WriterDep, form: FormDep, workspace: WorkspaceDep, right_id: str
) -> Response:
    """Refuse a right with a reason."""
    return _decide(request, workspace, right_id, form.text("reason"))


def _decide(request: Request, workspace: Workspace, right_id: str, reason: str | None) -> Response:
    """Accept a right, or refuse it with a reason, and show those that still wait."""
    with workspace.database.reading() as session:
        rights.get_right(session, right_id)
    try:
        with workspace.database.writing() as session:
            row = rights.get_right(session, right_id)
            if reason is None:
                rights.accept(session, row, utc_now())
            else:
                rights.refuse(session, row, reason, utc_now())
            state = row.state
    except AuthcheckError as error:
        return _show(request, workspace, error=error, at=right_id, typed=(reason or "")[:600])
    return go(request, f"/rights?notice={state}")


@router.get("/{right_id}/document")
def document(_signed_in: ReaderDep, workspace: WorkspaceDep, right_id: str) -> Response:
    """Hand the document of a right out as a file to save."""
    with workspace.database.reading() as session:
        row = rights.get_right(session, right_id)
        return document_response(workspace, row, row.id)
