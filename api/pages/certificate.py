"""Pages for a buyer with a label: the certificate behind its code, and the box to type a code."""

import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from markupsafe import Markup

from authcheck.certificates.products import ProductInfo, find_product_info
from authcheck.errors import AuthcheckError, Forbidden, NotFound, Rejected
from authcheck.ids import LONGEST_TYPED_CHARS, check_code, show_code, tidy
from authcheck.labels.codes import LONGEST_TEXT
from authcheck.labels.gs1 import CODE_ATTRIBUTE
from authcheck.ledger.addresses import addresses_of
from authcheck.lookups import lookup, rights, slips, units
from authcheck.lookups.lookup import LinkNumbers, LookUp
from authcheck.lookups.rights import IssuersRight
from authcheck.lookups.slips import Slip
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from .. import resolving
from ..deps import WorkspaceDep, public_read_limit
from ..i18n import language_of
from ..problems import RETRY_AFTER_S, from_error
from ..visits import new_visit
from ..wire.lookups import bundle_url, certificate_out, holds_label
from . import label_view, typed
from .label_view import LabelState
from .render import path_of, render, to

HERE = ("good", "revoked", "not_true", "unknown", "unsupported", "failed")  # the outcomes of verify.js
WAYS = ("camera", "scanner", "photo", "typed")  # how a reader came to the page of a label
NUMBERS = re.compile(r"/01/([^/]+)(?:/10/([^/]+))?/21/([^/]+)/?")


@dataclass(frozen=True, slots=True)
class Choice:
    """A label that the reader may mean: the path of its page, how it is shown, and the slip or None."""

    path: str
    shown: str
    slip: Slip | None = None


class LabelRoute(APIRoute):
    """A route that answers errors with pages.

    All unknown codes get the same page, for every kind of fault. A code that does not fit its check character
    gets a page of its own: everybody can compute that without us.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return a handler that turns an error into a page, or into a problem if the client wants JSON."""
        handle = super().get_route_handler()

        async def page(request: Request) -> Response:
            try:
                return await handle(request)
            except AuthcheckError as error:
                if wants_json(request) or error.code == "link.type":
                    raise
                return _render_error(request, error)

        return page


router = APIRouter(route_class=LabelRoute, include_in_schema=False, dependencies=[Depends(public_read_limit)])


@router.get("/c")
def by_typed_code(request: Request, workspace: WorkspaceDep) -> Response:
    """Lead a code that was typed or scanned, or an address of a label, to its page.

    Without a code, show the box for it.
    """
    _refuse_programs(request)
    text = _asked_text(request)
    if not text.strip():
        return render_without_unit(request, "enter")
    with workspace.database.reading() as session:
        urls = addresses_of(session, workspace.settings).urls
    path = typed.path_of(text, urls)
    way = request.query_params.get("way", "")
    address = to(request, f"{path}{'&' if '?' in path else '?'}way={way if way in WAYS else 'typed'}")
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})


@router.get("/c/{code}")
@router.get("/C/{code}")
def by_code(request: Request, code: str, workspace: WorkspaceDep) -> HTMLResponse:
    """Show the certificate of a code. The address in capitals makes smaller QR codes."""
    result = lookup.look_up(workspace.database, workspace.settings, code, utc_now())
    if not holds_label(result.unit, code):  # `code` is an id, which everybody can read in the public ledger
        raise units.unknown_unit_error()
    return _render_certificate(request, workspace, result)


@router.get("/01/{gtin}/10/{lot:path}/21/{serial:path}")  # noqa: FAST003 - read from the raw path, see _look_up_link
@router.get("/01/{gtin}/21/{serial:path}")
async def by_numbers(request: Request, workspace: WorkspaceDep) -> Response:
    """Show the certificate of a GS1 Digital Link (GTIN, lot, serial), as a page, as JSON or as its links.

    The lot may be missing. `linkType` asks for one kind of link, or for all of them (`linkset`).
    """
    result = await run_in_threadpool(_look_up_link, workspace, request)
    if resolving.is_asked(request):
        links = await run_in_threadpool(_resolve, request, workspace, result)
        if links is not None:
            return links
    if not wants_json(request):
        page = await run_in_threadpool(_render_certificate, request, workspace, result)
        page.headers["Link"] = resolving.link_to_linkset(result)
        return page
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    body = certificate_out(result, has_label=True)
    return JSONResponse(body.model_dump(mode="json"), headers=headers)


@router.get("/01/{numbers:path}")  # noqa: FAST003 - a link of GS1 without a serial number names no unit
def by_product(request: Request) -> Response:
    """Ask for the code when a link names a product or a lot, but no unit."""
    _refuse_programs(request)
    raise units.code_needed_error()


def _resolve(request: Request, workspace: Workspace, result: LookUp) -> Response | None:
    """Return the asked link or all links of a label, None where the link leads to this page."""
    with workspace.database.reading() as session:
        public_url = addresses_of(session, workspace.settings).current
    if resolving.wants_linkset(request):
        return JSONResponse(resolving.linkset_of(public_url, result), headers=resolving.linkset_headers())
    target = resolving.target_of(request, public_url, result)
    if target is None:
        return None
    return RedirectResponse(target, 307, {"Cache-Control": "no-store"})


def _look_up_link(workspace: Workspace, request: Request) -> LookUp:
    code = request.query_params.get(CODE_ATTRIBUTE)
    numbers = _numbers_of(request) or ("", "", "")
    return lookup.look_up_label(workspace.database, workspace.settings, numbers, code, utc_now())


