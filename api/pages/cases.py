"""The pages of a marketplace's moderators: the queue, and the review of a case."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel
from sqlalchemy.orm import Session

from authcheck.cases import leases
from authcheck.cases.listing import get_case
from authcheck.cases.states import State
from authcheck.errors import AuthcheckError
from authcheck.members.permissions import Resource, Right
from authcheck.members.sessions import SignedIn
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..case_places import CasePlaces
from ..deps import IfNoneMatch, WorkspaceDep
from ..etags import not_modified, picture_response
from ..i18n import language_of
from . import case_pictures
from .case_deciding import deciding_of, undo_of
from .case_queue import neighbours_of, queue_of
from .case_view import Desk, whole_case
from .person import FormDep, NeedsPerson, PersonRoute, acting, go, problem_of, status_of
from .render import render

DONE = ("skipped", "escalated", "asked")  # what was done with the case before this page
NOTICES = ("none", "closed", *DONE)
CASE_NOTICES = ("taken", "undone", "reversed", "answered", *DONE)

CasesReaderDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.CASES, Right.READ)))]
CasesDeciderDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.CASES, Right.DECIDE)))]
MOST_SEARCHED = 200
MOST_DIGITS = 5


class QueueQuery(BaseModel):
    """What the address of the queue asks for. Values that we do not know are ignored."""

    state: str = State.OPEN
    q: str = ""
    notice: str = ""
    decided: str = ""
    left: str = ""


class CaseQuery(BaseModel):
    """What the address of a case asks for: a listing, what was done, and a decision that can be undone."""

    listing: str = ""
    notice: str = ""
    decided: str = ""
    left: str = ""


router = APIRouter(route_class=PersonRoute, prefix="/cases", include_in_schema=False)


@router.get("")
def show_queue(
    request: Request,
    signed_in: CasesReaderDep,
    workspace: WorkspaceDep,
    query: Annotated[QueueQuery, Query()],
) -> HTMLResponse:
    """Show what waits, in the order of work."""
    principal = acting(signed_in)
    principal.reach.require_whole()
    with workspace.database.reading() as session:
        queue = queue_of(
            desk_of(request, signed_in, workspace, session),
            principal.organisation_id,
            state=query.state if query.state in set(State) else State.OPEN,
            search=query.q.strip()[:MOST_SEARCHED],
        )
        undo = undo_of(session, query.decided, principal.organisation_id, principal.caller, utc_now())
    return render(
        request,
        "cases/queue.html",
        **queue,
        undo=undo,
        left=_number(query.left),
        may_decide=principal.may(Resource.CASES, Right.DECIDE),
        notice=query.notice if query.notice in NOTICES else None,
    )


def _number(text: str) -> int:
    """Return the number of listings that a bulk has left, 0 for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < MOST_DIGITS else 0


@router.post("/next")
def take_next(
    request: Request, signed_in: CasesDeciderDep, _form: FormDep, workspace: WorkspaceDep
) -> Response:
    """Lease the next case to the person, and show it."""
    principal = acting(signed_in)
    principal.reach.require_whole()
    with workspace.database.writing() as session:
        case = leases.take_next(
            session, organisation_id=principal.organisation_id, holder=principal.caller, now=utc_now()
        )
    return go(request, "/cases?notice=none" if case is None else f"/cases/{case.id}")


@router.get("/{case_id}")
def show_case(
    request: Request,
    signed_in: CasesReaderDep,
    case_id: str,
    workspace: WorkspaceDep,
    query: Annotated[CaseQuery, Query()],
) -> HTMLResponse:
    """Show a case of the person's marketplace. Opening it changes nothing."""
    return show_page(request, signed_in, workspace, case_id, query=query)


def show_page(
    request: Request,
    signed_in: SignedIn,
    workspace: Workspace,
    case_id: str,
    *,
    query: CaseQuery | None = None,
    error: AuthcheckError | None = None,
    form: tuple[str, dict[str, str]] = ("", {}),
) -> HTMLResponse:
    """Render the page of a case. `form` are the prefix of the form at fault, and what was typed in it."""
    principal, query = acting(signed_in), query or CaseQuery()
    principal.reach.require_whole()
    with workspace.database.reading() as session:
        desk = desk_of(request, signed_in, workspace, session)
        case = get_case(session, case_id, organisation_id=principal.organisation_id)
        whole = whole_case(desk, case, query.listing)
        around = neighbours_of(desk, case)
        deciding = deciding_of(session, case, [reason["code"] for reason in whole["reasons"]])
        pending = query.decided or case.id
        undo = undo_of(session, pending, principal.organisation_id, principal.caller, desk.now)
    return render(
        request,
        "cases/case.html",
        status=status_of(request, error) if error else 200,
        **whole,
        **around,
        **deciding,
        undo=undo,
        left=_number(query.left),
        may_decide=principal.may(Resource.CASES, Right.DECIDE),
        notice=query.notice if query.notice in CASE_NOTICES else None,
        typed=form[1],
        problem=problem_of(request, error, "", form[0]) if error else None,
    )


def desk_of(request: Request, signed_in: SignedIn, workspace: Workspace, session: Session) -> Desk:
    """Return what a page of cases is made with, now."""
    places: CasePlaces = request.app.state.case_places
    return Desk(session, workspace, places, signed_in, language_of(request), utc_now())


@router.get("/{case_id}/pictures/{check_id}")
def show_picture(
    signed_in: CasesReaderDep,
    case_id: str,
    check_id: str,
    workspace: WorkspaceDep,
    *,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return a picture of a listing of the case, as WebP without metadata."""
    principal = acting(signed_in)
    principal.reach.require_whole()
    with workspace.database.reading() as session:
        shown = case_pictures.find(session, case_id, check_id, principal.organisation_id)
    content = case_pictures.read_copy(shown, workspace)
    etag = f'"{shown.check.id}"'
    return _picture(content, etag, f"{shown.check.id}.webp", if_none_match)


@router.get("/{case_id}/views/{check_id}")
def show_view(
    request: Request,
    signed_in: CasesReaderDep,
    case_id: str,
    check_id: str,
    workspace: WorkspaceDep,
    *,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return the registered view in the frame of the listing's picture, as WebP."""
    principal = acting(signed_in)
    principal.reach.require_whole()
    with workspace.database.reading() as session:
        shown = case_pictures.find(session, case_id, check_id, principal.organisation_id)
    shown = replace(shown, finding=request.app.state.case_places.find(shown.check, shown.finding, workspace))
    name = case_pictures.name_of_view(shown, workspace)
    if not_modified(if_none_match, f'"{name}"'):
        return _picture(b"", f'"{name}"', "", if_none_match)
    content = case_pictures.draw_view(name, shown, workspace, request.app.state.drawings)
    return _picture(content, f'"{name}"', f"{shown.check.id}-view.webp", None)


def _picture(content: bytes, etag: str, filename: str, if_none_match: str | None) -> Response:
    if not_modified(if_none_match, etag):
        return Response(status_code=304, headers={"ETag": etag, "Cache-Control": case_pictures.CACHE})
    return picture_response(content, "image/webp", etag, case_pictures.CACHE, filename)
