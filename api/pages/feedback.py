"""The page *Feedback*: what moderators' decisions say about a brand's matches."""

import io
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response

from authcheck.cases import precision, proposals
from authcheck.cases.precision import FEW, Preview, Share
from authcheck.cases.tables import CaseDecision
from authcheck.errors import AuthcheckError, Rejected
from authcheck.members.permissions import Resource, Right
from authcheck.members.sessions import SignedIn
from authcheck.storage.opening import utc_now

from ..deps import WorkspaceDep
from .person import FormDep, NeedsPerson, PersonRoute, acting, go, problem_of, status_of
from .render import render

DAYS = 180
MOST_PROPOSALS = 24
NOTICES = ("added", "declined")
router = APIRouter(route_class=PersonRoute, prefix="/feedback", include_in_schema=False)
ReaderDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.LISTINGS, Right.READ)))]
DesignsReaderDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.DESIGNS, Right.READ)))]
WriterDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.DESIGNS, Right.WRITE)))]


@router.get("")
def show(request: Request, signed_in: ReaderDep, workspace: WorkspaceDep, notice: str = "") -> HTMLResponse:
    """Show precision, thresholds and proposals."""
    return _show(request, signed_in, workspace, notice=notice if notice in NOTICES else None)


@router.get("/picture")
def show_picture(
    signed_in: DesignsReaderDep, workspace: WorkspaceDep, proposal: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    """Return the working copy of a proposed picture."""
    caller = acting(signed_in)
    with workspace.database.reading() as session:
        decision = proposals.get_proposal(session, proposal, caller.organisation_id, reach=caller.reach)
        _, copy = proposals.picture_of(session, workspace.copies, decision, utc_now())
    buffer = io.BytesIO()
    copy.image.thumbnail((720, 720))
    copy.image.save(buffer, "WEBP", quality=80)
    return Response(
        buffer.getvalue(), media_type="image/webp", headers={"Cache-Control": "private, no-cache"}
    )


@router.post("/answer")
def answer(request: Request, signed_in: WriterDep, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Add a proposed picture to the brand's negative pictures, or decline it."""
    caller, now, proposal = acting(signed_in), utc_now(), form.text("proposal")
    owner_id, reach = caller.organisation_id, caller.reach
    try:
        if form.text("answer") not in {"add", "decline"}:
            raise Rejected("Answer the proposal with yes or no.", code="request.form")
        if form.text("answer") == "decline":
            with workspace.database.writing() as session:
                proposals.decline(session, proposal, owner_id=owner_id, now=now, reach=reach)
            return go(request, "/feedback?notice=declined#proposals")
        read = proposals.read_proposed(workspace, proposal, owner_id, now, reach=reach)
        with workspace.database.writing() as session:
            proposals.accept(session, workspace, proposal, read, owner_id=owner_id, now=now, reach=reach)
    except AuthcheckError as error:
        return _show(request, signed_in, workspace, error=error)
    return go(request, "/feedback?notice=added#proposals")


def _show(
    request: Request,
    signed_in: SignedIn,
    workspace: WorkspaceDep,
    *,
    notice: str | None = None,
    error: AuthcheckError | None = None,
) -> HTMLResponse:
    caller, now, policy = acting(signed_in), utc_now(), workspace.policy
    owner_id, reach = caller.organisation_id, caller.reach
    reads_designs = caller.may(Resource.DESIGNS, Right.READ)
    with workspace.database.reading() as session:
        found = precision.find_precision(session, owner_id, since=now - timedelta(days=DAYS), reach=reach)
        previews = precision.preview_thresholds(session, owner_id, policy=policy.name, reach=reach)
        rows = (
            proposals.list_proposals(session, owner_id, limit=MOST_PROPOSALS, reach=reach)
            if reads_designs
            else []
        )
        shown = [_proposal(row) for row in rows]
    return render(
        request,
        "feedback/feedback.html",
        status=200 if error is None else status_of(request, error),
        shares={"matches": _share(found.matches), "accusations": _share(found.accusations)},
        unclear=found.unclear,
        few=FEW,
        days=DAYS,
        bars=_bars(previews),
        match=policy.match,
        proposals=shown,
        may_answer=caller.may(Resource.DESIGNS, Right.WRITE),
        notice=notice,
        problem=None if error is None else problem_of(request, error),
        as_of=now,
    )


def _proposal(row: CaseDecision) -> dict[str, Any]:
    design = row.case.design
    return {
        "id": row.id,
        "title": design.title,
        "reference": design.reference,
        "code": row.code,
        "reason": row.reason,
        "at": row.decided_at,
    }


def _share(share: Share) -> dict[str, Any]:
    """Return a share in whole percents for the page."""
    bounds = share.bounds
    return {
        "good": share.good,
        "all": share.all,
        "percent": None if share.value is None else round(100 * share.value),
        "low": None if bounds is None else round(100 * bounds[0]),
        "high": None if bounds is None else round(100 * bounds[1]),
    }


def _bars(previews: list[Preview]) -> list[dict[str, Any]]:
    """Return the rows of the table of thresholds, with the heights of the chart's bars in percent."""
    most = max((preview.found for preview in previews), default=0)

    def height(count: int) -> float:
        return round(100 * count / most, 1) if most else 0.0

    return [
        {
            "threshold": preview.threshold,
            "found": preview.found,
            "right": preview.right,
            "wrong": preview.wrong,
            "undecided": preview.found - preview.right - preview.wrong,
            "missed": preview.missed,
            "heights": (
                height(preview.right),
                height(preview.found - preview.right - preview.wrong),
                height(preview.wrong),
            ),
        }
        for preview in previews
    ]
