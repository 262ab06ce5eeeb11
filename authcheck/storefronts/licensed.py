"""The official shops of a licensee that a licence covers."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.licences.terms import Breach, Grant, Use, breaches
from authcheck.members.reach import WHOLE, Reach
from authcheck.storefronts.tables import Storefront

MOST_SHOPS = 100  # of one organisation, for one answer


def open_shops(session: Session, organisation_id: str, *, reach: Reach = WHOLE) -> Sequence[Storefront]:
    """Return the first open shops of an organisation, at most MOST_SHOPS, oldest first.

    They are within the whole reach only.
    """
    of_organisation = Storefront.organisation_id == organisation_id
    query = select(Storefront).where(of_organisation, Storefront.closed_at.is_(None), reach.is_whole())
    return session.scalars(query.order_by(Storefront.id).limit(MOST_SHOPS)).all()


def shop_breaches(grant: Grant, shop: Storefront, on: date) -> tuple[Breach, ...]:
    """Return the terms, of period and channels only, that keep a shop from selling under a licence."""
    terms = grant.terms
    use = Use(
        design_id=terms.designs[0] if terms.designs else "",
        collection=None if terms.designs else terms.collections[0],
        marketplace=shop.marketplace,
        shop_id=shop.shop_id,
        on=on,
    )
    return breaches(grant, use)
