"""The pages on which certificates are issued: by a form, or by a table with a batch per row."""

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.orm import Session

from authcheck.certificates import desk_search, issuing, signing_keys, status_lists
from authcheck.certificates.order_tables import COLUMNS, OrderProblem, OrderRow, read_orders
from authcheck.certificates.orders import MOST_UNITS, Order
from authcheck.certificates.signing_keys import open_vault
from authcheck.errors import AuthcheckError
from authcheck.files.value_lists import read_values
from authcheck.ledger import publishing
from authcheck.licences.written import read_count
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.members.sessions import SignedIn
from authcheck.members.tables import Organisation
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from ..idempotency import NONCE
from .person import Form, FormDep, NeedsPerson, PersonRoute, Problem, acting, go, problem_of, status_of
from .render import render

FIELDS = ("design", "gtin", "lot", "product", "units", "serials", "pins", "licence", "table")
FIELD_OF = {
    "batch.count": "units",
    "number.malformed": "units",
    "batch.serials": "serials",
    "batch.product": "product",
    "gs1.gtin": "gtin",
    "gs1.lot": "lot",
    "gs1.serial": "serials",
    "certificate.serial_taken": "serials",
    "design.not_found": "design",
    "certificate.no_licence": "design",
    "certificate.licence_breach": "units",
    "certificate.design_state": "design",
}
router = APIRouter(route_class=PersonRoute, prefix="/certificates", include_in_schema=False)
IssuerDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.CERTIFICATES, Right.WRITE)))]
Word = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of a row of a table: its batch, or the problem."""

    line: int
    product: str
    batch_id: str | None
    units: int
    problem: Problem | None


@router.get("/new")
def show(
    request: Request, signed_in: IssuerDep, workspace: WorkspaceDep, design: Word = "", licence: Word = ""
) -> HTMLResponse:
    """Show the form of an order."""
    typed = {**dict.fromkeys(FIELDS, ""), "design": design, "licence": licence}
    return _show_form(request, workspace, acting(signed_in), typed)


@router.post("/new")
def issue(request: Request, signed_in: IssuerDep, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Issue the certificates of the form. The same form again shows the same batch."""
    caller = acting(signed_in)
    try:
        order = _read_order(workspace, caller, form)
        batch_id = _issue(workspace, caller, order)
    except AuthcheckError as error:
        return _show_form(request, workspace, caller, _typed(form), error=error)
    publishing.publish_recorded(workspace.database, workspace.settings)
    return go(request, f"/certificates/{batch_id}?notice=issued")


@router.post("/new/key")
def create_key(
    request: Request,
    signed_in: IssuerDep,
    form: FormDep,  # noqa: ARG001 - it refuses other sites
    workspace: WorkspaceDep,
) -> Response:
    """Make the first signing key of the organisation, which we keep. A repetition makes no second one."""
    caller = acting(signed_in)
    caller.reach.require_whole()
    vault = open_vault(workspace.settings)
    with workspace.database.writing() as session:
        organisation = signing_keys.lock_organisation(session, caller.organisation_id)
        if not signing_keys.has_active_key(session, organisation.id):
            now = utc_now()
            signing_keys.create_key(session, organisation, vault, settings=workspace.settings, now=now)
            status_lists.catch_up(session, organisation, vault, now=now)
    publishing.publish_recorded(workspace.database, workspace.settings)
    return go(request, "/certificates/new")


