"""Hits, in JSON: listings that show a brand's designs."""

from datetime import date
from typing import Literal

from pydantic import Field

from .cases import CaseDesignOut
from .checks import ReasonOut
from .forms import Wire
from .listings import Verdict
from .notices import RowDecisionOut

HitStage = Literal["not_reported", "reported", "under_review", "decided", "reversed"]


class HitOut(Wire):
    """A listing that shows your design: what every buyer sees of it, and the verdict about your design."""

    id: str
    listing: str
    reference: str = Field(description="The id of the offer at the organisation that handed it in.")
    marketplace: str = Field(description="Handle of the organisation that handed the listing in.")
    channel: str
    url: str | None = Field(description="The listing's address. We never open it.")
    title: str | None
    price: str | None
    price_share: float | None = Field(
        description="The price as a share of the median price of your licensed listings of this design, in"
        " the same currency. Null without a price, or without a licensed listing."
    )
    seller: str
    seller_name: str | None
    territory: str
    listed_on: date
    design: CaseDesignOut
    verdict: Verdict = Field(description="About your design alone.")
    reasons: list[ReasonOut]
    group: str = Field(description="Hits with one value show the same picture.")
    stage: HitStage
    notice: str | None = Field(description="Your newest notice about the listing.")
    decision: RowDecisionOut | None = Field(description="The decision in effect about the listing.")
