"""A buyer or a moderator with a photo: the form, then the stored answer (docs/flows/buyer-checks-a-photo.md)."""

import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from markupsafe import Markup

from authcheck.checks import evidence, records
from authcheck.checks.evidence import Found
from authcheck.checks.tables import Check
from authcheck.checks.verdicts import VerdictCode
from authcheck.errors import AuthcheckError, Forbidden, NotFound, Unavailable
from authcheck.registry.tables import Design
from authcheck.storage.opening import utc_now
from authcheck.vision.matching.overlay import MOST
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep, public_limit, public_read_limit
from ..i18n import language_of
from ..metrics import Metrics
from ..previews import preview_path
from ..problems import from_error
from ..uploads import read_picture
from .render import render, to

REASONS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a picture was not checked, in the reader's words."""

    code: str
    sentence: Markup


@dataclass(frozen=True, slots=True)
class FoundDesign:
    """A design that was found, and where the public finds its preview."""

    design: Design
    preview: str | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is to say of an evidence picture: what it holds, and until when."""

    url: str
    designs: list[FoundDesign]
    more: int
    is_located: bool
    has_designs: bool
    is_compared: bool
    until: datetime


class PageRoute(APIRoute):
    """A route whose refusals are pages as well."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Whatever the route or a dependency refuses becomes a page with a sentence about it."""
        handle = super().get_route_handler()

        async def page(request: Request) -> Response:
            try:
                return await handle(request)
            except NotFound:
                return render(request, "missing.html", status=404)
            except AuthcheckError as error:
                return _form(request, error)

        return page


router = APIRouter(route_class=PageRoute, include_in_schema=False)


def same_site(request: Request) -> None:
    """Refuse a picture that another site's page sends with our visitor's address and rate.

    Browsers name the sender in Sec-Fetch-Site, or in Origin where the connection is plain http; curl names none.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        ours = site in {"same-origin", "none"}
    else:
        ours = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not ours:
        raise Forbidden("The picture was sent from another site.", code="request.cross_site")


@router.get("/")
@router.head("/")
def form(request: Request) -> HTMLResponse:
    """Choose, drop or paste a picture."""
    return _form(request)


@router.post("/", dependencies=[Depends(same_site), Depends(public_limit)])
async def ask(request: Request, workspace: WorkspaceDep) -> RedirectResponse:
    """Check the posted picture, keep the answer, go to it.

    Its file name is not kept; of the picture a small copy for a while, where something was found in it.
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
    """The answer to an anonymous check: words and the evidence picture, never a score or a distance."""
    with workspace.database.reading() as session:
        check = records.get_check(session, check_id)
        found = evidence.found_in(session, [check])[check.id]
    design = _design_shown(check)
    codes = [str(reason["code"]) for reason in check.reasons]
    return render(
        request,
        "answer.html",
        check=check,
        design=design,
        preview=preview_path(design) if design else None,
        notices=_notices(design, codes),
        shown=_evidence(workspace, check, found),
        reasons=[code for code in codes if code != "design.disputed"][:REASONS_SHOWN],
    )


def _design_shown(check: Check) -> Design | None:
    """The design an answer may name: where nothing was found, the nearest one stays untold."""
    return None if check.verdict == VerdictCode.NONE else check.design


def _evidence(workspace: Workspace, check: Check, found: list[Found]) -> Evidence | None:
    """What the page says around the evidence picture; None where there is none."""
    if not evidence.exists(check, workspace.copies, utc_now()):
        return None
    drawn = found[:MOST]
    located = [one for one in drawn if one.alignment is not None]
    panels = [one for one in drawn if evidence.may_show(one, public=True)]
    return Evidence(
        url=f"/v1/checks/{check.id}/evidence",
        designs=[FoundDesign(one.design, preview_path(one.design)) for one in drawn],
        more=len(found) - len(drawn),
        is_located=bool(located),
        has_designs=bool(panels),
        is_compared=any(one in located for one in panels),
        until=workspace.copies.ends_at(check.asked_at),
    )


def _notices(design: Design | None, codes: list[str]) -> list[str]:
    """What must not be overlooked, as the ends of sentence keys: as of the check, and as of today."""
    if design is None:
        return []
    disputed = design.state == "disputed" or "design.disputed" in codes
    return ["disputed"] * disputed + ["retired"] * (design.state == "retired")


def _form(request: Request, error: AuthcheckError | None = None) -> HTMLResponse:
    workspace: Workspace = request.app.state.workspace
    fixed: dict[str, Any] = {"max_bytes": workspace.limits.bytes, "kept_days": workspace.copies.days}
    if error is None:
        return render(request, "form.html", problem=None, **fixed)
    otherwise = "unavailable" if isinstance(error, Unavailable) else "unknown"
    words = {
        **error.params,
        "limit_bytes": workspace.limits.bytes,
    }  # that of the picture, not that of the body around it
    sentence = language_of(request).sentence("error", error.code, words, otherwise=otherwise)
    plain = from_error(error, request.state.request_id)
    return render(
        request,
        "form.html",
        status=plain.status_code,
        headers={name: plain.headers[name] for name in ("retry-after",) if name in plain.headers},
        problem=Problem(error.code, sentence),
        **fixed,
    )
