"""A buyer with a label: the page behind its code."""

import re
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.routing import APIRoute

from authcheck.errors import AuthcheckError, NotFound
from authcheck.ids import show_code
from authcheck.lookups import lookup
from authcheck.lookups.lookup import LookUp
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep, public_read_limit
from ..problems import from_error
from ..wire.lookups import bundle_url, certificate_out, holds_label
from .render import render

HERE = ("good", "revoked", "not_true", "unknown", "unsupported", "failed")  # what verify.js may say
NUMBERS = re.compile(r"/01/([^/]+)/10/([^/]+)/21/([^/]+)/?")


class LabelRoute(APIRoute):
    """A route whose refusals are pages as well: one for all codes that are not known, whatever is wrong with them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Whatever the route or a dependency refuses becomes a page, or a problem for who asks for JSON."""
        handle = super().get_route_handler()

        async def page(request: Request) -> Response:
            try:
                return await handle(request)
            except AuthcheckError as error:
                if wants_json(request):
                    raise
                told = from_error(error, request.state.request_id)
                outcome = "missing" if isinstance(error, NotFound) else "unavailable"
                kept = {name: value for name, value in told.headers.items() if name == "retry-after"}
                return render(
                    request,
                    "certificate.html",
                    status=told.status_code,
                    headers=kept,
                    outcome=outcome,
                    found=None,
                )

        return page


router = APIRouter(route_class=LabelRoute, include_in_schema=False, dependencies=[Depends(public_read_limit)])


@router.get("/c/{code}")
@router.get("/C/{code}")
def by_code(request: Request, code: str, workspace: WorkspaceDep) -> HTMLResponse:
    """The certificate of a code; capital addresses make smaller QR codes."""
    found = lookup.look_up(workspace.database, workspace.settings, code, utc_now())
    if not holds_label(found.unit, code):  # an id, which the public ledger shows
        raise NotFound("We have no certificate for that code.", code="certificate.not_found")
    return _page(request, found, found.unit.code)


@router.get("/01/{gtin}/10/{lot:path}/21/{serial:path}")  # noqa: FAST003 - read from the raw path, see _unit
async def by_numbers(request: Request, workspace: WorkspaceDep) -> Response:
    """The certificate of a GS1 Digital Link (GTIN, lot, serial), as a page or as JSON."""
    found = await run_in_threadpool(_unit, workspace, request)
    if not wants_json(request):
        return _page(request, found, _code_by_numbers(found))
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    told = certificate_out(found, has_label=True, code=_code_by_numbers(found))
    return JSONResponse(told.model_dump(mode="json"), headers=headers)


def _unit(workspace: Workspace, request: Request) -> LookUp:
    # The path as it was sent: in the decoded one a slash of a serial number looks like any other.
    path = request.scope.get("raw_path", b"").decode("ascii", "replace")
    numbers = NUMBERS.search(path)
    gtin, lot, serial = map(unquote, numbers.groups()) if numbers else ("", "", "")
    return lookup.look_up_numbers(workspace.database, workspace.settings, (gtin, lot, serial), utc_now())


def wants_json(request: Request) -> bool:
    """Whether a caller asks for JSON and not for a page."""
    accepted = request.headers.get("accept", "")
    return "json" in accepted and "text/html" not in accepted


def _code_by_numbers(found: LookUp) -> str | None:
    """The code for who knows a unit's numbers: a brand's own serial numbers can be guessed, so they give no code away."""
    return found.unit.code if found.unit.code == found.unit.serial else None


def _page(request: Request, found: LookUp, code: str | None) -> HTMLResponse:
    return render(
        request,
        "certificate.html",
        outcome=found.outcome,
        found=found,
        code=show_code(code) if code else None,
        bundle_url=bundle_url(found.unit),
        preview=f"/v1/designs/{found.unit.design_id}/preview" if found.unit.has_preview else None,
        here=HERE,
    )
