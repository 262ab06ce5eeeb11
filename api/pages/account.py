"""The page *My account*: name, organisations, password, second factor, sessions."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup
from sqlalchemy.orm import Session

from authcheck.errors import AuthcheckError
from authcheck.members import appointments, passwords, people, second_factor, sessions, signing_in
from authcheck.members.permissions import Role
from authcheck.members.sessions import SignedIn
from authcheck.members.tables import Person, WebSession
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from .. import cookies
from ..deps import WorkspaceDep
from ..i18n import Language, language_of
from ..mails import send_changed
from .browsers import browser_name
from .person import FormDep, PersonDep, PersonRoute, go, personal_texts, problem_of, status_of
from .render import render

NOTICES = (
    "saved",
    "welcome",
    "password",
    "acting",
    "factor_on",
    "factor_off",
    "factor_again",
    "session_ended",
    "sessions_ended",
)
MOST_CLIENTS = 500
router = APIRouter(route_class=PersonRoute, prefix="/account", include_in_schema=False)


@router.get("")
def show(request: Request, signed_in: PersonDep, workspace: WorkspaceDep, notice: str = "") -> HTMLResponse:
    """Show the account."""
    return _show(request, signed_in, workspace, notice=notice if notice in NOTICES else None)


def _show(
    request: Request,
    signed_in: SignedIn,
    workspace: Workspace,
    *,
    notice: str | None = None,
    error: AuthcheckError | None = None,
    place: tuple[str, str] = ("", ""),
    name: str | None = None,
    codes: list[str] | None = None,
) -> HTMLResponse:
    """Render the account. `place` are the form and the field that `error` is about."""
    now = utc_now()
    with workspace.database.glancing() as session:
        is_fresh = request.method == "GET"  # else the request may have changed the person
        person = signed_in.person if is_fresh else session.get_one(Person, signed_in.person.id)
        return render(
            request,
            "account/account.html",
            status=status_of(request, error) if error else 200,
            person={"name": person.name, "email": person.email},
            name=person.name if name is None else name[:300],
            organisations=_organisations(session, signed_in, language_of(request)),
            factor=_factor(person, workspace, codes),
            sessions=[
                {
                    "id": row.id,
                    "browser": browser_name(row.browser),
                    "created_at": row.created_at,
                    "used_at": row.used_at,
                    "is_this": row.id == signed_in.row.id,
                }
                for row in sessions.list_open(session, person.id, workspace.settings, now)
                if not row.awaits_code
            ],
            notice=notice,
            problem=problem_of(request, error, place[1], place[0]) if error else None,
        )


def _organisations(session: Session, signed_in: SignedIn, language: Language) -> list[dict[str, Any]]:
    """Return the organisations that the person can act for: the own ones, then the clients of an agent."""
    principal = signed_in.principal
    agency = principal.agency if principal else None
    current = principal.organisation_id if principal and agency is None else None
    memberships = people.memberships_of(session, signed_in.person.id)
    return [
        {
            "id": member.organisation_id,
            "name": member.organisation.name,
            "roles": member.roles,
            "is_current": member.organisation_id == current,
        }
        for member in memberships
    ] + [
        {
            "id": appointment.id,
            "name": language.gettext(
                "site.agent_for", agent=member.organisation.name, client=appointment.client.name
            ),
            "roles": [Role.AGENT],
            "is_current": agency is not None and agency.appointment_id == appointment.id,
        }
        for member in memberships
        if Role.AGENT in member.roles
        for appointment in appointments.list_appointments(
            session, member.organisation_id, current_at=utc_now(), limit=MOST_CLIENTS
        )
        if appointment.agent_id == member.organisation_id
    ]


def _factor(person: Person, workspace: Workspace, codes: list[str] | None) -> dict[str, Any]:
    """Return the state of the second factor. `codes` are new recovery codes, which are shown only once."""
    if person.totp_since is not None:
        left = len(person.recovery_sha256)
        return {"state": "on", "since": person.totp_since, "codes_left": left, "codes": codes}
    secret = second_factor.pending_secret(person, second_factor.open_vault(workspace.settings))
    if secret is None:
        return {"state": "off"}
    url = second_factor.otpauth_url(person, secret, "authcheck")
    groups = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    return {"state": "pending", "qr": Markup(second_factor.qr_svg(url)), "secret": groups}  # noqa: S704 - our own


@router.post("/name")
def rename(request: Request, signed_in: PersonDep, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Change the name."""
    try:
        name = people.checked_name(form.text("name"))
    except AuthcheckError as error:
        return _show(
            request, signed_in, workspace, error=error, place=("name-", "name"), name=form.text("name")
        )
    with workspace.database.writing() as session:
        session.get_one(Person, signed_in.person.id).name = name
    return go(request, "/account?notice=saved")


