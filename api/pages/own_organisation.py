"""The page of one's own organisation: whether it is approved, and the domains and shops that it proves."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.orm import Session

from authcheck.errors import AuthcheckError
from authcheck.members import domains
from authcheck.members.permissions import Resource, Right
from authcheck.members.sessions import SignedIn
from authcheck.members.standing_tables import Domain
from authcheck.members.tables import Organisation
from authcheck.proofs.outside.names import shown_domain
from authcheck.storage.opening import utc_now
from authcheck.storefronts import licensed, proving
from authcheck.storefronts.tables import Storefront
from authcheck.workspace import Workspace

from ..deps import RatesDep, WorkspaceDep
from .person import FormDep, PeopleReaderDep, PeopleWriterDep, PersonRoute, acting, go, problem_of, status_of
from .render import render

NOTICES = (
    *("begun", "added", "proved", "not_proved", "removed"),
    *("shop_added", "shop_proved", "shop_not_proved", "shop_closed"),
)
NOTHING: Mapping[str, str] = {"marketplace": "", "shop": "", "url": ""}
router = APIRouter(route_class=PersonRoute, prefix="/organisation", include_in_schema=False)


@router.get("")
def show(
    request: Request, signed_in: PeopleReaderDep, workspace: WorkspaceDep, notice: str = ""
) -> HTMLResponse:
    """Show the organisation's standing and its domains."""
    return show_page(request, signed_in, workspace, notice=notice if notice in NOTICES else None)


def show_page(
    request: Request,
    signed_in: SignedIn,
    workspace: Workspace,
    *,
    notice: str | None = None,
    error: AuthcheckError | None = None,
    at: tuple[str, str] = ("", "domain"),
    typed: str = "",
    typed_shop: Mapping[str, str] = NOTHING,
) -> HTMLResponse:
    """Render the page. `at` are the prefix of the form and the field that `error` is about."""
    principal = acting(signed_in)
    may_read_shops = principal.may(Resource.LICENCES, Right.READ)
    with workspace.database.reading() as session:
        organisation = session.get_one(Organisation, principal.organisation_id)
        rows = domains.list_domains(session, organisation.id)
        open_shops = licensed.open_shops(session, organisation.id, reach=principal.reach)
        base = workspace.settings.public_url.rstrip("/")
        rows_of_shops = [_shop_of(session, row, base) for row in open_shops] if may_read_shops else []
    return render(
        request,
        "people/own_organisation.html",
        status=status_of(request, error) if error else 200,
        organisation=organisation,
        domains=[row_of(row) for row in rows],
        may_write=principal.may(Resource.PEOPLE, Right.WRITE),
        typed=typed,
        shops=rows_of_shops,
        may_write_shops=principal.may(Resource.LICENCES, Right.WRITE),
        typed_shop=typed_shop,
        notice=notice,
        problem=problem_of(request, error, at[1], at[0]) if error else None,
    )


def row_of(row: Domain) -> dict[str, Any]:
    """Return a domain as pages show it."""
    return {
        "id": row.id,
        "name": shown_domain(row.domain),
        "state": row.state,
        "method": row.method,
        "problem": row.problem,
        "checked_at": row.checked_at,
        "record": f"{domains.LABEL}.{row.domain}",
        "file": f"https://{row.domain}{domains.FILE}",
        "proof": domains.proof_of(row),
    }


def _shop_of(session: Session, row: Storefront, base: str) -> dict[str, Any]:
    """Return a shop as the page shows it."""
    return {
        "id": row.id,
        "name": f"{row.marketplace}/{row.shop_id}",
        "url": row.url,
        "state": row.proof,
        "proved_by": row.proved_by,
        "problem": row.problem,
        "checked_at": row.checked_at,
        "page_counts": row.proved_by not in proving.WORDS,
        "show": proving.proof_of(row),
        "is_official": licensed.brands_behind(session, row, utc_now().date()) is not None,
        "picture": f"/v1/storefronts/{row.id}/badge",
        "page": f"{base}/shops/{row.id}",
        "badge": f"{base}/v1/storefronts/{row.id}/badge",
    }


@router.post("/domains")
def add(request: Request, signed_in: PeopleWriterDep, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Note a domain that the organisation wants to prove."""
    try:
        with workspace.database.writing() as session:
            organisation = session.get_one(Organisation, acting(signed_in).organisation_id)
            domains.add(session, organisation, form.text("domain"), utc_now())
    except AuthcheckError as error:
        return show_page(request, signed_in, workspace, error=error, typed=form.text("domain")[:300])
    return go(request, "/organisation?notice=added#domains")


@router.post("/domains/look")
def look(
    request: Request, signed_in: PeopleWriterDep, form: FormDep, workspace: WorkspaceDep, rates: RatesDep
) -> Response:
    """Look for the proof of a domain now. One organisation may ask as often as it may invite."""
    owner_id = acting(signed_in).organisation_id
    rates.count(rates.invitations, owner_id, request)
    try:
        with workspace.database.reading() as session:
            row = domains.get_domain(session, form.text("id"), organisation_id=owner_id)
        finding = domains.look(workspace.outside, row.domain, domains.proof_of(row))
        with workspace.database.writing() as session:
            domains.note(session, row.id, finding, utc_now())
    except AuthcheckError as error:
        return show_page(request, signed_in, workspace, error=error)
    return go(request, f"/organisation?notice={'proved' if finding.method else 'not_proved'}#domains")


@router.post("/domains/remove")
def remove(request: Request, signed_in: PeopleWriterDep, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Forget a domain."""
    try:
        with workspace.database.writing() as session:
            domains.remove(session, form.text("id"), organisation_id=acting(signed_in).organisation_id)
    except AuthcheckError as error:
        return show_page(request, signed_in, workspace, error=error)
    return go(request, "/organisation?notice=removed#domains")
