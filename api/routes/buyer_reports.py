"""Public endpoints of reports: a buyer says that a listing looks wrong, and follows what becomes of it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from authcheck.cases import buyer_reports
from authcheck.cases.buyer_reports import NewReport
from authcheck.storage.opening import utc_now

from ..deps import WorkspaceDep, public_read_limit, public_report_limit
from ..wire.buyer_reports import BuyerReportIn, BuyerReportOut, buyer_report_out

router = APIRouter(prefix="/v1/reports", tags=["reports"])


@router.post("", status_code=201, dependencies=[Depends(public_report_limit)])
def report_listing(body: BuyerReportIn, workspace: WorkspaceDep) -> BuyerReportOut:
    """Report a listing without an account. A moderator of its marketplace looks at it.

    A report decides nothing by itself. We keep no name and no address of yours, and remove `words` when the
    case is closed.
    """
    new = NewReport(**body.model_dump())
    with workspace.database.writing() as session:
        return buyer_report_out(buyer_reports.report(workspace, session, new, utc_now()))


@router.get("/{report_id}", dependencies=[Depends(public_read_limit)])
def show_report(report_id: Annotated[str, Path(max_length=40)], workspace: WorkspaceDep) -> BuyerReportOut:
    """Return how far a report has come. Only its receipt has the id."""
    with workspace.database.reading() as session:
        return buyer_report_out(buyer_reports.get_report(session, report_id))
