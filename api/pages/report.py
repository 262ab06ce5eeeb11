"""The page on which a buyer reports a listing, and the receipt that says how far the report has come."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response

from authcheck.cases import buyer_reports
from authcheck.cases.buyer_reports import ADDRESS_CHARS, CLAIMS, WORDS_CHARS, NewReport
from authcheck.errors import AuthcheckError
from authcheck.storage.opening import utc_now

from ..deps import RatesDep, WorkspaceDep
from .person import Form, FormDep, PersonRoute, go, problem_of, status_of
from .render import render

FIELDS = {"report.claim": "claim", "report.words": "words", "report.address": "address"}
FIELDS |= {"report.not_found": "address"}
router = APIRouter(route_class=PersonRoute, prefix="/report", include_in_schema=False)


@router.get("")
def show(request: Request) -> HTMLResponse:
    """Show the form."""
    return _form(request, Form([]))


@router.post("")
def send(request: Request, form: FormDep, workspace: WorkspaceDep, rates: RatesDep) -> Response:
    """Store the report and lead to its receipt. A wrong field stops nothing that was typed."""
    try:
        rates.count(rates.public_reports, rates.client(request), request)
        new = NewReport(
            claim=form.text("claim"),
            address=form.text("address"),
            words=form.text("words").replace("\r\n", "\n"),
        )
        with workspace.database.writing() as session:
            row = buyer_reports.report(workspace, session, new, utc_now())
    except AuthcheckError as error:
        return _form(request, form, error)
    return go(request, f"/report/{row.id}")


@router.get("/{report_id}")
def receipt(
    request: Request, report_id: Annotated[str, Path(max_length=40)], workspace: WorkspaceDep
) -> HTMLResponse:
    """Show how far a report has come."""
    with workspace.database.reading() as session:
        row = buyer_reports.get_report(session, report_id)
        return render(
            request,
            "report/receipt.html",
            id=row.id,
            stage=buyer_reports.stage_of_report(row).value,
            claim=row.claim,
            at=row.reported_at,
        )


def _form(request: Request, form: Form, error: AuthcheckError | None = None) -> HTMLResponse:
    return render(
        request,
        "report/report.html",
        status=200 if error is None else status_of(request, error),
        claims=CLAIMS,
        claim=form.text("claim"),
        offer=form.text("address")[:ADDRESS_CHARS],
        words=form.text("words")[: 2 * WORDS_CHARS],
        most_words=WORDS_CHARS,
        problem=None if error is None else problem_of(request, error, FIELDS.get(error.code, "")),
    )
