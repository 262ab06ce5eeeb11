"""The order in which cases are worked on: those that are due first, then by the published formula.

    priority = severity x (1 + log10(1 + sold)) x price + 0.1 x days waiting

`severity` is 3, 2 or 1 for high, medium, low. `sold` are the units sold in 30 days of the listing that sold
most. `price` is 1.5 if a listing asks less than half the median price of licensed listings of the design in
its currency, else 1. The last term lets no case starve. The days grow for all cases alike, so the order of
two cases does not change while they wait: `rank` sorts by it.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from statistics import median
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.cases.tables import Case
from authcheck.ids import EPOCH
from authcheck.listings.policies import ListingVerdict
from authcheck.listings.tables import Listing

SEVERITY_WEIGHTS = {"high": 3.0, "medium": 2.0, "low": 1.0, "none": 0.0}
CHEAP_FACTOR, CHEAP_SHARE = 1.5, Decimal("0.5")
DAILY = 0.1
MOST_PRICES = 1_000  # of licensed listings, newest first
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of the formula without the days: `severity` and `price` are factors, `sold` are units."""

    severity: float
    sold: int
    price: float

    @property
    def urgency(self) -> float:
        """Return the priority of a case that opens now."""
        return self.severity * (1 + math.log10(1 + self.sold)) * self.price

    def to_json(self) -> dict[str, Any]:
        """Return the terms as they are stored and shown."""
        return {**asdict(self), "urgency": round(self.urgency, 3)}


def put_in_order(session: Session, case: Case, listings: Sequence[Listing]) -> None:
    """Set the terms and the rank of a case with these listings."""
    sold = max((listing.sold_30d or 0 for listing in listings), default=0)
    price = max((_price_factor(session, listing) for listing in listings), default=1.0)
    terms = Terms(SEVERITY_WEIGHTS[case.severity], sold, price)
    case.priority = terms.to_json()
    case.rank = terms.urgency - DAILY * (case.opened_at - EPOCH).total_seconds() / DAY_S


def priority_at(case: Case, now: datetime) -> float:
    """Return the priority of a case at a moment, rounded to three digits."""
    return round(case.rank + DAILY * (now - EPOCH).total_seconds() / DAY_S, 3)


def _price_factor(session: Session, listing: Listing) -> float:
    if listing.price_amount is None or listing.design_id is None:
        return 1.0
    query = (
        select(Listing.price_amount)
        .where(
            Listing.design_id == listing.design_id,
            Listing.organisation_id == listing.organisation_id,
            Listing.verdict == ListingVerdict.LICENSED,
            Listing.currency == listing.currency,
            Listing.price_amount.is_not(None),
        )
        .order_by(Listing.id.desc())
        .limit(MOST_PRICES)
    )
    prices = [price for price in session.scalars(query) if price is not None]
    if not prices:
        return 1.0
    return CHEAP_FACTOR if listing.price_amount < CHEAP_SHARE * median(prices) else 1.0
