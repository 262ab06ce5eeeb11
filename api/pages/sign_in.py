"""Pages to sign in and out (docs/flows/people-sign-in.md)."""

from urllib.parse import quote

from fastapi import APIRouter, BackgroundTasks, Request
from fastapi.responses import HTMLResponse, Response

from authcheck.errors import AuthcheckError, Forbidden, Rejected, Unavailable
from authcheck.members import links, people, sessions, signing_in
from authcheck.members.signing_in import Attempt, Entered
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from .. import cookies
from ..deps import RatesDep, WorkspaceDep
from ..i18n import language_of
from ..mails import send_new_password
from .person import FormDep, PersonRoute, go, is_on_this_computer, local_path, problem_of, status_of
from .render import render

NOTICES = ("signed_out", "expired", "password_changed", "needed", "invited")
RESET_MINUTES = round(links.LASTS[links.RESET].total_seconds() / 60)
router = APIRouter(route_class=PersonRoute, include_in_schema=False)


@router.get("/sign-in")
def form(request: Request, workspace: WorkspaceDep, next: str = "", notice: str = "") -> Response:  # noqa: A002 - the query's name
    """Show the form to sign in. A person who is signed in goes on at once."""
    if request.state.signed_in is not None:
        return go(request, local_path(next))
    with workspace.database.reading() as session:
        is_empty = links.needs_set_up(session)
    if is_empty and is_on_this_computer(request):
        return go(request, "/set-up")
    known = notice if notice in NOTICES else None
    return _form(request, next=next, notice="empty" if is_empty else known)


def _form(
    request: Request,
    *,
    email: str = "",
    next: str = "",  # noqa: A002 - as in the query
    notice: str | None = None,
    error: AuthcheckError | None = None,
) -> HTMLResponse:
    return render(
        request,
        "account/sign_in.html",
        status=status_of(request, error) if error else 200,
        email=email,
        next=local_path(next),
        notice=notice,
        problem=problem_of(request, error, "password") if error else None,
    )


@router.post("/sign-in")
def enter(request: Request, form: FormDep, workspace: WorkspaceDep, rates: RatesDep) -> Response:
    """Begin a session, and end the one that this browser had before."""
    attempt = Attempt(
        form.text("email"),
        form.text("password"),
        client=rates.client(request),
        browser=request.headers.get("user-agent", ""),
        device=cookies.read(request, cookies.DEVICE),
        language=language_of(request).tag,
    )
    try:
        entered = signing_in.sign_in(workspace.database, workspace.settings, attempt, utc_now())
    except AuthcheckError as error:
        return _form(request, email=form.text("email")[:254], next=form.text("next"), error=error)
    _end_present(request, workspace)
    if not entered.awaits_code:
        return keep_session(request, go(request, local_path(form.text("next"))), entered)
    code_page = f"/sign-in/code?next={quote(local_path(form.text('next')))}"
    return keep_session(request, go(request, code_page), entered)


def keep_session(request: Request, response: Response, entered: Entered) -> Response:
    """Give the browser the cookies of a new session."""
    settings = request.app.state.workspace.settings
    days_s = 24 * 3600 * settings.session_days
    cookies.keep(request, response, cookies.SESSION, entered.token, max_age_s=days_s)
    cookies.keep(request, response, cookies.DEVICE, entered.device, max_age_s=cookies.DEVICE_S)
    return response


def _end_present(request: Request, workspace: Workspace) -> None:
    """End the session whose cookie the new one replaces, so that nobody can have planted it."""
    signed_in = request.state.signed_in
    if signed_in is not None:
        with workspace.database.writing() as session:
            sessions.end(session, signed_in.row.id, person_id=signed_in.person.id, now=utc_now())
        request.state.signed_in = None


@router.get("/sign-in/code")
def code_form(request: Request, workspace: WorkspaceDep, next: str = "") -> Response:  # noqa: A002 - as above
    """Ask for the code of the second factor."""
    return _code_form(request, workspace, next)


def _code_form(
    request: Request, workspace: Workspace, next_path: str, error: AuthcheckError | None = None
) -> Response:
    token = cookies.read(request, cookies.SESSION)
    with workspace.database.reading() as session:
        waiting = sessions.find(session, token, workspace.settings, utc_now(), awaits_code=True)
    if waiting is None:
        return go(request, "/sign-in?notice=expired")
    return render(
        request,
        "account/code.html",
        status=status_of(request, error) if error else 200,
        email=waiting.person.email,
        next=local_path(next_path),
        problem=problem_of(request, error, "code") if error else None,
    )


@router.post("/sign-in/code")
def enter_code(request: Request, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Finish the sign-in."""
    token = cookies.read(request, cookies.SESSION)
    try:
        new_token = signing_in.enter_code(
            workspace.database, workspace.settings, token, form.text("code"), utc_now()
        )
    except (Forbidden, Unavailable) as error:
        return _code_form(request, workspace, form.text("next"), error)
    response = go(request, local_path(form.text("next")))
    days_s = 24 * 3600 * workspace.settings.session_days
    cookies.keep(request, response, cookies.SESSION, new_token, max_age_s=days_s)
    return response


@router.post("/sign-out")
def leave(request: Request, form: FormDep, workspace: WorkspaceDep) -> Response:  # noqa: ARG001 - refuses other sites
    """End this browser's session."""
    _end_present(request, workspace)
    response = go(request, "/sign-in?notice=signed_out")
    cookies.drop(request, response, cookies.SESSION)
    return response


@router.get("/sign-in/forgot")
def forgot_form(request: Request) -> HTMLResponse:
    """Ask for the address of a forgotten password."""
    return render(request, "account/forgot.html", email="", problem=None)


@router.post("/sign-in/forgot")
def forgot(
    request: Request, form: FormDep, workspace: WorkspaceDep, rates: RatesDep, tasks: BackgroundTasks
) -> HTMLResponse:
    """Send a link to the address if it has an account. The answer tells nobody whether it has."""
    rates.count(rates.mails, rates.client(request), request)
    typed = form.text("email")[:1000]
    try:
        email = people.normal_email(typed)
    except Rejected as error:
        return render(
            request,
            "account/forgot.html",
            status=status_of(request, error),
            email=typed[:254],
            problem=problem_of(request, error, "email"),
        )
    tasks.add_task(_send_reset, request, workspace, email)
    return render(request, "account/sent.html", email=email, minutes=RESET_MINUTES)


def _send_reset(request: Request, workspace: Workspace, email: str) -> None:
    """Make the link and send it, after the answer, so that the time of the answer tells nothing.

    An account gets at most a few mails an hour, whoever asks.
    """
    with workspace.database.writing() as session:
        person = people.find_person(session, email)
        if person is None or person.disabled_at is not None:
            return
        if links.count_resets(session, person, utc_now()) >= links.RESETS_AN_HOUR:
            return
        _, secret = links.make_reset(session, person, utc_now())
    send_new_password(request, person, secret)
