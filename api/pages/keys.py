"""API keys and agents on the page *People and keys*."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from authcheck.errors import AuthcheckError
from authcheck.ids import fold
from authcheck.ledger import publishing
from authcheck.licences import appointing
from authcheck.licences.written import read_day
from authcheck.members import api_keys, appointments, organisations
from authcheck.members.permissions import Resource, Right
from authcheck.members.tables import Organisation
from authcheck.storage.opening import utc_now

from ..deps import WorkspaceDep
from ..idempotency import claim_form
from ..managed import refuse_scopes_beyond
from .people_view import go_back, organisation_of, show_page
from .person import FormDep, PeopleWriterDep, PersonRoute, acting

router = APIRouter(route_class=PersonRoute, prefix="/people", include_in_schema=False)


@router.post("/keys")
def make_key(
    request: Request, signed_in: PeopleWriterDep, form: FormDep, workspace: WorkspaceDep
) -> Response:
    """Make an API key, and show its token this once."""
    caller = acting(signed_in)
    typed = {"label": form.text("label")[:300], "scopes": form.texts("scopes")}
    try:
        with workspace.database.writing() as session:
            claim_form(session, signed_in.person.id, form.text("nonce"), utc_now())
            organisation = organisation_of(session, request, caller, Right.WRITE)
            is_operator = caller.may(Resource.ORGANISATIONS, Right.WRITE)
            key, token = api_keys.create_key(
                session,
                organisation,
                label=form.text("label"),
                scopes=form.texts("scopes"),
                now=utc_now(),
                maker=None if is_operator else caller.grants,
            )
    except AuthcheckError as error:
        return show_page(request, signed_in, workspace, error=error, form=("key-", typed))
    new_token = {"label": key.label or key.id, "token": token}
    return show_page(request, signed_in, workspace, new_token=new_token)


@router.post("/keys/revoke")
def revoke_key(
    request: Request, signed_in: PeopleWriterDep, form: FormDep, workspace: WorkspaceDep
) -> Response:
    """Revoke an API key now."""
    try:
        with workspace.database.writing() as session:
            organisation = organisation_of(session, request, acting(signed_in), Right.WRITE)
            api_keys.revoke_key(session, form.text("key"), organisation_id=organisation.id, now=utc_now())
    except AuthcheckError as error:
        return show_page(request, signed_in, workspace, error=error)
    return go_back(request, "key_revoked")


@router.post("/agents")
def appoint(request: Request, signed_in: PeopleWriterDep, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Appoint an agent for the own organisation. An operator appoints nobody for others."""
    caller = acting(signed_in)
    names = ("agent", "designs", "territories", "ends_on")
    typed = {**{name: form.text(name)[:2000] for name in names}, "scopes": form.texts("scopes")}
    try:
        caller.require(Resource.PEOPLE, Right.WRITE)
        refuse_scopes_beyond(caller, form.texts("scopes"))
        ends_on = read_day(form.text("ends_on"), error_code="appointment.ends")
        with workspace.database.writing() as session:
            appointing.appoint(
                session,
                session.get_one(Organisation, caller.organisation_id),
                organisations.get_organisation(session, form.text("agent")),
                scopes=form.texts("scopes"),
                designs=_words(form.text("designs")),
                territories=_words(form.text("territories")),
                ends_on=ends_on,
                now=utc_now(),
            )
    except AuthcheckError as error:
        return show_page(request, signed_in, workspace, error=error, form=("agent-", typed))
    publishing.publish_recorded(workspace.database, workspace.settings)
    return go_back(request, "appointed")


def _words(text: str) -> list[str]:
    """Return the parts of a list with commas, without blanks around them."""
    return [word.strip() for word in fold(text).replace(";", ",").split(",") if word.strip()]


@router.post("/agents/end")
def end_agent(
    request: Request, signed_in: PeopleWriterDep, form: FormDep, workspace: WorkspaceDep
) -> Response:
    """End an appointment that the own organisation gave or got."""
    caller = acting(signed_in)
    try:
        caller.require(Resource.PEOPLE, Right.WRITE)
        with workspace.database.writing() as session:
            appointments.end(
                session, form.text("appointment"), organisation_id=caller.organisation_id, now=utc_now()
            )
    except AuthcheckError as error:
        return show_page(request, signed_in, workspace, error=error)
    publishing.publish_recorded(workspace.database, workspace.settings)
    return go_back(request, "ended")
