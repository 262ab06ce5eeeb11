"""Pages behind one-time links: join an organisation, choose a new password, make the first account."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.orm import Session

from authcheck.errors import AuthcheckError, NotFound, Rejected
from authcheck.members import joining, links, organisations, passwords, people, sessions, signing_in
from authcheck.members.joining import NewOrganisation
from authcheck.members.signing_in import Entered
from authcheck.members.tables import OneTimeLink, Organisation, Person, WebSession
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from ..i18n import language_of
from ..mails import send_changed, send_joined
from .person import Form, FormDep, PersonRoute, go, is_on_this_computer, problem_of, status_of
from .render import render, to
from .sign_in import keep_session

KINDS = tuple(kind for kind in organisations.ROLES if kind != "operator")
FIELD_OF = {"password": "password", "person.name": "name", "person.email": "email", "person.exists": "email",
            "organisation.handle": "handle", "organisation.exists": "handle",
            "organisation.name": "organisation", "organisation.roles": "kinds", "link": "code"}  # fmt: skip
router = APIRouter(route_class=PersonRoute, include_in_schema=False)


def field_of(error: AuthcheckError) -> str:
    """Return the name of the field that an error is about, or ""."""
    return FIELD_OF.get(error.code) or FIELD_OF.get(error.code.partition(".")[0], "")


@router.get("/join/{secret}")
def invitation(request: Request, secret: str, workspace: WorkspaceDep) -> Response:
    """Show an invitation. Opening it uses nothing up: mail programs look at links, too."""
    return _show_invitation(request, workspace, secret, name=None)


def _show_invitation(
    request: Request,
    workspace: Workspace,
    secret: str,
    *,
    name: str | None,
    error: AuthcheckError | None = None,
) -> Response:
    try:
        with workspace.database.reading() as session:
            link = links.open_link(session, secret, links.INVITE, utc_now())
            organisation = session.get_one(Organisation, link.organisation_id)
            maker = session.get(Person, link.made_by) if link.made_by else None
            person = people.find_person(session, link.email)
    except Rejected as over:
        return link_over(request, over, "invitation")
    signed_in = request.state.signed_in
    if person is not None and signed_in is None:
        return go(request, f"/sign-in?next=/join/{secret}&notice=invited")
    is_other = signed_in is not None and (person is None or person.id != signed_in.person.id)
    return render(
        request,
        "account/new_password.html",
        status=status_of(request, error) if error else 200,
        action=to(request, f"/join/{secret}"),
        email=link.email,
        name=link.name if name is None else name,
        kind="other" if is_other else "join" if person else "invitation",
        invitation={
            "organisation": organisation.name,
            "invited_by": maker.name if maker else "",
            "roles": link.roles,
        },
        problem=problem_of(request, error, field_of(error)) if error else None,
    )


@router.post("/join/{secret}")
def join(request: Request, secret: str, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Make the invited person's account, or add the roles to the account that is signed in."""
    signed_in = request.state.signed_in
    try:
        with workspace.database.reading() as session:
            link = links.open_link(session, secret, links.INVITE, utc_now())
        password_hash = "" if signed_in else hash_for(form, link.email, form.text("name"))
        with workspace.database.writing() as session:
            person, link = joining.accept_invitation(
                session,
                secret,
                name=form.text("name"),
                password_hash=password_hash,
                signed_in=signed_in.person if signed_in else None,
                now=utc_now(),
            )
            organisation = session.get_one(Organisation, link.organisation_id)
            entered = None if signed_in else begin_session(request, session, workspace, person)
            if signed_in:
                row = session.get_one(WebSession, signed_in.row.id)
                sessions.act_for(session, row, organisation.id)
            maker = session.get(Person, link.made_by) if link.made_by else None
    except AuthcheckError as error:
        return _show_invitation(request, workspace, secret, name=form.text("name")[:200], error=error)
    if maker is not None:
        send_joined(request, maker.email, person, organisation.name)
    response = go(request, "/account?notice=welcome")
    return keep_session(request, response, entered) if entered else response


def hash_for(form: Form, *personal: str) -> str:
    """Return the hash of the chosen password. Raises Rejected (`password.*`)."""
    return passwords.hash_password(form.text("password"), personal=personal)


def begin_session(request: Request, session: Session, workspace: Workspace, person: Person) -> Entered:
    """Begin a session for a person who has just proved the address by a link."""
    awaits_code = person.totp_since is not None
    browser = request.headers.get("user-agent", "")
    _, token = sessions.begin(
        session,
        person,
        browser=browser,
        now=utc_now(),
        language=language_of(request).tag,
        awaits_code=awaits_code,
    )
    device = signing_in.make_device(person.id, signing_in.limits_secret(workspace.settings))
    return Entered(token, device, person.id, awaits_code)


