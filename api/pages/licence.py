"""The page of one licence for both sides: read it, accept or decline it, withdraw an offer, revoke it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import HTMLResponse, Response

from authcheck.errors import AuthcheckError, Rejected
from authcheck.ids import fold
from authcheck.ledger import publishing
from authcheck.licences import agreements, amending
from authcheck.licences.codes import NICE_CLASSES
from authcheck.licences.grants import get_licence
from authcheck.members.permissions import Resource, Right
from authcheck.members.sessions import SignedIn
from authcheck.members.tables import Organisation
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from ..i18n import language_of
from .licence_view import error_field, error_form, view_of
from .licences import LicencesReaderDep
from .person import FormDep, NeedsPerson, PersonRoute, acting, go, problem_of, status_of
from .render import render
from .sellers_view import countries_in

NOTICES = ("offered", "accepted", "declined", "withdrawn", "amended", "revoked")
router = APIRouter(route_class=PersonRoute, prefix="/licences", include_in_schema=False)
LicencesWriterDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.LICENCES, Right.WRITE)))]
LicenceId = Annotated[str, Path(max_length=40)]


@router.get("/{licence_id}")
def show(
    request: Request,
    signed_in: LicencesReaderDep,
    workspace: WorkspaceDep,
    licence_id: LicenceId,
    notice: str = "",
) -> HTMLResponse:
    """Show a version of a licence."""
    said = notice if notice in NOTICES else None
    return show_licence(request, signed_in, workspace, licence_id, notice=said)


def show_licence(
    request: Request,
    signed_in: SignedIn,
    workspace: Workspace,
    licence_id: str,
    *,
    notice: str | None = None,
    error: AuthcheckError | None = None,
    typed: str = "",
) -> HTMLResponse:
    """Render the page of a licence. `error` is about one of its forms."""
    caller, now = acting(signed_in), utc_now()
    with workspace.database.reading() as session:
        context = view_of(session, caller, licence_id, language_of(request), now)
    return render(
        request,
        "licences/licence.html",
        status=status_of(request, error) if error else 200,
        notice=notice,
        problem=problem_of(request, error, error_field(error), error_form(error)) if error else None,
        typed=typed,
        today=now.date(),
        countries=countries_in(language_of(request).tag),
        classes=[str(number) for number in NICE_CLASSES],
        as_of=now,
        **context,
    )


@router.post("/{licence_id}/answer")
def answer(
    request: Request,
    signed_in: LicencesWriterDep,
    form: FormDep,
    workspace: WorkspaceDep,
    licence_id: LicenceId,
) -> Response:
    """Accept or decline an offer."""
    caller, is_yes = acting(signed_in), form.text("answer") == "accept"
    act = agreements.accept if is_yes else agreements.decline
    try:
        if form.text("answer") not in {"accept", "decline"}:
            raise Rejected("Answer the offer with accept or decline.", code="request.form")
        with workspace.database.writing() as session:
            licensee = session.get_one(Organisation, caller.organisation_id)
            act(session, licensee, licence_id, utc_now(), reach=caller.reach)
    except AuthcheckError as error:
        return show_licence(request, signed_in, workspace, licence_id, error=error)
    publishing.publish_recorded(workspace.database, workspace.settings)
    return go(request, f"/licences/{licence_id}?notice={'accepted' if is_yes else 'declined'}")


@router.post("/{licence_id}/withdraw")
def withdraw(
    request: Request,
    signed_in: LicencesWriterDep,
    form: FormDep,  # noqa: ARG001 - it refuses other sites
    workspace: WorkspaceDep,
    licence_id: LicenceId,
) -> Response:
    """Withdraw an offer that nobody has answered."""
    caller = acting(signed_in)
    try:
        with workspace.database.writing() as session:
            owner = session.get_one(Organisation, caller.organisation_id)
            amending.withdraw(session, owner, licence_id, utc_now(), reach=caller.reach)
    except AuthcheckError as error:
        return show_licence(request, signed_in, workspace, licence_id, error=error)
    return go(request, f"/licences/{licence_id}?notice=withdrawn")


@router.post("/{licence_id}/revoke")
def revoke(
    request: Request,
    signed_in: LicencesWriterDep,
    form: FormDep,
    workspace: WorkspaceDep,
    licence_id: LicenceId,
) -> Response:
    """Revoke all versions of a licence, when the licensee's handle was typed."""
    caller = acting(signed_in)
    try:
        with workspace.database.writing() as session:
            owner = session.get_one(Organisation, caller.organisation_id)
            licence = get_licence(session, licence_id, organisation_id=owner.id, reach=caller.reach)
            handle = session.get_one(Organisation, licence.licensee_id).handle
            if fold(form.text("handle")).lower() != handle:
                raise Rejected(
                    f"Write {handle} to confirm that you revoke the licence.",
                    code="licence.confirmation",
                    handle=handle,
                )
            agreements.revoke(session, owner, licence_id, form.text("reason"), utc_now(), reach=caller.reach)
    except AuthcheckError as error:
        typed = form.text("reason")[:40]
        return show_licence(request, signed_in, workspace, licence_id, error=error, typed=typed)
    publishing.publish_recorded(workspace.database, workspace.settings)
    return go(request, f"/licences/{licence_id}?notice=revoked")
