"""The page on which a buyer tells a brand that something is wrong with a label or its item."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response

from authcheck.errors import AuthcheckError
from authcheck.ids import show_code
from authcheck.lookups import units
from authcheck.lookups.units import Unit
from authcheck.scans.reported import CLAIMS, report_label
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import RatesDep, WorkspaceDep
from .person import FormDep, PersonRoute, problem_of, status_of
from .render import render

router = APIRouter(route_class=PersonRoute, include_in_schema=False)
Code = Annotated[str, Path(max_length=64)]


@router.get("/c/{code}/report")
def show(request: Request, code: Code, workspace: WorkspaceDep) -> HTMLResponse:
    """Show the form."""
    return _page(request, _find(workspace, code))


@router.post("/c/{code}/report")
def send(request: Request, code: Code, form: FormDep, workspace: WorkspaceDep, rates: RatesDep) -> Response:
    """Alert the brand. The field `claim` says what is wrong. We keep nothing about the buyer."""
    unit = _find(workspace, code)
    try:
        rates.count(rates.public_reports, rates.client(request), request)
        with workspace.database.writing() as session:
            report_label(session, unit.id, form.text("claim"), utc_now())
    except AuthcheckError as error:
        return _page(request, unit, error)
    return _page(request, unit, is_sent=True)


def _find(workspace: Workspace, code: str) -> Unit:
    """Return the unit. Raises NotFound (`certificate.not_found`)."""
    with workspace.database.reading_rows() as connection:
        return units.find_by_code(connection, code)


def _page(
    request: Request, unit: Unit, error: AuthcheckError | None = None, *, is_sent: bool = False
) -> HTMLResponse:
    return render(
        request,
        "label/report.html",
        status=200 if error is None else status_of(request, error),
        unit=unit,
        code=show_code(unit.code),
        claims=CLAIMS,
        is_sent=is_sent,
        problem=None if error is None else problem_of(request, error, "claim"),
    )
