"""The order in which cases are worked on: those that are due first, then by the published formula.

    priority = severity x (1 + log10(1 + sold)) x price + day x days waiting

`severity` is 3, 2 or 1 for high, medium, low. `sold` are the units sold in 30 days of the listing that sold
most. `price` is 1.5 if a listing asks less than half the median price of licensed listings of the design in
its currency, else 1. `day` is 0.1, and lets no case starve. All these weights are settings. The days grow for
all cases alike, so the order of two cases does not change while they wait: `rank` sorts by it.
"""

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from decimal import Decimal
from statistics import median
from typing import Any, Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.cases.states import WORKABLE
from authcheck.cases.tables import Case
from authcheck.config import Settings
from authcheck.ids import EPOCH
from authcheck.listings.policies import ListingVerdict
from authcheck.listings.tables import Listing
from authcheck.storage.database import SETTINGS, Database

CHEAP_SHARE = Decimal("0.5")
MOST_PRICES = 1_000  # of licensed listings, newest first
DAY_S = 86_400
DAY_BEFORE = 0.1  # the weight of rows from before it was a term
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of the formula. `str` gives the name under which cases note them."""

    high: float
    medium: float
    low: float
    cheap: float
    day: float

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the weights that the operator has set."""
        return cls(*(getattr(settings, f"case_weight_{field.name}") for field in fields(cls)))

    def __str__(self) -> str:
        return ",".join(f"{weight:g}" for weight in astuple(self))

    def terms(self, severity: str, *, sold: int, is_cheap: bool) -> dict[str, Any]:
        """Return the terms of the formula as they are stored and shown. `urgency` is without the days."""
        factor = {"high": self.high, "medium": self.medium, "low": self.low}.get(severity, 0.0)
        price = self.cheap if is_cheap else 1.0
        return {
            "severity": factor,
            "sold": sold,
            "is_cheap": is_cheap,
            "price": price,
            "day": self.day,
            "urgency": round(factor * (1 + math.log10(1 + sold)) * price, 3),
        }


def put_in_order(session: Session, case: Case, listings: Sequence[Listing]) -> None:
    """Set the terms and the rank of a case with these listings."""
    sold = max((listing.sold_30d or 0 for listing in listings), default=0)
    is_cheap = any(_is_cheap(session, listing) for listing in listings)
    _rank(case, Weights.of(session.info[SETTINGS]), sold=sold, is_cheap=is_cheap)


def sort_again(database: Database, settings: Settings) -> int:
    """Rank all undecided cases again that were ranked with other weights, and return their number.

    Commits after every 500 cases, so that nobody waits for it. Cases in between keep their old rank.
    """
    weights, count, after = Weights.of(settings), 0, ""
    while True:
        with database.writing() as session:
            query = (
                select(Case)
                .where(Case.state.in_(WORKABLE), Case.weights != str(weights), Case.id > after)
                .order_by(Case.id)
                .limit(AT_ONCE)
                .with_for_update(skip_locked=True)
            )
            cases = session.scalars(query).all()
            for case in cases:
                is_cheap = case.priority.get("is_cheap", case.priority["price"] > 1)  # older rows lack it
                _rank(case, weights, sold=case.priority["sold"], is_cheap=is_cheap)
            count += len(cases)
        if not cases:
            return count
        after = cases[-1].id


def _rank(case: Case, weights: Weights, *, sold: int, is_cheap: bool) -> None:
    case.weights = str(weights)
    case.priority = weights.terms(case.severity, sold=sold, is_cheap=is_cheap)
    waited = weights.day * (case.opened_at - EPOCH).total_seconds() / DAY_S
    case.rank = case.priority["urgency"] - waited


def priority_at(case: Case, now: datetime) -> float:
    """Return the priority of a case at a moment, rounded to three digits."""
    day: float = case.priority.get("day", DAY_BEFORE)
    return round(case.rank + day * (now - EPOCH).total_seconds() / DAY_S, 3)


def _is_cheap(session: Session, listing: Listing) -> bool:
    if listing.price_amount is None or listing.design_id is None:
        return False
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
    return bool(prices) and listing.price_amount < CHEAP_SHARE * median(prices)