@router.post("/new/table")
def issue_table(request: Request, signed_in: IssuerDep, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Issue a batch per row. A refused row stops no other, and the form keeps the whole table.

    A row that was issued by this form is not issued again when the form is sent again.
    """
    caller, typed = acting(signed_in), _typed(form)
    try:
        rows = read_orders(typed["table"])
    except AuthcheckError as error:
        return _show_form(request, workspace, caller, typed, error=error, form="orders-")
    results = [_issue_row(request, workspace, caller, row, form.text("nonce")) for row in rows]
    publishing.publish_recorded(workspace.database, workspace.settings)
    return _show_form(request, workspace, caller, typed, results=results)


def _read_order(workspace: Workspace, caller: Principal, form: Form) -> Order:
    """Return the order of the form. Raises Rejected (`number.malformed`, `table.*`, `row.*`)."""
    serials = read_values(form.text("serials").encode(), ("serial", "serials", "serial_number"))
    units = form.text("units").strip()
    return Order(
        design_id=_find_design(workspace, caller, form.text("design")),
        gtin=form.text("gtin"),
        lot=form.text("lot"),
        product=form.text("product"),
        request_key=_key(form.text("nonce")),
        count=read_count(units) if units or not serials else 0,
        serials=serials,
        pins=form.text("pins") == "on",
        licence_id=form.text("licence").strip() or None,
    )


def _key(nonce: str) -> str:
    """Return the request key of a form. A nonce that is not ours gets a fresh key."""
    return f"form-{nonce if NONCE.fullmatch(nonce) else secrets.token_urlsafe(16)}"


def _find_design(workspace: Workspace, caller: Principal, text: str) -> str:
    with workspace.database.reading() as session:
        return desk_search.find_named_design(session, caller.organisation_id, text.strip())


def _issue(workspace: Workspace, caller: Principal, order: Order) -> str:
    """Issue an order and return the id of its batch."""
    caller.reach.require_all_designs()
    vault = open_vault(workspace.settings)
    with workspace.database.writing() as session:
        organisation = session.get_one(Organisation, caller.organisation_id)
        return issuing.issue(session, vault, workspace.settings, organisation, order, utc_now()).id


def _issue_row(
    request: Request, workspace: Workspace, caller: Principal, row: OrderRow | OrderProblem, nonce: str
) -> RowResult:
    if isinstance(row, OrderProblem):
        return RowResult(row.line, "", None, 0, problem_of(request, row.error))
    said = "\n".join(map(str, (row.design, row.gtin, row.lot, row.product, row.units, row.pins)))
    order = Order(
        design_id=_find_design(workspace, caller, row.design),
        gtin=row.gtin,
        lot=row.lot,
        product=row.product,
        request_key=f"{_key(nonce)}-{hashlib.sha256(said.encode()).hexdigest()[:32]}",
        count=row.units,
        pins=row.pins,
    )
    try:
        return RowResult(row.line, row.product, _issue(workspace, caller, order), row.units, None)
    except AuthcheckError as error:
        return RowResult(row.line, row.product, None, 0, problem_of(request, error))


def _typed(form: Form) -> dict[str, str]:
    return {name: form.text(name) for name in FIELDS}


def _show_form(
    request: Request,
    workspace: Workspace,
    caller: Principal,
    typed: dict[str, str],
    *,
    error: AuthcheckError | None = None,
    form: str = "",
    results: list[RowResult] | None = None,
) -> HTMLResponse:
    """Render the two forms with what was typed. `error` is about the one whose fields begin with `form`."""
    field = "table" if form else FIELD_OF.get(error.code, "") if error else ""
    with workspace.database.reading() as session:
        choices = list(_choices(session, caller))
        has_key = signing_keys.has_active_key(session, caller.organisation_id)
    return render(
        request,
        "certificates/new.html",
        status=status_of(request, error) if error else 200,
        choices=choices,
        has_key=has_key,
        typed=typed,
        problem=problem_of(request, error, field, form) if error else None,
        results=results or [],
        columns=COLUMNS,
        most_units=MOST_UNITS,
        nonce=secrets.token_urlsafe(16),
    )


def _choices(session: Session, caller: Principal) -> Iterator[dict[str, Any]]:
    for choice in desk_search.find_choices(session, caller.organisation_id, utc_now(), reach=caller.reach):
        design = choice.design
        yield {
            "id": design.id,
            "title": design.title,
            "reference": design.reference,
            "licence": choice.licence_id,
        }