@router.post("/act")
def act(request: Request, signed_in: PersonDep, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Act for another organisation, or as an agent for a client, from now on."""
    chosen = form.text("acting")
    with workspace.database.writing() as session:
        row = session.get_one(WebSession, signed_in.row.id)
        if chosen.startswith("apt_"):
            sessions.act_as_agent(session, row, chosen, utc_now())
        else:
            sessions.act_for(session, row, chosen)
    return go(request, "/account?notice=acting")


@router.post("/password")
def change_password(
    request: Request, signed_in: PersonDep, form: FormDep, workspace: WorkspaceDep
) -> Response:
    """Change the password, give this browser a new token, and end all other sessions."""
    person, now = signed_in.person, utc_now()
    field = "current_password"
    try:
        signing_in.confirm_password(
            workspace.database, workspace.settings, person, form.text("current_password"), now
        )
        field = "password"
        personal = personal_texts(person, signed_in.principal.handle if signed_in.principal else "")
        password_hash = passwords.hash_password(form.text("password"), personal=personal)
    except AuthcheckError as error:
        return _show(request, signed_in, workspace, error=error, place=("password-", field))
    with workspace.database.writing() as session:
        session.get_one(Person, person.id).password_hash = password_hash
        token = sessions.renew(session, session.get_one(WebSession, signed_in.row.id), now)
        sessions.end_others(session, person.id, kept_id=signed_in.row.id, now=now)
    send_changed(request, person)
    response = go(request, "/account?notice=password")
    days_s = 24 * 3600 * workspace.settings.session_days
    cookies.keep(request, response, cookies.SESSION, token, max_age_s=days_s)
    return response


@router.post("/factor/begin")
def begin_factor(request: Request, signed_in: PersonDep, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Make a secret for an authenticator app. It works after its first code."""
    vault = second_factor.open_vault(workspace.settings)
    try:
        _confirm_password(signed_in, form.text("current_password"), workspace)
        with workspace.database.writing() as session:
            second_factor.begin(session.get_one(Person, signed_in.person.id), vault)
    except AuthcheckError as error:
        return _show(request, signed_in, workspace, error=error, place=("begin-", "current_password"))
    return go(request, "/account#factor")


@router.post("/factor/confirm")
def confirm_factor(
    request: Request, signed_in: PersonDep, form: FormDep, workspace: WorkspaceDep
) -> Response:
    """Turn the second factor on, and show the recovery codes this once. Other browsers are signed out.

    A browser that loads the page with the codes again sends the form again.
    """
    vault, now = second_factor.open_vault(workspace.settings), utc_now()
    try:
        with workspace.database.writing() as session:
            person = session.get_one(Person, signed_in.person.id)
            codes = second_factor.confirm(person, vault, form.text("code"), now)
            sessions.end_others(session, person.id, kept_id=signed_in.row.id, now=now)
    except AuthcheckError as error:
        if error.code == "factor.on":
            return go(request, "/account?notice=factor_again")
        return _show(request, signed_in, workspace, error=error, place=("confirm-", "code"))
    return _show(request, signed_in, workspace, notice="factor_on", codes=codes)


@router.post("/factor/off")
def end_factor(request: Request, signed_in: PersonDep, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Turn the second factor off, or drop a secret that waits for its first code."""
    try:
        _confirm_password(signed_in, form.text("current_password"), workspace)
    except AuthcheckError as error:
        return _show(request, signed_in, workspace, error=error, place=("off-", "current_password"))
    with workspace.database.writing() as session:
        second_factor.turn_off(session.get_one(Person, signed_in.person.id))
    return go(request, "/account?notice=factor_off")


def _confirm_password(signed_in: SignedIn, password: str, workspace: Workspace) -> None:
    database, settings = workspace.database, workspace.settings
    signing_in.confirm_password(database, settings, signed_in.person, password, utc_now())


@router.post("/sessions/end")
def end_session(request: Request, signed_in: PersonDep, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Sign another browser out."""
    with workspace.database.writing() as session:
        sessions.end(session, form.text("session"), person_id=signed_in.person.id, now=utc_now())
    return go(request, "/account?notice=session_ended")


@router.post("/sessions/end-others")
def end_other_sessions(
    request: Request,
    signed_in: PersonDep,
    form: FormDep,  # noqa: ARG001 - refuses other sites
    workspace: WorkspaceDep,
) -> Response:
    """Sign all other browsers out."""
    with workspace.database.writing() as session:
        sessions.end_others(session, signed_in.person.id, kept_id=signed_in.row.id, now=utc_now())
    return go(request, "/account?notice=sessions_ended")
