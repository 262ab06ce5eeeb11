"""The official shops that may sell a design in a country today, for a buyer who has only a photo."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from authcheck.certificates.meters import units_issued
from authcheck.licences.codes import checked_country
from authcheck.licences.grants import grants_for
from authcheck.licences.terms import Grant, Use, breaches
from authcheck.members.organisations import APPROVED
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.storefronts.shops import PROVED
from authcheck.storefronts.tables import Storefront

MOST_READ = 500  # shops of the owner and of licensees, for one answer
MOST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class OfficialShops:
    """At most MOST_SHOWN shops, the owner's first, each with its organisation. `more` shops are left out.

    Goods are not asked about. A shop that its organisation has not named here is missing.
    """

    shops: tuple[Storefront, ...]
    more: int = 0


def who_may_sell(session: Session, design: Design, *, territory: str, on: date) -> OfficialShops:
    """Return the open shops of the owner, and those of licensees whose licence covers shop, country and day.

    A design in dispute or retired, or of a suspended owner, has none: we then do not know whose it is, or the
    owner has withdrawn it. Raises Rejected (`seller.territory`).
    """
    country = checked_country(territory, error_code="seller.territory")
    owner = session.get_one(Organisation, design.owner_id)
    if design.state != "registered" or owner.state != APPROVED:
        return OfficialShops(())
    use = Use(design_id=design.id, collection=design.collection, territory=country, on=on)
    grants = [
        grant for grant in grants_for(session, design=design, units=units_issued) if not breaches(grant, use)
    ]
    organisations = {design.owner_id, *(grant.licensee_id for grant in grants)}
    open_shops = (
        select(Storefront)
        .options(joinedload(Storefront.organisation))
        .where(
            Storefront.organisation_id.in_(organisations),
            Storefront.closed_at.is_(None),
            Storefront.proof == PROVED,
            Storefront.organisation.has(Organisation.state == APPROVED),
        )
        .order_by(Storefront.organisation_id != design.owner_id, Storefront.id)
        .limit(MOST_READ)
    )
    allowed = list(_allowed(session.scalars(open_shops), design, grants, use))
    return OfficialShops(tuple(allowed[:MOST_SHOWN]), max(0, len(allowed) - MOST_SHOWN))


def _allowed(
    rows: Iterable[Storefront], design: Design, grants: list[Grant], use: Use
) -> Iterator[Storefront]:
    for shop in rows:
        at_shop = replace(use, marketplace=shop.marketplace, shop_id=shop.shop_id)
        own_grants = (grant for grant in grants if grant.licensee_id == shop.organisation_id)
        if shop.organisation_id == design.owner_id or any(
            not breaches(grant, at_shop) for grant in own_grants
        ):
            yield shop
