"""Notices and hits, in JSON."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from .cases import CaseDesignOut
from .forms import Text, Wire
from .rights import NamedRightOut

Claim = Literal["counterfeit", "unlicensed_use", "licence_breach", "false_certificate"]
RowStage = Literal[
    "refused", "reported", "under_review", "decided", "reversed", "decided_before", "withdrawn"
]


class NoticeRowIn(Wire):
    """A listing, by `listing`, its id, or by `reference` and `marketplace`. A wrong row stops no other."""

    listing: str = Field("", description="Id of a listing, from `GET /v1/hits`.")
    reference: str = Field("", description="The marketplace's own id of the listing.")
    marketplace: str = Field("", description="Handle of the marketplace, a member of this installation.")


class NoticeIn(Wire):
    """A message to marketplaces about listings that use one of your designs."""

    design: Text = Field(max_length=40, description="Id of your design. It is neither retired nor disputed.")
    claim: Claim = Field(description="What you say about the listings. A person decides about it.")
    good_faith: bool = Field(
        description="You believe in good faith that the listings infringe. Must be true."
    )
    accuracy: bool = Field(description="What you say is accurate and complete. Must be true.")
    note: str = Field("", description="For the moderators, at most 2,000 characters.")
    right: Text = Field(
        "",
        max_length=40,
        description="Id of an accepted right in the design. A moderator decides faster with it.",
    )
    rows: list[NoticeRowIn] = Field(description="1 to 300 listings.")


class RowDecisionOut(Wire):
    """A decision in effect: see docs/decisions.md. The marketplace was asked for `restriction`."""

    decision: str
    reason: str
    restriction: Literal["none", "label", "hide", "remove"]


class NoticeRowOut(Wire):
    """A row of a notice. The stage is that of the case now."""

    row: int = Field(description="Its number in the notice, from 1.")
    named: str = Field(description="The id of the listing as you wrote it.")
    reference: str
    marketplace: str
    listing: str | None = Field(description="The listing that you named. Null if we have none.")
    stage: RowStage
    case: str | None = Field(description="The case that answers the row. Null for a refused row.")
    decision: RowDecisionOut | None = Field(
        description="The decision about this listing. Null before it takes effect, and for a listing that the"
        " decision leaves out."
    )
    code: str | None = Field(
        description="Why the row was refused, or a remark. The page /errors has all codes."
    )
    detail: str | None


class NoticeSummaryOut(Wire):
    """A notice without its rows."""

    id: str
    design: CaseDesignOut
    claim: Claim
    note: str | None
    right: NamedRightOut | None
    filed_at: datetime
    filed_by: str = Field(description="Id of the person or the API key.")
    total: int = Field(description="The number of rows.")
    stages: dict[RowStage, int] = Field(description="The number of rows in each stage now.")


class NoticeOut(NoticeSummaryOut):
    """A notice with its rows: the receipt, and later the answer."""

    rows: list[NoticeRowOut]
