"""Endpoints that check pictures.

A caller with a key gets the full answer, the public gets the answer in words.
"""

import time
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from authcheck.checks import evidence, records
from authcheck.checks.evidence import Found
from authcheck.checks.tables import Check
from authcheck.members.principals import Principal
from authcheck.members.reach import WHOLE
from authcheck.registry.tables import View
from authcheck.storage.opening import utc_now
from authcheck.vision.matching.overlay import Layout
from authcheck.workspace import Workspace

from ..deps import IfNoneMatch, KeyFirst, ListingsReader, PublicOrChecker, RatesDep, WorkspaceDep
from ..drawings import Drawings, draw_evidence
from ..etags import not_modified, picture_response
from ..idempotency import OnceDep
from ..metrics import Metrics
from ..openapi import picture_body, pictures_out
from ..paging import PagingDep
from ..uploads import PictureDep, UploadedPicture
from ..wire.checks import CheckOut, PublicCheckOut, check_out, full_check_out, public_check_out
from ..wire.forms import Page

router = APIRouter(route_class=KeyFirst, prefix="/v1/checks", tags=["checks"])
# Browsers must ask again each time: an owner may switch off the preview, and the copy is deleted by age.
EVIDENCE_CACHE = "private, no-cache"
KEY_OPTIONAL: dict[str, Any] = {
    "security": [{}]
}  # beside the bearer scheme: requests without a key are allowed


@router.post(
    "", status_code=201, response_model=CheckOut | PublicCheckOut, openapi_extra=picture_body() | KEY_OPTIONAL
)
def create_check(
    caller: PublicOrChecker,
    once: OnceDep,
    picture: PictureDep,
    workspace: WorkspaceDep,
    request: Request,
) -> Response:
    """Check one picture. Without a key, the answer has only the verdict, the design's title and its owner.

    With a key (`listings:check`) the answer also has score, method and the numbers of the reasons. An
    Idempotency-Key works only with a key.
    """
    return once.run(
        workspace.database, caller, picture.sha256, lambda: _check(workspace, caller, picture, request)
    )


def _check(
    workspace: Workspace, caller: Principal | None, picture: UploadedPicture, request: Request
) -> Response:
    metrics: Metrics = request.app.state.metrics
    started_s, now = time.perf_counter(), utc_now()
    check, _ = records.check_picture(
        workspace.database,
        workspace.finder,
        picture.data,
        limits=workspace.limits,
        policy=workspace.policy,
        organisation_id=caller.organisation_id if caller else None,
        source="api",
        name=picture.name,
        now=now,
    )
    metrics.note_check(check, time.perf_counter() - started_s)
    evidence.keep(check, picture.data, workspace.copies, workspace.limits, now)
    if caller is not None and not caller.reach.covers_design(check.design_id):
        body: CheckOut | PublicCheckOut = _show_beyond(workspace, check)
        headers = {}
    else:
        body = _show(workspace, check.id, caller)
        headers = {"Location": f"/v1/checks/{check.id}"}
    return Response(body.model_dump_json(), 201, headers, media_type="application/json")


def _show_beyond(workspace: Workspace, check: Check) -> PublicCheckOut:
    """Return what everybody learns about a picture, for an agent who does not reach the design in it.

    The agent does not find the check later.
    """
    with workspace.database.reading() as session:
        stored = records.get_check(session, check.id, organisation_id=check.organisation_id)
        return public_check_out(stored, evidence.found_in(session, [stored])[check.id], evident=False)


@router.get("/{check_id}", openapi_extra=KEY_OPTIONAL)
def show_check(caller: PublicOrChecker, check_id: str, workspace: WorkspaceDep) -> CheckOut | PublicCheckOut:
    """Return an earlier answer: your own answers in full.

    Everybody who has the id may read a public answer.
    """
    return _show(workspace, check_id, caller)


