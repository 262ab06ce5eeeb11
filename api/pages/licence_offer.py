"""The pages *Offer a licence* and *Change the terms*."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.orm import Session

from authcheck.errors import AuthcheckError, NotFound
from authcheck.ledger import publishing
from authcheck.licences import agreements, amending
from authcheck.licences.grants import get_licence
from authcheck.licences.history import versions_of
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Terms
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.members.sessions import SignedIn
from authcheck.members.tables import Organisation
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from ..idempotency import claim_form
from .licence import LicenceId, LicencesWriterDep
from .licence_form import Typed, field_of
from .licence_offer_view import Clash, find_licensee, form_of, rival_of
from .licences import LicencesReaderDep
from .person import FormDep, PersonRoute, acting, go, problem_of, status_of
from .render import render

PREFIX = "offer-"
router = APIRouter(route_class=PersonRoute, prefix="/licences", include_in_schema=False)
Key = Annotated[str, Query(max_length=300)]


@router.get("/new")
def show_new(
    request: Request,
    signed_in: LicencesReaderDep,
    workspace: WorkspaceDep,
    *,
    licensee: Key = "",
    design: Key = "",
    parent: Key = "",
) -> HTMLResponse:
    """Show the form of an offer. The address may name a licensee, a design, or the licence above."""
    typed = Typed(
        licensee=licensee,
        designs=[design] if design else [],
        parent=parent,
        starts_on=utc_now().date().isoformat(),
    )
    return _show_new(request, signed_in, workspace, typed)


@router.post("/new")
def offer(request: Request, signed_in: LicencesWriterDep, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Send the offer, or with `act=search` show the form again with what the search finds."""
    caller, now, typed = acting(signed_in), utc_now(), Typed.read(form)
    if form.text("act") == "search":
        return _show_new(request, signed_in, workspace, typed)
    try:
        with workspace.database.writing() as session:
            claim_form(session, signed_in.person.id, form.text("nonce"), now)
            owner = session.get_one(Organisation, caller.organisation_id)
            licensee = find_licensee(session, typed.licensee)
            licence = agreements.offer(
                session,
                owner,
                licensee,
                typed.terms(),
                now,
                parent_id=typed.parent or None,
                reach=caller.reach,
            )
    except AuthcheckError as error:
        return _show_new(request, signed_in, workspace, typed, error)
    publishing.publish_recorded(workspace.database, workspace.settings)
    return go(request, f"/licences/{licence.id}?notice=offered")


def _show_new(
    request: Request,
    signed_in: SignedIn,
    workspace: Workspace,
    typed: Typed,
    error: AuthcheckError | None = None,
) -> HTMLResponse:
    caller = acting(signed_in)
    with workspace.database.reading() as session:
        licensee = _known_licensee(session, typed)
        context = form_of(session, request, caller, typed, licensee=licensee)
    return _render(request, caller, error, context, licence=None, base="", is_open=False)


@router.get("/{licence_id}/amend")
def show_amend(
    request: Request, signed_in: LicencesReaderDep, workspace: WorkspaceDep, licence_id: LicenceId
) -> HTMLResponse:
    """Show the form with the terms of the newest version."""
    return _show_amend(request, signed_in, workspace, licence_id, None, "")


@router.post("/{licence_id}/amend")
def amend(
    request: Request,
    signed_in: LicencesWriterDep,
    form: FormDep,
    workspace: WorkspaceDep,
    licence_id: LicenceId,
) -> Response:
    """Offer the next version, if nobody has changed the licence since the form was opened."""
    caller, now, typed, base = acting(signed_in), utc_now(), Typed.read(form), form.text("base")[:40]
    if form.text("act") == "search":
        return _show_amend(request, signed_in, workspace, licence_id, typed, base)
    try:
        with workspace.database.writing() as session:
            claim_form(session, signed_in.person.id, form.text("nonce"), now)
            owner = session.get_one(Organisation, caller.organisation_id)
            licence = amending.amend_from(session, owner, base, typed.terms(), now, reach=caller.reach)
    except AuthcheckError as error:
        return _show_amend(request, signed_in, workspace, licence_id, typed, base, error)
    publishing.publish_recorded(workspace.database, workspace.settings)
    return go(request, f"/licences/{licence.id}?notice=amended")


def _show_amend(  # noqa: PLR0917 - the parts of one form
    request: Request,
    signed_in: SignedIn,
    workspace: Workspace,
    licence_id: str,
    typed: Typed | None,
    base: str,
    error: AuthcheckError | None = None,
) -> HTMLResponse:
    caller = acting(signed_in)
    with workspace.database.reading() as session:
        row = get_licence(session, licence_id, organisation_id=caller.organisation_id, reach=caller.reach)
        if row.owner_id != caller.organisation_id:
            raise NotFound("You gave no such licence.", code="licence.not_found")
        newest = versions_of(session, row, reach=caller.reach)[0]
        licensee = session.get_one(Organisation, row.licensee_id)
        parent = row.parent_id or ""
        if typed is None:
            terms = Terms.from_json(newest.terms)
            typed, base = Typed.of_terms(terms, licensee=licensee.handle, parent=parent), newest.id
        is_clash = error is not None and error.code == "licence.changed"
        clash = _clash(session, caller, base, newest) if is_clash else None
        context = form_of(session, request, caller, typed, licensee=licensee, clash=clash)
    shown = {"id": newest.id, "licensee": licensee.name, "version": newest.version}
    base = newest.id if is_clash else base
    return _render(
        request, caller, error, context, licence=shown, base=base, is_open=amending.is_open(newest)
    )


def _clash(session: Session, caller: Principal, base: str, newest: Licence) -> Clash:
    """Return the version that the form began with and the newest."""
    read = get_licence(session, base, organisation_id=caller.organisation_id, reach=caller.reach)
    return Clash(Terms.from_json(read.terms), Terms.from_json(newest.terms))


def _known_licensee(session: Session, typed: Typed) -> Organisation | None:
    try:
        return find_licensee(session, typed.licensee)
    except AuthcheckError:
        return None


def _render(
    request: Request, caller: Principal, error: AuthcheckError | None, context: dict[str, Any], **more: Any
) -> HTMLResponse:
    return render(
        request,
        "licences/offer.html",
        status=status_of(request, error) if error else 200,
        problem=problem_of(request, error, field_of(error), PREFIX) if error else None,
        rival=rival_of(error),
        may_write=caller.may(Resource.LICENCES, Right.WRITE),
        **context,
        **more,
    )
