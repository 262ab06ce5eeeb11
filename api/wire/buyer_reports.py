"""Reports of buyers, in JSON."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from authcheck.cases.buyer_reports import ADDRESS_CHARS, CLAIMS, WORDS_CHARS, stage_of_report
from authcheck.cases.notice_tables import BuyerReport

from .forms import Text, Wire


class BuyerReportIn(Wire):
    """What a buyer says about a listing: by its `address`, or by `reference` and `marketplace`."""

    claim: Text = Field(
        max_length=20,
        description=f"One of {', '.join(CLAIMS)}: goods that are a copy, a wrong label, or something else.",
    )
    address: Text = Field("", max_length=ADDRESS_CHARS, description="The address of the listing's page.")
    marketplace: Text = Field("", max_length=64, description="Handle of the marketplace.")
    reference: Text = Field("", max_length=200, description="The marketplace's number of the listing.")
    words: str = Field("", max_length=WORDS_CHARS, description="What happened. No names, please.")


class BuyerReportOut(Wire):
    """A receipt. Whoever has `id` may read how far the report has come."""

    id: str
    stage: Literal["reported", "under_review", "decided", "reversed", "decided_before", "withdrawn"]
    claim: str
    reported_at: datetime


def buyer_report_out(row: BuyerReport) -> BuyerReportOut:
    """Return the receipt of a report."""
    return BuyerReportOut.model_validate(
        {
            "id": row.id,
            "stage": stage_of_report(row).value,
            "claim": row.claim,
            "reported_at": row.reported_at,
        }
    )