def _numbers_of(request: Request) -> LinkNumbers | None:
    """Return GTIN, lot and serial number of a GS1 link, None for another address.

    They are read from the raw path: in the decoded path, a slash in a number looks like a separator.
    """
    numbers = NUMBERS.search(path_of(request))
    if numbers is None:
        return None
    gtin, lot, serial = numbers.groups()
    return unquote(gtin), None if lot is None else unquote(lot), unquote(serial)


def wants_json(request: Request) -> bool:
    """Return whether the client asks for JSON and not for a page."""
    accepted = request.headers.get("accept", "")
    return "json" in accepted and "text/html" not in accepted


def _refuse_programs(request: Request) -> None:
    """Answer 404 to a program: these addresses have pages only."""
    if wants_json(request):
        raise HTTPException(HTTPStatus.NOT_FOUND)


def _render_certificate(request: Request, workspace: Workspace, result: LookUp) -> HTMLResponse:
    now = utc_now()
    with workspace.database.reading() as session:
        right = rights.right_of(session, result.unit, now.date())
        product_info = find_product_info(session, result.unit.organisation_id, result.unit.gtin)
    return render_label(request, result, right, product_info, now)


def render_label(
    request: Request, result: LookUp, right: IssuersRight, product_info: ProductInfo, now: datetime
) -> HTMLResponse:
    """Return the page of a unit that was looked up at `now`."""
    unit, code = result.unit, show_code(result.unit.code)
    way = request.query_params.get("way", "")
    return render(
        request,
        "certificate.html",
        view=label_view.view_of(language_of(request), result, code, right),
        found=result,
        code=code,
        checked_at=now,
        bundle_url=bundle_url(unit),
        product_info=product_info,
        contact_host=urlsplit(unit.contact_url).hostname or "",
        preview=f"/v1/designs/{unit.design_id}/preview" if unit.has_preview else None,
        here=HERE,
        box={"action": "/c", "name": "code", "value": ""},
        lang=request.query_params.get("lang"),
        way=way if way in WAYS else WAYS[0],
        visit=new_visit(request, unit.id, result.advice, now),
    )


def _render_error(request: Request, error: AuthcheckError) -> HTMLResponse:
    """Return the page for an error. Every such page has a box to look another code up."""
    text = _asked_text(request)
    api_response = from_error(error, request.state.request_id)
    headers = {name: value for name, value in api_response.headers.items() if name == "retry-after"}
    state = _state_of(error, text)
    problem = None
    if state == "not_read":
        problem = language_of(request).sentence("error", error.code, error.params)
    return render_without_unit(
        request,
        state,
        status=api_response.status_code,
        headers=headers,
        seconds=error.params.get("retry_after_s", RETRY_AFTER_S),
        problem=problem,
        host=typed.host_in(text) if state == "foreign" else "",
    )


def render_without_unit(
    request: Request,
    state: LabelState,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    seconds: object = RETRY_AFTER_S,
    problem: Markup | None = None,
    text: str | None = None,
    host: str = "",
    choices: Sequence[Choice] = (),
) -> HTMLResponse:
    """Return a page that speaks of no unit, with the ways to a label.

    `text` is what was typed or read, by default what the request asks for.
    """
    text = _asked_text(request) if text is None else text
    is_link = state == "code_needed" and "/21/" in request.url.path
    action, name = (path_of(request), CODE_ATTRIBUTE) if is_link else ("/c", "code")
    shown = _show_asked(text)
    if state == "slip":
        choices = [_choice_of(slip) for slip in slips.find_slips(text)]
    return render(
        request,
        "certificate.html",
        status=status,
        headers=headers,
        view=label_view.view_without_unit(language_of(request), state, seconds=seconds),
        found=None,
        code=shown,
        host=host,
        problem=problem,
        choices=choices,
        unissued=_numbers_of(request) if state == "missing" and units.is_code(text) else None,
        box={"action": action, "name": name, "value": "" if state == "foreign" else shown},
        lang=request.query_params.get("lang"),
    )


def _choice_of(slip: Slip) -> Choice:
    return Choice(f"/c/{show_code(slip.code)}?way=typed", show_code(slip.code), slip)


def _state_of(error: AuthcheckError, text: str) -> LabelState:
    known: dict[str, LabelState] = {
        "certificate.code_needed": "code_needed",
        "code.foreign": "foreign",
        "rate.exceeded": "limited",
    }
    if isinstance(error, NotFound):
        return "slip" if slips.has_slip(text) else "missing"
    is_refused = isinstance(error, Rejected | Forbidden) and error.code not in known
    return "not_read" if is_refused else known.get(error.code, "unavailable")


def _asked_text(request: Request) -> str:
    """Return the code that a request asks for: of the path, of a GS1 link, or of the box."""
    parameters, numbers = request.query_params, _numbers_of(request)
    serial = numbers[2] if numbers and units.is_code(numbers[2]) else ""
    named = parameters.get(CODE_ATTRIBUTE) or parameters.get("code") or serial
    return str(request.path_params.get("code") or named)[:LONGEST_TEXT]


def _show_asked(text: str) -> str:
    """Return the asked code as it is printed. A text that cannot be a code stays as it was typed."""
    try:
        return show_code(check_code(text))
    except Rejected:
        printable = "".join(character for character in tidy(text) if character.isprintable())
        return printable[:LONGEST_TYPED_CHARS]
