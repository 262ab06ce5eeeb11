"""Checks: which registered design does this picture show? For keys in full, for the public in words."""

import time
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from authcheck import verify
from authcheck.accounts import Principal
from authcheck.tables import Check, View
from authcheck.workspace import Workspace, utc_now

from ..deps import ListingsChecker, PublicOrChecker, WorkspaceDep
from ..idempotency import OnceDep
from ..metrics import Metrics
from ..openapi import picture_body
from ..paging import PagingDep
from ..schemas import CheckOut, Page, PublicCheckOut
from ..uploads import PictureDep, UploadedPicture
from ..wire import check_out, full_check_out

router = APIRouter(prefix="/v1/checks", tags=["checks"])
KEY_OPTIONAL: dict[str, Any] = {"security": [{}]}  # added to the bearer scheme: no key is an answer too


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
    """Check one picture. Without a key the answer has the verdict, the design's title and its owner, nothing more.

    With a key (`listings:check`) it has score, method and the reasons' numbers too. An Idempotency-Key counts only with
    a key.
    """
    return once.run(
        workspace.database, caller, picture.sha256, lambda: _check(workspace, caller, picture, request)
    )


def _check(
    workspace: Workspace, caller: Principal | None, picture: UploadedPicture, request: Request
) -> Response:
    metrics: Metrics = request.app.state.metrics
    organisation_id = caller.organisation_id if caller else None
    started_s = time.perf_counter()
    check, _ = verify.check_picture(
        workspace.database,
        workspace.live,
        picture.data,
        limits=workspace.limits,
        policy=workspace.policy,
        organisation_id=organisation_id,
        source="api",
        name=picture.name,
        now=utc_now(),
    )
    metrics.note_check(check, time.perf_counter() - started_s)
    body = _show(workspace, check.id, organisation_id)
    headers = {"Location": f"/v1/checks/{check.id}"}
    return Response(body.model_dump_json(), 201, headers, media_type="application/json")


@router.get("/{check_id}", openapi_extra=KEY_OPTIONAL)
def show_check(caller: PublicOrChecker, check_id: str, workspace: WorkspaceDep) -> CheckOut | PublicCheckOut:
    """An earlier answer: your own in full; one given to the public to whoever has its id, as the public saw it."""
    return _show(workspace, check_id, caller.organisation_id if caller else None)


@router.get("")
def list_checks(caller: ListingsChecker, workspace: WorkspaceDep, paging: PagingDep) -> Page[CheckOut]:
    """Your organisation's checks, first asked first."""
    with workspace.database.reading() as session:
        rows = verify.list_checks(session, caller.organisation_id, after=paging.after, limit=paging.fetch)
        views = {check.id: _view(session, check) for check in rows}
        return paging.page(rows, lambda check: full_check_out(check, views[check.id]))


def _show(workspace: Workspace, check_id: str, organisation_id: str | None) -> CheckOut | PublicCheckOut:
    with workspace.database.reading() as session:
        check = verify.get_check(session, check_id, organisation_id=organisation_id)
        return check_out(check, _view(session, check))


def _view(session: Session, check: Check) -> View | None:
    return session.get(View, check.view_number) if check.view_number is not None else None
