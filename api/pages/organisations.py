"""The operator's page of the organisations of this installation."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response

from authcheck.errors import AuthcheckError
from authcheck.members import organisations
from authcheck.members.permissions import Resource, Right
from authcheck.members.sessions import SignedIn
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from .person import Form, FormDep, NeedsPerson, PersonRoute, go, problem_of, status_of
from .render import render

PAGE = 50
FIELDS = {"organisation.handle": "handle", "organisation.exists": "handle", "organisation.name": "name",
          "organisation.roles": "kinds"}  # fmt: skip
router = APIRouter(route_class=PersonRoute, prefix="/organisations", include_in_schema=False)
ReaderDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.ORGANISATIONS, Right.READ)))]
WriterDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.ORGANISATIONS, Right.WRITE)))]
After = Annotated[str, Query(max_length=40, pattern=r"^[A-Za-z0-9_-]*$")]


@router.get("")
def show(request: Request, _signed_in: ReaderDep, workspace: WorkspaceDep, after: After = "") -> HTMLResponse:
    """List the organisations, newest last, with a link to the people of each."""
    return _show(request, workspace, after=after)


def _show(
    request: Request,
    workspace: Workspace,
    *,
    after: str = "",
    error: AuthcheckError | None = None,
    form: Form | None = None,
) -> HTMLResponse:
    typed: dict[str, Any] = {"handle": "", "name": "", "kinds": []}
    if form is not None:
        texts = {name: form.text(name)[:300] for name in ("handle", "name")}
        typed = {**texts, "kinds": form.texts("kinds")}
    with workspace.database.reading() as session:
        rows = organisations.list_organisations(session, after=after, limit=PAGE + 1)
    return render(
        request,
        "people/organisations.html",
        status=status_of(request, error) if error else 200,
        organisations=rows[:PAGE],
        next_after=rows[PAGE - 1].id if len(rows) > PAGE else None,
        all_kinds=organisations.ROLES,
        typed=typed,
        problem=problem_of(request, error, FIELDS.get(error.code, ""), "add-") if error else None,
    )


@router.post("")
def add(request: Request, _signed_in: WriterDep, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Add an organisation, and go on to the invitation of its first person."""
    try:
        with workspace.database.writing() as session:
            organisation = organisations.create_organisation(
                session,
                handle=form.text("handle"),
                name=form.text("name"),
                roles=form.texts("kinds"),
                now=utc_now(),
            )
    except AuthcheckError as error:
        return _show(request, workspace, error=error, form=form)
    return go(request, f"/people?organisation={organisation.handle}&notice=organisation_added")
