"""Pages on which a stranger's organisation applies, and begins when the mailed link is opened."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from authcheck.errors import AuthcheckError, Rejected
from authcheck.members import applying, links, people, sessions
from authcheck.members.applying import KINDS, Applicant
from authcheck.members.standing_tables import Application
from authcheck.members.tables import WebSession
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import RatesDep, WorkspaceDep
from ..mails import send_application
from .one_time import begin_session, hash_for, link_over
from .person import Form, FormDep, PersonRoute, go, problem_of, status_of
from .render import render, to
from .sign_in import keep_session

NAMES = ("organisation", "handle", "domain", "name", "email")
FIELD_OF = {"organisation.name": "organisation", "organisation.handle": "handle",
            "organisation.exists": "handle", "organisation.roles": "kinds", "person.name": "name",
            "person.email": "email", "password": "password", "domain": "domain"}  # fmt: skip
DAYS = links.LASTS[links.APPLY].days
router = APIRouter(route_class=PersonRoute, prefix="/apply", include_in_schema=False)


def _field_of(error: AuthcheckError) -> str:
    return FIELD_OF.get(error.code) or FIELD_OF.get(error.code.partition(".")[0], "")


@router.get("")
def show_form(request: Request) -> HTMLResponse:
    """Ask for an organisation that wants to join."""
    return _show_form(request, Form([("kinds", "brand")]))


def _show_form(request: Request, form: Form, error: AuthcheckError | None = None) -> HTMLResponse:
    typed: dict[str, Any] = {name: form.text(name)[:300] for name in NAMES}
    return render(
        request,
        "account/apply.html",
        status=status_of(request, error) if error else 200,
        **typed,
        kinds=form.texts("kinds"),
        all_kinds=KINDS,
        problem=problem_of(request, error, _field_of(error)) if error else None,
    )


@router.post("")
def send(request: Request, form: FormDep, workspace: WorkspaceDep, rates: RatesDep) -> HTMLResponse:
    """Keep the application and mail its link. Nothing is reserved before the link is opened.

    One address gets a few mails an hour, whoever asks, and the answer is the same.
    """
    rates.count(rates.mails, rates.client(request), request)
    now = utc_now()
    applicant = Applicant(
        name=form.text("organisation"),
        handle=form.text("handle"),
        kinds=form.texts("kinds"),
        domain=form.text("domain"),
        person=form.text("name"),
        email=form.text("email"),
    )
    try:
        with workspace.database.writing() as session:
            is_full = applying.count_recent(session, applicant.email, now) >= links.RESETS_AN_HOUR
            link, secret = applying.apply(session, applicant, now)
    except AuthcheckError as error:
        return _show_form(request, form, error)
    if not is_full:
        send_application(request, link, secret, applicant.name)
    return render(request, "account/applied.html", email=link.email, days=DAYS)


@router.get("/{secret}")
def show_link(request: Request, secret: str, workspace: WorkspaceDep) -> Response:
    """Show the application behind a link. Opening it uses nothing up: mail programs look at links, too."""
    return _show_link(request, workspace, secret)


def _show_link(
    request: Request, workspace: Workspace, secret: str, error: AuthcheckError | None = None
) -> Response:
    try:
        with workspace.database.reading() as session:
            link = links.open_link(session, secret, links.APPLY, utc_now())
            application = session.get_one(Application, link.id)
            person = people.find_person(session, link.email)
    except Rejected as over:
        return link_over(request, over, "apply")
    signed_in = request.state.signed_in
    if person is not None and signed_in is None:
        return go(request, f"/sign-in?next=/apply/{secret}&notice=invited")
    is_other = signed_in is not None and (person is None or person.id != signed_in.person.id)
    return render(
        request,
        "account/new_password.html",
        status=status_of(request, error) if error else 200,
        action=to(request, f"/apply/{secret}"),
        email=link.email,
        name=link.name,
        kind="other" if is_other else "join" if person else "apply",
        invitation={"organisation": application.name, "invited_by": "", "roles": ["admin"]},
        problem=problem_of(request, error, _field_of(error)) if error else None,
    )


@router.post("/{secret}")
def begin(request: Request, secret: str, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Begin the organisation, with the person as its admin."""
    signed_in = request.state.signed_in
    try:
        with workspace.database.reading() as session:
            link = links.open_link(session, secret, links.APPLY, utc_now())
        password_hash = "" if signed_in else hash_for(form, link.email, link.name)
        with workspace.database.writing() as session:
            person, organisation = applying.begin(
                session,
                secret,
                password_hash=password_hash,
                signed_in=signed_in.person if signed_in else None,
                now=utc_now(),
            )
            entered = None if signed_in else begin_session(request, session, workspace, person)
            if signed_in:
                sessions.act_for(session, session.get_one(WebSession, signed_in.row.id), organisation.id)
    except AuthcheckError as error:
        return _show_link(request, workspace, secret, error)
    response = go(request, "/organisation?notice=begun")
    return keep_session(request, response, entered) if entered else response
