"""One decision about the listings of several cases, in JSON."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import Field

from authcheck.cases.bulk import MOST, Alike, Bulk

from .case_acts import RulingIn
from .cases import DecisionOut, decision_out
from .forms import Text, Wire
from .listings import Verdict


class AlikeOut(Wire):
    """A listing with the same picture of the same design, in an undecided case."""

    case: str
    listing: str
    reference: str
    channel: str
    seller: str
    territory: str
    price: Decimal | None
    currency: str | None
    certificate: str | None
    verdict: Verdict
    checks: list[str] = Field(description="The checks of its pictures, in their order.")
    distance_bits: int | None = Field(
        description="Distance to the cluster's first picture, 0-256. null: it no longer shows the picture."
    )
    differs: Literal["", "picture", "verdict", "held"] = Field(
        description="Why the listing is better left out: it shows another picture, has another verdict, or"
        " somebody else works on its case."
    )


class AlikeDecisionIn(RulingIn):
    """A decision about these listings."""

    listings: list[Text] = Field(min_length=1, max_length=MOST + 1, description=f"At most {MOST} ids.")


class LeftOut(Wire):
    """A listing that was left, and the code of the reason, see the page /errors."""

    listing: str
    code: str


class BulkOut(Wire):
    """Decisions that were made together. Undo one to undo all, until `leaves_at`."""

    bulk: str
    leaves_at: datetime
    decisions: dict[str, DecisionOut] = Field(description="By the id of the case.")
    left: list[LeftOut]


def alike_out(alike: Alike) -> AlikeOut:
    """Return a listing that is alike."""
    listing = alike.listing
    return AlikeOut.model_validate(
        {
            "case": alike.case.id,
            "listing": listing.id,
            "reference": listing.reference,
            "channel": listing.channel,
            "seller": listing.seller,
            "territory": listing.territory,
            "price": listing.price_amount,
            "currency": listing.currency,
            "certificate": listing.certificate_code,
            "verdict": alike.item.verdict,
            "checks": [picture.check_id for picture in listing.pictures],
            "distance_bits": alike.distance_bits,
            "differs": alike.differs,
        }
    )


def bulk_out(bulk: Bulk) -> BulkOut:
    """Return a bulk."""
    return BulkOut(
        bulk=bulk.id,
        leaves_at=bulk.leaves_at,
        decisions={decision.case_id: decision_out(decision) for decision in bulk.decisions},
        left=[LeftOut(listing=left.listing_id, code=left.code) for left in bulk.left],
    )
