"""Pages for a reader with a photo: the form and the stored answer (docs/flows/buyer-checks-a-photo.md)."""

import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from markupsafe import Markup

from authcheck.checks import evidence, records
from authcheck.checks.evidence import Found
from authcheck.checks.tables import Check
from authcheck.checks.verdicts import VerdictCode
from authcheck.errors import AuthcheckError, NotFound, Unavailable
from authcheck.registry.tables import Design
from authcheck.storage.opening import utc_now
from authcheck.vision.matching.overlay import MOST
from authcheck.workspace import Workspace

from ..cookies import cross_site_error, from_our_site
from ..deps import WorkspaceDep, public_limit, public_read_limit
from ..i18n import language_of
from ..metrics import Metrics
from ..previews import preview_path
from ..problems import from_error
from ..uploads import read_picture
from .render import render, to
from .sellers_view import sellers_of

REASONS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason why a picture was not checked, in the reader's language."""

    code: str
    sentence: Markup


@dataclass(frozen=True, slots=True)
class FoundDesign:
    """A design that was found, and the path of its public preview or None."""

    design: Design
    preview: str | None


@dataclass(frozen=True, slots=True)
class EvidenceShown:
    """The facts about an evidence picture: its designs, and the time when it will be deleted.

    `matches` is the number of designs that the photo shows. `more` is the number of designs that are found
    but not drawn. `is_located` says whether the place of a design is known, `is_compared` whether differences
    are marked, `is_apart` whether no place is known and a registered design is shown beside the photo.
    """

    url: str
    designs: list[FoundDesign]
    matches: int
    more: int
    is_located: bool
    is_compared: bool
    is_apart: bool
    until: datetime


class PageRoute(APIRoute):
    """A route that answers errors with pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return a handler that turns an error of the route or a dependency into a page with its sentence."""
        handle = super().get_route_handler()

        async def page(request: Request) -> Response:
            try:
                return await handle(request)
            except NotFound:
                return render(request, "missing.html", status=404)
            except AuthcheckError as error:
                return _render_form(request, error)

        return page


router = APIRouter(route_class=PageRoute, include_in_schema=False)


def same_site(request: Request) -> None:
    """Refuse a picture that a page of another site sends at the cost of our visitor's rate limit.

    A browser that does not name the sending site, and curl, may send pictures: nobody is signed in for them.
    Raises Forbidden (`request.cross_site`).
    """
    if from_our_site(request) is False:
        raise cross_site_error()


@router.get("/")
def form(request: Request) -> HTMLResponse:
    """Show the form to choose, drop or paste a picture."""
    return _render_form(request)


@router.post("/", dependencies=[Depends(same_site), Depends(public_limit)])
async def ask(request: Request, workspace: WorkspaceDep) -> RedirectResponse:
    """Check the posted picture, store the answer, and redirect to the answer.

    The file name is not stored. If the check finds a design, a small copy of the picture is kept for some
    days.
    """
    picture = await read_picture(request)
    check = await run_in_threadpool(_check, workspace, picture.data, request.app.state.metrics)
    return RedirectResponse(to(request, f"/checks/{check.id}"), 303, {"Cache-Control": "no-store"})


def _check(workspace: Workspace, data: bytes, metrics: Metrics) -> Check:
    started_s, now = time.perf_counter(), utc_now()
    check, _ = records.check_picture(
        workspace.database,
        workspace.finder,
        data,
        limits=workspace.limits,
        policy=workspace.policy,
        organisation_id=None,
        source="page",
        name="",
        now=now,
    )
    evidence.keep(check, data, workspace.copies, workspace.limits, now)
    metrics.check_seconds.observe(time.perf_counter() - started_s)
    metrics.checks.labels(check.verdict, check.source).inc()
    return check


@router.get("/checks/{check_id}", dependencies=[Depends(public_read_limit)])
def answer(request: Request, check_id: str, workspace: WorkspaceDep) -> HTMLResponse:
    """Show the answer to an anonymous check: words and the evidence picture, never a score or a distance."""
    country = request.query_params.get("country", "")
    language = language_of(request)
    with workspace.database.reading() as session:
        check = records.get_check(session, check_id)
        findings = evidence.found_in(session, [check])[check.id]
        design = _public_design(check)
        sellers = sellers_of(session, language, check, design, asked=country, today=utc_now().date())
    codes = list(dict.fromkeys(str(reason["code"]) for reason in check.reasons))
    return render(
        request,
        "answer.html",
        check=check,
        design=design,
        preview=preview_path(design) if design else None,
        notices=_notices(design, codes),
        shown=_describe_evidence(workspace, check, findings),
        reasons=[code for code in codes if code != "design.disputed"][:REASONS_SHOWN],
        sellers=sellers,
        lang=request.query_params.get("lang"),
    )


def _public_design(check: Check) -> Design | None:
    """Return the design that an answer may name, or None.

    When the check found nothing, it names no near design.
    """
    return None if check.verdict == VerdictCode.NONE else check.design


def _describe_evidence(workspace: Workspace, check: Check, findings: list[Found]) -> EvidenceShown | None:
    """Return the facts about the evidence picture, or None when there is no such picture."""
    if not evidence.exists(check, workspace.copies, utc_now()):
        return None
    drawn = findings[:MOST]
    located = [finding for finding in drawn if finding.alignment is not None]
    shown = [finding for finding in drawn if evidence.may_show(finding, public=True)]
    return EvidenceShown(
        url=f"/v1/checks/{check.id}/evidence",
        designs=[FoundDesign(finding.design, preview_path(finding.design)) for finding in drawn],
        matches=sum(finding.row["verdict"] == "match" for finding in findings),
        more=len(findings) - len(drawn),
        is_located=bool(located),
        is_compared=any(finding in located for finding in shown),
        is_apart=bool(shown) and not located,
        until=workspace.copies.ends_at(check.asked_at),
    )


def _notices(design: Design | None, codes: list[str]) -> list[str]:
    """Return the important notices, as ends of sentence keys. They hold at the time of the check or today."""
    if design is None:
        return []
    is_disputed = design.state == "disputed" or "design.disputed" in codes
    return ["disputed"] * is_disputed + ["retired"] * (design.state == "retired")


def _render_form(request: Request, error: AuthcheckError | None = None) -> HTMLResponse:
    workspace: Workspace = request.app.state.workspace
    limits: dict[str, Any] = {
        "max_bytes": workspace.limits.bytes,
        "kept_days": workspace.copies.days,
        "box": {"action": "/c", "name": "code", "value": ""},
        "lang": request.query_params.get("lang"),
    }
    if error is None:
        return render(request, "form.html", problem=None, **limits)
    otherwise = "unavailable" if isinstance(error, Unavailable) else "unknown"
    # Name the limit of the picture. The error may have the limit of the body, which is larger.
    params = {**error.params, "limit_bytes": workspace.limits.bytes}
    sentence = language_of(request).sentence("error", error.code, params, otherwise=otherwise)
    api_response = from_error(error, request.state.request_id)
    headers = api_response.headers
    return render(
        request,
        "form.html",
        status=api_response.status_code,
        headers={name: headers[name] for name in ("retry-after",) if name in headers},
        problem=Refusal(error.code, sentence),
        **limits,
    )
