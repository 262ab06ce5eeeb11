"""Pages for a buyer with a label: the certificate behind its code."""

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
from authcheck.labels.gs1 import CODE_ATTRIBUTE
from authcheck.lookups import lookup, units
from authcheck.lookups.lookup import LookUp
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep, public_read_limit
from ..problems import from_error
from ..wire.lookups import bundle_url, certificate_out, holds_label
from .render import render

HERE = ("good", "revoked", "not_true", "unknown", "unsupported", "failed")  # the outcomes of verify.js
NUMBERS = re.compile(r"/01/([^/]+)/10/([^/]+)/21/([^/]+)/?")


class LabelRoute(APIRoute):
    """A route that answers errors with pages.

    All unknown codes get the same page, for every kind of fault.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return a handler that turns an error into a page, or into a problem if the client wants JSON."""
        handle = super().get_route_handler()

        async def page(request: Request) -> Response:
            try:
                return await handle(request)
            except AuthcheckError as error:
                if wants_json(request):
                    raise
                api_response = from_error(error, request.state.request_id)
                outcome = _outcome_of(error)
                headers = {
                    name: value for name, value in api_response.headers.items() if name == "retry-after"
                }
                return render(
                    request,
                    "certificate.html",
                    status=api_response.status_code,
                    headers=headers,
                    outcome=outcome,
                    found=None,
                    lang=request.query_params.get("lang"),
                )

        return page


def _outcome_of(error: AuthcheckError) -> str:
    if error.code == "certificate.code_needed":
        return "code_needed"
    return "missing" if isinstance(error, NotFound) else "unavailable"


router = APIRouter(route_class=LabelRoute, include_in_schema=False, dependencies=[Depends(public_read_limit)])


@router.get("/c/{code}")
@router.get("/C/{code}")
def by_code(request: Request, code: str, workspace: WorkspaceDep) -> HTMLResponse:
    """Show the certificate of a code. The address in capitals makes smaller QR codes."""
    result = lookup.look_up(workspace.database, workspace.settings, code, utc_now())
    if not holds_label(result.unit, code):  # `code` is an id, which everybody can read in the public ledger
        raise units.unknown_unit_error()
    return _render_certificate(request, result)


@router.get("/01/{gtin}/10/{lot:path}/21/{serial:path}")  # noqa: FAST003 - read from the raw path, see _look_up_link
async def by_numbers(request: Request, workspace: WorkspaceDep) -> Response:
    """Show the certificate of a GS1 Digital Link (GTIN, lot, serial), as a page or as JSON."""
    result = await run_in_threadpool(_look_up_link, workspace, request)
    if not wants_json(request):
        return _render_certificate(request, result)
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    body = certificate_out(result, has_label=True)
    return JSONResponse(body.model_dump(mode="json"), headers=headers)


def _look_up_link(workspace: Workspace, request: Request) -> LookUp:
    # Use the raw path: in the decoded path, a slash in a serial number looks like a separator.
    path = request.scope.get("raw_path", b"").decode("ascii", "replace")
    numbers = NUMBERS.search(path)
    gtin, lot, serial = map(unquote, numbers.groups()) if numbers else ("", "", "")
    code = request.query_params.get(CODE_ATTRIBUTE)
    return lookup.look_up_label(workspace.database, workspace.settings, (gtin, lot, serial), code, utc_now())


def wants_json(request: Request) -> bool:
    """Return whether the client asks for JSON and not for a page."""
    accepted = request.headers.get("accept", "")
    return "json" in accepted and "text/html" not in accepted


def _render_certificate(request: Request, result: LookUp) -> HTMLResponse:
    return render(
        request,
        "certificate.html",
        outcome=result.outcome,
        found=result,
        code=show_code(result.unit.code),
        bundle_url=bundle_url(result.unit),
        preview=f"/v1/designs/{result.unit.design_id}/preview" if result.unit.has_preview else None,
        here=HERE,
    )
