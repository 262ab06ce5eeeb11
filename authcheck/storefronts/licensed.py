"""The official shops of a licensee that a licence covers."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from authcheck.certificates.meters import units_issued
from authcheck.licences.grants import all_licences, grants_of
from authcheck.licences.terms import Breach, Grant, Use, breaches
from authcheck.members.organisations import APPROVED
from authcheck.members.reach import WHOLE, Reach
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.storefronts.shops import is_official
from authcheck.storefronts.tables import Storefront

MOST_SHOPS = 100  # of one organisation, for one answer


def open_shops(session: Session, organisation_id: str, *, reach: Reach = WHOLE) -> Sequence[Storefront]:
    """Return the first open shops of an organisation, at most MOST_SHOPS, oldest first.

    They are within the whole reach only.
    """
    of_organisation = Storefront.organisation_id == organisation_id
    query = select(Storefront).options(joinedload(Storefront.organisation))
    query = query.where(of_organisation, Storefront.closed_at.is_(None), reach.is_whole())
    return session.scalars(query.order_by(Storefront.id).limit(MOST_SHOPS)).all()


def brands_behind(session: Session, shop: Storefront, on: date) -> list[str] | None:
    """Return the names of the brands that let a shop sell on a day, by name. None: the shop is not official.

    A shop is official while it is open and proved, its organisation is approved, and the organisation owns a
    registered design or has a licence that covers the shop. An owner's shop may have no other brand behind.
    """
    organisation = shop.organisation
    if not is_official(shop):
        return None
    got = list(all_licences(session, organisation.id, role="licensee"))
    grants = [
        grant for grant in grants_of(session, got, units=units_issued) if not shop_breaches(grant, shop, on)
    ]
    ids = {grant.owner_id for grant in grants}
    approved = select(Organisation.name).where(Organisation.id.in_(ids), Organisation.state == APPROVED)
    names = sorted(session.scalars(approved))
    own = select(Design.id).where(Design.owner_id == organisation.id, Design.state == "registered")
    is_owner = session.scalar(own.limit(1)) is not None
    return names if names or is_owner else None


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
