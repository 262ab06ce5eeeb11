"""What scans leave behind, in a reader's words, and the button that makes us forget a phone."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from authcheck.scans.sweeping import forget
from authcheck.storage.opening import utc_now

from .. import cookies
from ..deps import RatesDep, WorkspaceDep
from ..scanners import origin_of
from .person import FormDep, PersonRoute
from .render import render

router = APIRouter(route_class=PersonRoute, prefix="/privacy", include_in_schema=False)


@router.get("")
def show(request: Request, workspace: WorkspaceDep) -> HTMLResponse:
    """Show what we keep, how long, and the button."""
    return _page(request, workspace)


@router.post("")
def forget_phone(request: Request, _form: FormDep, workspace: WorkspaceDep, rates: RatesDep) -> Response:
    """Make the scans of this phone belong to nobody, and remove its cookie."""
    rates.count(rates.public_reports, rates.client(request), request)
    with workspace.database.writing() as session:
        count = forget(session, origin_of(request).visitor)
    response = _page(request, workspace, forgotten=count)
    cookies.drop(request, response, cookies.PHONE)
    return response


def _page(request: Request, workspace: WorkspaceDep, forgotten: int | None = None) -> HTMLResponse:
    return render(
        request,
        "privacy.html",
        days=round(workspace.clone_limits.window_days),
        kept_days=workspace.copies.days,
        forgotten=forgotten,
        as_of=utc_now(),
    )
