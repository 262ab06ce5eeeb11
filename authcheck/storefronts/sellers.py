"""Who may sell a design: its owner, and those whose licence covers the shop, the territory, the goods and the day."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from authcheck.certificates.meters import units_issued
from authcheck.errors import Rejected
from authcheck.licences.codes import COUNTRIES, checked_goods
from authcheck.licences.grants import grants_for
from authcheck.licences.terms import Breach, Grant, Use, breaches
from authcheck.registry.tables import Design
from authcheck.storefronts import shops


@dataclass(frozen=True, slots=True)
class Standing:
    """One licence of the seller about the design, and every term that this use breaks; none: it covers it."""

    grant: Grant
    breaches: tuple[Breach, ...]


@dataclass(frozen=True, slots=True)
class SellerAnswer:
    """Whether a shop may sell a design, and why. `seller` is the shop's organisation by handle, None for a stranger's."""

    allowed: bool
    seller: str | None
    is_owner: bool
    on: date
    licences: tuple[Standing, ...]


def may_sell(
    session: Session,
    design: Design,
    *,
    marketplace: str,
    shop_id: str,
    territory: str,
    on: date,
    goods: tuple[int, ...] = (),
) -> SellerAnswer:
    """Whether this shop may sell this design there and on that day; `goods` are Nice classes, none: not asked about.

    Licences that cover it come first, then those that break least. Raises Rejected (`seller.territory`, `licence.goods`).
    """
    given, territory = territory, territory.strip().upper()
    if not given.isascii() or territory not in COUNTRIES:  # a long s is an S in capitals
        raise Rejected("A territory is a country's code of two letters, like FR.", code="seller.territory")
    goods = checked_goods(goods)
    seller = shops.organisation_of(session, marketplace, shop_id)
    if seller is None:
        return SellerAnswer(allowed=False, seller=None, is_owner=False, on=on, licences=())
    use = Use(
        design_id=design.id,
        collection=design.collection,
        territory=territory,
        goods=goods,
        marketplace=shops.normal_marketplace(marketplace),
        shop_id=shop_id.strip(),
        on=on,
    )
    is_owner = seller.id == design.owner_id
    grants = [] if is_owner else grants_for(session, design=design, licensee_id=seller.id, units=units_issued)
    found = sorted((Standing(grant, breaches(grant, use)) for grant in grants), key=_how_broken)
    allowed = is_owner or any(not one.breaches for one in found)
    return SellerAnswer(
        allowed=allowed, seller=seller.handle, is_owner=is_owner, on=on, licences=tuple(found)
    )


def _how_broken(one: Standing) -> int:
    return len(one.breaches)
