"""The operator's page of the organisations of this installation."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response

from authcheck.errors import AuthcheckError, NotFound
from authcheck.members import alikes, domains, organisations, people, standing
from authcheck.members.permissions import Resource, Right
from authcheck.members.sessions import SignedIn
from authcheck.members.tables import Organisation
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from .own_organisation import row_of
from .person import Form, FormDep, NeedsPerson, PersonRoute, go, problem_of, status_of
from .render import render

PAGE = 50
FIELDS = {"organisation.handle": "handle", "organisation.exists": "handle", "organisation.name": "name",
          "organisation.roles": "kinds"}  # fmt: skip
FIELDS_OF_ONE = {"organisation.reason": "reason", "organisation.alike": "despite"}
DECISIONS = {"refuse": standing.refuse, "suspend": standing.suspend}
router = APIRouter(route_class=PersonRoute, prefix="/organisations", include_in_schema=False)
ReaderDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.ORGANISATIONS, Right.READ)))]
WriterDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.ORGANISATIONS, Right.WRITE)))]
NOTICES = ("approved", "refused", "suspended")
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
        waiting = organisations.list_waiting(session, PAGE) if not after else []
    return render(
        request,
        "people/organisations.html",
        status=status_of(request, error) if error else 200,
        organisations=rows[:PAGE],
        waiting=waiting,
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


@router.get("/{handle}")
def show_one(
    request: Request, _signed_in: ReaderDep, workspace: WorkspaceDep, handle: str, notice: str = ""
) -> HTMLResponse:
    """Show what the operator should know before deciding about an organisation."""
    return _show_one(request, workspace, handle, notice=notice if notice in NOTICES else None)


def _show_one(
    request: Request,
    workspace: Workspace,
    handle: str,
    *,
    notice: str | None = None,
    error: AuthcheckError | None = None,
    at: str = "",
    typed: str = "",
) -> HTMLResponse:
    with workspace.database.reading() as session:
        organisation = organisations.get_organisation(session, handle)
        rows = domains.list_domains(session, organisation.id)
        shown = [row_of(row) | {"others": domains.find_other_owners(session, row)} for row in rows]
        members = people.list_members(session, organisation.id)
        admins = [member.person.email for member in members if "admin" in member.roles]
        found = alikes.find_alike(session, organisation)
    return render(
        request,
        "people/organisation.html",
        status=status_of(request, error) if error else 200,
        organisation=organisation,
        domains=shown,
        admins=admins,
        alikes=found,
        notice=notice,
        at=at,
        typed=typed,
        problem=problem_of(request, error, FIELDS_OF_ONE.get(error.code, ""), f"{at}-") if error else None,
    )


def _decide(request: Request, workspace: Workspace, handle: str, act: str, typed: str) -> Response:
    """Carry out a decision about an organisation, and show the organisation again."""
    try:
        with workspace.database.writing() as session:
            row: Organisation = organisations.get_organisation(session, handle)
            if act == "approve":
                standing.approve(session, row, now=utc_now(), despite=typed)
            else:
                DECISIONS[act](session, row, typed, now=utc_now())
    except NotFound:
        raise
    except AuthcheckError as error:
        return _show_one(request, workspace, handle, error=error, at=act, typed=typed[:600])
    return go(request, f"/organisations/{row.handle}?notice={row.state}")


@router.post("/{handle}/approve")
def approve(
    request: Request, _signed_in: WriterDep, form: FormDep, workspace: WorkspaceDep, handle: str
) -> Response:
    """Make an organisation a member, or let it act again."""
    return _decide(request, workspace, handle, "approve", form.text("despite"))


@router.post("/{handle}/refuse")
def refuse(
    request: Request, _signed_in: WriterDep, form: FormDep, workspace: WorkspaceDep, handle: str
) -> Response:
    """Refuse an application with a reason."""
    return _decide(request, workspace, handle, "refuse", form.text("reason"))


@router.post("/{handle}/suspend")
def suspend(
    request: Request, _signed_in: WriterDep, form: FormDep, workspace: WorkspaceDep, handle: str
) -> Response:
    """Take from a member the right to act, with a reason."""
    return _decide(request, workspace, handle, "suspend", form.text("reason"))