def link_over(request: Request, error: AuthcheckError, kind: str) -> HTMLResponse:
    """Tell why a link does not work any more."""
    reason = error.code.partition(".")[2]
    kind = "" if reason == "unknown" else kind
    return render(
        request, "account/link_over.html", status=status_of(request, error), reason=reason, kind=kind
    )


@router.get("/new-password/{secret}")
def reset(request: Request, secret: str, workspace: WorkspaceDep) -> Response:
    """Ask for a new password."""
    return _show_reset(request, workspace, secret)


def _show_reset(
    request: Request, workspace: Workspace, secret: str, error: AuthcheckError | None = None
) -> Response:
    try:
        with workspace.database.reading() as session:
            link: OneTimeLink = links.open_link(session, secret, links.RESET, utc_now())
    except Rejected as over:
        return link_over(request, over, "reset")
    return render(
        request,
        "account/new_password.html",
        status=status_of(request, error) if error else 200,
        action=to(request, f"/new-password/{secret}"),
        email=link.email,
        name="",
        kind="reset",
        invitation=None,
        problem=problem_of(request, error, field_of(error)) if error else None,
    )


@router.post("/new-password/{secret}")
def set_password(request: Request, secret: str, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Replace the password, end all sessions of the person, and begin a new one."""
    try:
        with workspace.database.reading() as session:
            link = links.open_link(session, secret, links.RESET, utc_now())
        password_hash = hash_for(form, link.email, link.name)
        with workspace.database.writing() as session:
            person = joining.set_new_password(
                session,
                secret,
                password_hash,
                limits_secret=signing_in.limits_secret(workspace.settings),
                now=utc_now(),
            )
            entered = begin_session(request, session, workspace, person)
    except AuthcheckError as error:
        return _show_reset(request, workspace, secret, error)
    send_changed(request, person)
    path = "/sign-in/code" if entered.awaits_code else "/account?notice=password"
    return keep_session(request, go(request, path), entered)


@router.get("/set-up")
def set_up_form(request: Request, workspace: WorkspaceDep, code: str = "") -> HTMLResponse:
    """Ask for the first account of an empty installation."""
    _refuse_set_up(request, workspace)
    return _set_up_form(request, Form([("code", code[:100]), ("kinds", "brand")]))


def _refuse_set_up(request: Request, workspace: Workspace) -> None:
    """Raise NotFound unless nobody has an account yet and the browser is on this machine.

    A request that a proxy hands on comes from elsewhere, and a page of another name is not ours. The name is
    that of the header itself: an attacker may let a name of theirs lead to this machine.
    """
    with workspace.database.reading() as session:
        is_open = links.needs_set_up(session)
    if not is_open or not is_on_this_computer(request):
        raise NotFound("We have nothing at this address.", code="route.not_found")


def _set_up_form(request: Request, form: Form, error: AuthcheckError | None = None) -> HTMLResponse:
    names = ("code", "name", "email", "organisation", "handle")
    typed: dict[str, Any] = {name: form.text(name)[:300] for name in names}
    return render(
        request,
        "account/set_up.html",
        status=status_of(request, error) if error else 200,
        **typed,
        kinds=form.texts("kinds"),
        all_kinds=KINDS,
        problem=problem_of(request, error, field_of(error)) if error else None,
    )


@router.post("/set-up")
def set_up(request: Request, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Make the first account, the operator."""
    _refuse_set_up(request, workspace)
    try:
        email = people.normal_email(form.text("email"))
        kinds = [kind for kind in form.texts("kinds") if kind in KINDS]
        organisation = NewOrganisation(form.text("handle"), form.text("organisation"), kinds)
        with workspace.database.reading() as session:
            links.open_link(session, form.text("code").strip(), links.SET_UP, utc_now())
        password_hash = hash_for(form, email, form.text("name"), organisation.handle, organisation.name)
        with workspace.database.writing() as session:
            person = joining.set_up(
                session,
                form.text("code").strip(),
                email=email,
                name=form.text("name"),
                password_hash=password_hash,
                organisation=organisation,
                now=utc_now(),
            )
            entered = begin_session(request, session, workspace, person)
    except AuthcheckError as error:
        return _set_up_form(request, form, error)
    return keep_session(request, go(request, "/account?notice=welcome"), entered)
