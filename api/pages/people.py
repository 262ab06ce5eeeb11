"""The page *People and keys*: who may do what, invitations, and roles."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from authcheck.errors import AuthcheckError
from authcheck.members import invitations, people
from authcheck.members.permissions import Right
from authcheck.members.sessions import SignedIn
from authcheck.members.tables import OneTimeLink, Organisation
from authcheck.storage.opening import utc_now

from ..deps import WorkspaceDep
from ..mails import send_invitation
from ..managed import refuse_beyond
from .people_view import go_back, organisation_of, show_page
from .person import FormDep, PeopleReaderDep, PeopleWriterDep, PersonRoute, acting, go

NOTICES = (
    "invited",
    "invited_again",
    "withdrawn",
    "roles",
    "removed",
    "key_revoked",
    "appointed",
    "ended",
    "organisation_added",
)
router = APIRouter(route_class=PersonRoute, prefix="/people", include_in_schema=False)


@router.get("")
def show(
    request: Request, signed_in: PeopleReaderDep, workspace: WorkspaceDep, notice: str = ""
) -> HTMLResponse:
    """Show the people and keys of the organisation."""
    return show_page(request, signed_in, workspace, notice=notice if notice in NOTICES else None)


@router.post("/invite")
def invite(request: Request, signed_in: PeopleWriterDep, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Invite somebody."""
    caller, rates = acting(signed_in), request.app.state.rates
    rates.count(rates.invitations, caller.organisation_id, request)
    typed = {"email": form.text("email")[:300], "name": form.text("name")[:300], "roles": form.texts("roles")}
    try:
        with workspace.database.writing() as session:
            organisation = organisation_of(session, request, caller, Right.WRITE)
            refuse_beyond(caller, people.checked_roles(organisation, form.texts("roles")))
            link, secret = invitations.invite(
                session,
                organisation,
                email=people.normal_email(form.text("email")),
                name=form.text("name"),
                roles=form.texts("roles"),
                made_by=signed_in.person.id,
                now=utc_now(),
            )
    except AuthcheckError as error:
        return show_page(request, signed_in, workspace, error=error, form=("invite-", typed))
    return _sent(request, signed_in, (link, secret, organisation), "invited")


def _sent(
    request: Request, signed_in: SignedIn, made: tuple[OneTimeLink, str, Organisation], notice: str
) -> Response:
    """Send an invitation: its row, secret and organisation. If no mail was sent, show the link once."""
    link, secret, organisation = made
    address = send_invitation(request, link, secret, organisation.name)
    if address is None:
        return go_back(request, notice)
    shown = {"email": link.email, "address": address}
    return show_page(request, signed_in, request.app.state.workspace, new_link=shown)


@router.post("/invitations/again")
def invite_again(
    request: Request, signed_in: PeopleWriterDep, form: FormDep, workspace: WorkspaceDep
) -> Response:
    """Replace an invitation by a new one with another link."""
    caller, now, rates = acting(signed_in), utc_now(), request.app.state.rates
    rates.count(rates.invitations, caller.organisation_id, request)
    try:
        with workspace.database.writing() as session:
            organisation = organisation_of(session, request, caller, Right.WRITE)
            old = invitations.withdraw(
                session, form.text("invitation"), organisation_id=organisation.id, now=now
            )
            refuse_beyond(caller, old.roles)
            link, secret = invitations.invite(
                session,
                organisation,
                email=old.email,
                name=old.name,
                roles=old.roles,
                made_by=signed_in.person.id,
                now=now,
            )
    except AuthcheckError as error:
        return show_page(request, signed_in, workspace, error=error)
    return _sent(request, signed_in, (link, secret, organisation), "invited_again")


@router.post("/invitations/withdraw")
def withdraw(
    request: Request, signed_in: PeopleWriterDep, form: FormDep, workspace: WorkspaceDep
) -> Response:
    """Withdraw an invitation."""
    try:
        with workspace.database.writing() as session:
            organisation = organisation_of(session, request, acting(signed_in), Right.WRITE)
            invitations.withdraw(
                session, form.text("invitation"), organisation_id=organisation.id, now=utc_now()
            )
    except AuthcheckError as error:
        return show_page(request, signed_in, workspace, error=error)
    return go_back(request, "withdrawn")


@router.post("/roles")
def set_roles(
    request: Request, signed_in: PeopleWriterDep, form: FormDep, workspace: WorkspaceDep
) -> Response:
    """Replace a person's roles."""
    caller, person_id = acting(signed_in), form.text("person")
    try:
        with workspace.database.writing() as session:
            organisation = organisation_of(session, request, caller, Right.WRITE)
            member = people.get_member(session, organisation.id, person_id)
            wanted = people.checked_roles(organisation, form.texts("roles"))
            refuse_beyond(caller, {*member.roles} ^ {*wanted})
            people.give_roles(session, organisation, member.person, wanted, utc_now())
    except AuthcheckError as error:
        return show_page(request, signed_in, workspace, error=error, form=(f"{person_id[:40]}-", {}))
    return (
        go(request, "/account?notice=saved")
        if person_id == signed_in.person.id
        else go_back(request, "roles")
    )


@router.post("/remove")
def remove(request: Request, signed_in: PeopleWriterDep, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Remove a person from the organisation."""
    caller = acting(signed_in)
    try:
        with workspace.database.writing() as session:
            organisation = organisation_of(session, request, caller, Right.WRITE)
            member = people.get_member(session, organisation.id, form.text("person"))
            refuse_beyond(caller, member.roles)
            people.take_roles(session, organisation, member.person_id, utc_now())
    except AuthcheckError as error:
        return show_page(request, signed_in, workspace, error=error)
    is_self = form.text("person") == signed_in.person.id
    return go(request, "/account") if is_self else go_back(request, "removed")
