"""Endpoints of notices: a brand reports listings that use its designs, and follows each of them."""

import json
from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from sqlalchemy.orm import Session

from authcheck.cases import notices, withdrawal
from authcheck.cases.filing import Named
from authcheck.cases.notice_files import read_rows
from authcheck.cases.notice_tables import Notice, NoticeRow
from authcheck.cases.notices import Message
from authcheck.cases.stages import Stage, decisions_about, stage_of_row
from authcheck.cases.tables import CaseDecision
from authcheck.errors import Rejected
from authcheck.ids import as_word
from authcheck.members.principals import Principal
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import KeyFirst, NoticesReader, NoticesWriter, WorkspaceDep
from ..idempotency import OnceDep
from ..openapi import multipart
from ..paging import PagingDep
from ..uploads import TableDep, digest_of
from ..wire.forms import Page
from ..wire.notices import NoticeIn, NoticeOut, NoticeSummaryOut
from ..wire.rights import named_right_fields

router = APIRouter(route_class=KeyFirst, prefix="/v1/notices", tags=["notices"])
NoticeId = Annotated[str, Path(max_length=40)]
FIELDS = ("design", "claim", "good_faith", "accuracy", "note", "right")
TEXT = {"type": "string"}
TABLE: dict[str, Any] = {"type": "string", "format": "binary"}
PROPERTIES = dict.fromkeys(FIELDS, TEXT)


@router.post("", status_code=201, response_model=NoticeOut)
def file_notice(caller: NoticesWriter, body: NoticeIn, once: OnceDep, workspace: WorkspaceDep) -> Response:
    """Report 1 to 300 listings of marketplaces that use one of your designs.

    Each row opens a case for the moderators of its marketplace, or joins the open case, also when we have
    found nothing in the picture. The answer says at once what became of each row. A row that cannot be used
    is refused with a code, and stops no other row. More than 300 rows refuse the whole notice.
    """
    message = Message(
        design=body.design,
        claim=body.claim,
        good_faith=body.good_faith,
        accuracy=body.accuracy,
        note=body.note,
        right=body.right,
        rows=[Named(row.listing, row.reference, row.marketplace) for row in body.rows],
    )
    digest = digest_of(json.dumps(body.model_dump()))  # ASCII, so that an odd character is only a wrong row
    return once.run(workspace.database, caller, digest, lambda: _file(workspace, caller, message))


@router.post(
    "/csv",
    status_code=201,
    response_model=NoticeOut,
    openapi_extra=multipart(
        ["table", "design", "claim", "good_faith", "accuracy"], table=TABLE, **PROPERTIES
    ),
)
def file_table(caller: NoticesWriter, once: OnceDep, upload: TableDep, workspace: WorkspaceDep) -> Response:
    """Report the listings of a table: CSV, JSON or a workbook, as the part `table`.

    The columns are `listing`, or `reference` and `marketplace`. The other parts are those of a notice.
    `good_faith` and `accuracy` are `true`.
    """
    form = upload.form
    form.refuse_others("table", *FIELDS)
    tables = form.files("table")
    if len(tables) != 1:
        raise Rejected("Send one file as the part table.", code="notice.table")
    message = Message(
        design=form.text("design"),
        claim=form.text("claim"),
        good_faith=as_word(form.text("good_faith")) == "true",
        accuracy=as_word(form.text("accuracy")) == "true",
        note=form.text("note"),
        right=form.text("right"),
        rows=read_rows(form.bytes_of(tables[0]), tables[0].filename or ""),
    )
    return once.run(workspace.database, caller, upload.digest, lambda: _file(workspace, caller, message))


def _file(workspace: Workspace, caller: Principal, message: Message) -> Response:
    with workspace.database.writing() as session:
        notice = notices.file(workspace, session, message, reporter=caller, now=utc_now(), reach=caller.reach)
        body = _notice_out(session, notice).model_dump_json()
    return Response(body, 201, {"Location": f"/v1/notices/{notice.id}"}, media_type="application/json")


@router.get("")
def list_notices(caller: NoticesReader, workspace: WorkspaceDep, paging: PagingDep) -> Page[NoticeSummaryOut]:
    """List the notices that your organisation has filed, oldest first, with the stages of their rows."""
    with workspace.database.reading() as session:
        rows = notices.list_notices(
            session,
            organisation_id=caller.organisation_id,
            after=paging.after,
            limit=paging.fetch,
            reach=caller.reach,
        )
        counts = notices.count_stages(session, rows)
        return paging.page(
            rows, lambda row: NoticeSummaryOut.model_validate(_summary_fields(row, counts[row.id]))
        )


@router.get("/{notice_id}")
def show_notice(caller: NoticesReader, notice_id: NoticeId, workspace: WorkspaceDep) -> NoticeOut:
    """Return one of your notices, with the stage of each row now."""
    with workspace.database.reading() as session:
        notice = notices.get_notice(
            session, notice_id, organisation_id=caller.organisation_id, reach=caller.reach
        )
        return _notice_out(session, notice)


@router.post("/{notice_id}/withdrawal")
def withdraw_notice(caller: NoticesWriter, notice_id: NoticeId, workspace: WorkspaceDep) -> NoticeOut:
    """Take back all rows of a notice about which nobody has decided yet.

    A case that only you have reported, and that our check does not suspect, ends with it.
    """
    with workspace.database.writing() as session:
        notice = withdrawal.withdraw(
            session,
            notice_id,
            organisation_id=caller.organisation_id,
            now=utc_now(),
            reach=caller.reach,
        )
        return _notice_out(session, notice)


def decision_fields(decision: CaseDecision | None) -> dict[str, str] | None:
    """Return what a reporter reads of a decision: not the note, which is for the moderators."""
    if decision is None:
        return None
    return {"decision": decision.code, "reason": decision.reason, "restriction": decision.restriction}


def _notice_out(session: Session, notice: Notice) -> NoticeOut:
    counts = Counter(stage_of_row(row) for row in notice.rows)
    decisions = decisions_about(session, [(row.case_id, row.listing_id) for row in notice.rows])
    rows = [_row_fields(row, decisions.get((str(row.case_id), str(row.listing_id)))) for row in notice.rows]
    return NoticeOut.model_validate({**_summary_fields(notice, counts), "rows": rows})


def _summary_fields(notice: Notice, counts: Counter[Stage]) -> dict[str, Any]:
    design = notice.design
    return {
        "id": notice.id,
        "design": {
            "id": design.id,
            "reference": design.reference,
            "title": design.title,
            "owner": notice.organisation.handle,
            "state": design.state,
        },
        "claim": notice.claim,
        "note": notice.note,
        "right": named_right_fields(notice.right),
        "filed_at": notice.filed_at,
        "filed_by": notice.filed_by,
        "total": counts.total(),
        "stages": {str(stage): count for stage, count in counts.items()},
    }


def _row_fields(row: NoticeRow, decision: CaseDecision | None) -> dict[str, Any]:
    return {
        "row": row.number,
        "named": row.named,
        "reference": row.reference,
        "marketplace": row.marketplace,
        "listing": row.listing_id,
        "stage": str(stage_of_row(row)),
        "case": row.case_id,
        "decision": decision_fields(decision),
        "code": row.code,
        "detail": row.detail,
    }
