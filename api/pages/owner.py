"""The page of an item's owner: claim the item with its PIN, and explain the scans before the claim."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response

from authcheck.certificates.signing_keys import open_vault
from authcheck.certificates.tables import Certificate
from authcheck.errors import AuthcheckError, Forbidden
from authcheck.ids import show_code
from authcheck.lookups import units
from authcheck.lookups.units import Unit
from authcheck.scans import claims
from authcheck.scans.tables import UnitMark
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import RatesDep, WorkspaceDep
from ..scanners import origin_of
from .person import Form, FormDep, PersonRoute, problem_of, status_of
from .render import render

router = APIRouter(route_class=PersonRoute, include_in_schema=False)
Code = Annotated[str, Path(max_length=64)]
PINS = {"claim.pin", "claim.paused", "claim.no_pin", "claim.claimed", "claim.inactive"}


@dataclass(frozen=True, slots=True)
class Item:
    """The item of a code: its unit, whether its label has a PIN, and when somebody claimed it."""

    unit: Unit
    has_pin: bool
    mark: UnitMark | None


@router.get("/c/{code}/owner")
def show(request: Request, code: Code, workspace: WorkspaceDep) -> HTMLResponse:
    """Show the forms of the owner."""
    return _page(request, _find(workspace, code))


@router.post("/c/{code}/owner")
def act(request: Request, code: Code, form: FormDep, workspace: WorkspaceDep, rates: RatesDep) -> Response:
    """Claim the item with the field `pin`, or clear its alerts with the field `secret`."""
    item = _find(workspace, code)
    try:
        rates.count(rates.public_checks, rates.client(request), request)
        if form.text("secret"):
            with workspace.database.writing() as session:
                cleared = claims.clear_as_owner(session, item.unit.id, form.text("secret").strip(), utc_now())
            return _page(request, item, cleared=cleared)
        secret = _claim(request, workspace, item, form)
    except AuthcheckError as error:
        return _page(request, _find(workspace, code), error)
    return _page(request, _find(workspace, code), secret=secret)


def _claim(request: Request, workspace: Workspace, item: Item, form: Form) -> str:
    vault, origin = open_vault(workspace.settings), origin_of(request)
    with workspace.database.writing() as session:
        certificate = session.get_one(Certificate, item.unit.id)
        secret = claims.claim(
            session, vault, certificate, form.text("pin"), visitor=origin.visitor, now=utc_now()
        )
    if secret is None:  # after the transaction, which counts the wrong PIN
        raise Forbidden("This PIN is wrong. Check each digit.", code="claim.pin")
    return secret


def _find(workspace: Workspace, code: str) -> Item:
    """Return the item. Raises NotFound (`certificate.not_found`)."""
    with workspace.database.reading_rows() as connection:
        unit = units.find_by_code(connection, code)
    with workspace.database.reading() as session:
        certificate = session.get_one(Certificate, unit.id)
        mark = session.get(UnitMark, (unit.id, "claimed"))
        return Item(unit, certificate.sealed_pin is not None, mark)


def _page(request: Request, item: Item, error: AuthcheckError | None = None, **said: Any) -> HTMLResponse:
    field = "pin" if error is not None and error.code in PINS else "secret"
    return render(
        request,
        "label/owner.html",
        status=200 if error is None else status_of(request, error),
        unit=item.unit,
        code=show_code(item.unit.code),
        has_pin=item.has_pin,
        claimed_at=item.mark.marked_at if item.mark else None,
        secret=said.get("secret", ""),
        cleared=said.get("cleared"),
        problem=None if error is None else problem_of(request, error, field),
    )
