"""The page *Notices*: what a brand has reported, and what became of each listing."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from authcheck.cases import notices, withdrawal
from authcheck.cases.filing import SENTENCES, Named
from authcheck.cases.notice_tables import Notice, NoticeRow
from authcheck.cases.notices import Message
from authcheck.cases.stages import Stage, decisions_about, stage_of_row
from authcheck.cases.tables import CaseDecision
from authcheck.errors import AuthcheckError
from authcheck.members.permissions import Resource, Right
from authcheck.members.sessions import SignedIn
from authcheck.storage.opening import utc_now

from ..deps import WorkspaceDep
from ..idempotency import claim_form
from .hits_view import show_listings
from .person import FormDep, NeedsPerson, PersonRoute, acting, go
from .render import render
from .right_view import named_by

PAGE = 50
STAGES = tuple(stage for stage in Stage if stage is not Stage.NOT_REPORTED)
router = APIRouter(route_class=PersonRoute, prefix="/notices", include_in_schema=False)
ReaderDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.NOTICES, Right.READ)))]
WriterDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.NOTICES, Right.WRITE)))]


@router.get("")
def show(
    request: Request,
    signed_in: ReaderDep,
    workspace: WorkspaceDep,
    before: Annotated[str, Query(max_length=40)] = "",
) -> HTMLResponse:
    """List the notices of the organisation, newest first."""
    caller = acting(signed_in)
    with workspace.database.reading() as session:
        rows = notices.list_notices(
            session,
            organisation_id=caller.organisation_id,
            after=before,
            limit=PAGE + 1,
            newest_first=True,
            reach=caller.reach,
        )
        counts = notices.count_stages(session, rows)
    return render(
        request,
        "notices/notices.html",
        notices=[
            {
                **_notice_of(row),
                "total": counts[row.id].total(),
                "stages": [(str(stage), counts[row.id][stage]) for stage in STAGES if counts[row.id][stage]],
            }
            for row in rows[:PAGE]
        ],
        next_before=rows[PAGE - 1].id if len(rows) > PAGE else None,
        may_file=caller.may(Resource.NOTICES, Right.WRITE),
        as_of=utc_now(),
    )


@router.post("")
def file(request: Request, signed_in: WriterDep, form: FormDep, workspace: WorkspaceDep) -> Response:
    """File a notice, and show its receipt."""
    caller, now = acting(signed_in), utc_now()
    message = Message(
        design=form.text("design"),
        claim=form.text("claim"),
        good_faith="good_faith" in form.texts("statements"),
        accuracy="accuracy" in form.texts("statements"),
        note=form.text("note"),
        right=form.text("right"),
        rows=[Named(listing=listing) for listing in form.texts("listing")],
    )
    try:
        with workspace.database.writing() as session:
            claim_form(session, signed_in.person.id, form.text("nonce"), now)
            notice = notices.file(workspace, session, message, reporter=caller, now=now, reach=caller.reach)
    except AuthcheckError as error:
        groups = tuple(form.texts("group"))
        return show_listings(request, signed_in, workspace, groups=groups, error=error, form=form)
    return go(request, f"/notices/{notice.id}?notice=filed")


@router.get("/{notice_id}")
def show_one(
    request: Request,
    signed_in: ReaderDep,
    workspace: WorkspaceDep,
    notice_id: Annotated[str, Path(max_length=40)],
    notice: str = "",
) -> HTMLResponse:
    """Show a notice with the stage of each of its listings."""
    caller = acting(signed_in)
    with workspace.database.reading() as session:
        row = notices.get_notice(
            session, notice_id, organisation_id=caller.organisation_id, reach=caller.reach
        )
        decisions = decisions_about(session, [(one.case_id, one.listing_id) for one in row.rows])
    rows = [_row_of(one, decisions.get((str(one.case_id), str(one.listing_id)))) for one in row.rows]
    return render(
        request,
        "notices/notice.html",
        notice={**_notice_of(row), "note": row.note, "total": len(rows)},
        rows=rows,
        refused=sum(one["stage"] == Stage.REFUSED for one in rows),
        is_new=notice == "filed",
        is_withdrawn=notice == "withdrawn",
        may_withdraw=caller.may(Resource.NOTICES, Right.WRITE)
        and any(one["stage"] in {Stage.REPORTED, Stage.UNDER_REVIEW} for one in rows),
        as_of=utc_now(),
    )


@router.post("/{notice_id}/withdraw")
def withdraw(
    request: Request,
    signed_in: WriterDep,
    form: FormDep,  # noqa: ARG001 - it refuses other sites
    workspace: WorkspaceDep,
    notice_id: Annotated[str, Path(max_length=40)],
) -> Response:
    """Take a notice back, and show it with what is left."""
    caller = acting(signed_in)
    with workspace.database.writing() as session:
        withdrawal.withdraw(
            session, notice_id, organisation_id=caller.organisation_id, now=utc_now(), reach=caller.reach
        )
    return go(request, f"/notices/{notice_id}?notice=withdrawn")


def _notice_of(row: Notice) -> dict[str, Any]:
    return {
        "id": row.id,
        "design": {"title": row.design.title, "reference": row.design.reference},
        "claim": row.claim,
        "filed_at": row.filed_at,
        "right": named_by(row),
    }


def _row_of(row: NoticeRow, decision: CaseDecision | None) -> dict[str, Any]:
    return {
        "number": row.number,
        "name": row.reference or row.named,
        "marketplace": row.marketplace,
        "stage": str(stage_of_row(row)),
        "code": row.code if row.code in SENTENCES else None,
        "detail": row.detail if row.code not in SENTENCES else None,
        "decision": decision and {"code": decision.code, "restriction": decision.restriction},
    }
