"""Revocations on pages: which certificates, how many, typed confirmation, and a minute to take them back."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from authcheck.certificates import batches, planned
from authcheck.certificates.batches import Selection
from authcheck.certificates.revoking import REASONS
from authcheck.errors import AuthcheckError, Rejected
from authcheck.ids import as_word
from authcheck.licences.written import read_count
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.members.sessions import SignedIn
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from .batches import BatchId, Shown, batch_of, show_batch
from .person import Form, FormDep, NeedsPerson, PersonRoute, acting, go, problem_of, status_of
from .render import render

FIELD_OF = {"certificate.reason": "reason", "revocation.typed": "typed"}
router = APIRouter(route_class=PersonRoute, prefix="/certificates", include_in_schema=False)
RevokerDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.REVOCATIONS, Right.WRITE)))]


@router.post("/{batch_id}/revoke")
def revoke(
    request: Request, signed_in: RevokerDep, form: FormDep, workspace: WorkspaceDep, batch_id: BatchId
) -> Response:
    """Show how many certificates a revocation ends, and ask. With the confirmed number, plan it."""
    caller = acting(signed_in)
    try:
        selection = _read_selection(form, batch_id)
        with workspace.database.reading() as session:
            batches.get_batch(session, batch_id, organisation_id=caller.organisation_id, reach=caller.reach)
            count = planned.count_active(session, caller.organisation_id, selection)
    except AuthcheckError as error:
        return show_batch(request, workspace, caller, batch_id, Shown(), error=error, typed=form)
    if not form.text("count"):
        return _ask(request, workspace, caller, batch_id, form=form, count=count)
    try:
        with workspace.database.writing() as session:
            planned.plan(
                session,
                caller.organisation_id,
                selection,
                reason=form.text("reason"),
                count=_read_confirmed(form),
                by=caller.caller,
                now=utc_now(),
            )
    except AuthcheckError as error:
        return _ask(request, workspace, caller, batch_id, form=form, count=count, error=error)
    return go(request, f"/certificates/{batch_id}?notice=planned")


def _read_selection(form: Form, batch_id: str) -> Selection:
    """Return the units that the form names, the whole batch by default.

    Raises Rejected (`number.malformed`).
    """
    first, last = form.text("first").strip(), form.text("last").strip()
    return Selection(
        batch_id=batch_id,
        first=read_count(first) if first else 1,
        last=read_count(last) if last else None,
    )


def _read_confirmed(form: Form) -> int:
    """Return the number that the person confirms, typed for more than one certificate.

    Raises Rejected (`revocation.typed`).
    """
    count = read_count(form.text("count"))
    if count > 1:
        try:
            typed = read_count(form.text("typed"))
        except Rejected:
            typed = 0
        if typed != count:
            raise Rejected(
                "Type the number of certificates to confirm.", code="revocation.typed", count=count
            )
    return count


def _ask(
    request: Request,
    workspace: Workspace,
    caller: Principal,
    batch_id: str,
    *,
    form: Form,
    count: int,
    error: AuthcheckError | None = None,
) -> HTMLResponse:
    """Render the question whether so many certificates shall be revoked."""
    with workspace.database.reading() as session:
        batch = batch_of(
            batches.get_batch(session, batch_id, organisation_id=caller.organisation_id, reach=caller.reach)
        )
    return render(
        request,
        "certificates/revoke.html",
        status=status_of(request, error) if error else 200,
        batch=batch,
        count=count,
        first=form.text("first"),
        last=form.text("last"),
        reason=as_word(form.text("reason")),
        reasons=REASONS,
        seconds=int(planned.WAITS.total_seconds()),
        problem=problem_of(request, error, FIELD_OF.get(error.code, "")) if error else None,
    )


@router.post("/revocations/undo")
def undo(request: Request, signed_in: RevokerDep, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Take a planned revocation back."""
    caller = acting(signed_in)
    with workspace.database.writing() as session:
        row = planned.undo(session, form.text("revocation"), caller.organisation_id, utc_now())
        batch_id = row.batch_id
    return go(request, f"/certificates/{batch_id}?notice=undone")