@router.get(
    "/{check_id}/evidence",
    response_class=Response,
    responses=pictures_out("image/webp"),
    openapi_extra=KEY_OPTIONAL,
)
def show_evidence(
    caller: PublicOrChecker,
    check_id: str,
    workspace: WorkspaceDep,
    rates: RatesDep,
    request: Request,
    *,
    layout: Layout = "wide",
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return the checked picture with its findings outlined, beside the registered designs.

    For finding 1, panel 1A is the design as the picture shows it, straightened. 1B is the registered design.
    1C marks the differences, and hatches the parts that the picture does not show. A public check shows a
    design only if its public preview does. `layout=tall` stacks the panels for a narrow screen.
    """
    check, findings = _read_evidence(workspace, check_id, caller)
    name = evidence.name_of(check, findings, layout)
    etag = f'"{name}"'
    if not_modified(if_none_match, etag):
        return Response(status_code=304, headers={"ETag": etag, "Cache-Control": EVIDENCE_CACHE})
    drawings: Drawings = request.app.state.drawings
    content = drawings.get(name)
    if content is None:
        if caller is None:  # a drawing costs as much as a check
            rates.count(rates.public_drawings, rates.client(request), request)
        content = drawings.draw(name, lambda: draw_evidence(check, findings, workspace, layout))
    return picture_response(content, "image/webp", etag, EVIDENCE_CACHE, f"{check.id}.webp")


def _read_evidence(
    workspace: Workspace, check_id: str, caller: Principal | None
) -> tuple[Check, list[Found]]:
    """Return the check and its findings. Raises NotFound (`check.not_found`, `evidence.none`)."""
    with workspace.database.reading() as session:
        check = _get_check(session, check_id, caller)
        evidence.require(check, workspace.copies, utc_now())
        return check, _find_findings(session, [check], caller)[check.id]


@router.get("")
def list_checks(caller: ListingsReader, workspace: WorkspaceDep, paging: PagingDep) -> Page[CheckOut]:
    """List your organisation's checks, oldest first."""
    with workspace.database.reading() as session:
        rows = records.list_checks(
            session, caller.organisation_id, after=paging.after, limit=paging.fetch, reach=caller.reach
        )
        views = {check.id: _find_view(session, check) for check in rows}
        findings = _find_findings(session, rows, caller)
        return paging.page(
            rows,
            lambda check: full_check_out(
                check, views[check.id], findings[check.id], evident=_has_evidence(workspace, check)
            ),
        )


def _show(workspace: Workspace, check_id: str, caller: Principal | None) -> CheckOut | PublicCheckOut:
    with workspace.database.reading() as session:
        check = _get_check(session, check_id, caller)
        findings = _find_findings(session, [check], caller)[check.id]
        view = _find_view(session, check)
        return check_out(check, view, findings, evident=_has_evidence(workspace, check))


def _get_check(session: Session, check_id: str, caller: Principal | None) -> Check:
    if caller is None:
        return records.get_check(session, check_id)
    return records.get_check(session, check_id, organisation_id=caller.organisation_id, reach=caller.reach)


def _find_findings(
    session: Session, checks: Sequence[Check], caller: Principal | None
) -> dict[str, list[Found]]:
    """Return the findings by check, without those designs of the brand that its agent does not reach."""
    found = evidence.found_in(session, checks)
    if caller is None or caller.reach == WHOLE:
        return found
    return {
        check_id: [finding for finding in findings if _is_shown(finding, caller)]
        for check_id, findings in found.items()
    }


def _is_shown(finding: Found, caller: Principal) -> bool:
    design = finding.design
    return design.owner_id != caller.organisation_id or caller.reach.covers_design(design.id)


def _has_evidence(workspace: Workspace, check: Check) -> bool:
    return evidence.exists(check, workspace.copies, utc_now())


def _find_view(session: Session, check: Check) -> View | None:
    return session.get(View, check.view_number) if check.view_number is not None else None
