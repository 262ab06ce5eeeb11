"""Who may sell a design: its owner, and sellers whose licence covers shop, territory, goods and day.

The verdict on a listing rests on the same answer.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from authcheck.certificates.meters import units_issued
from authcheck.ids import normal_id
from authcheck.licences.codes import checked_country, checked_goods, normal_marketplace
from authcheck.licences.grants import grants_for
from authcheck.licences.parties import as_read_with, own_links, refuse_future
from authcheck.licences.terms import Breach, Grant, Use, breaches
from authcheck.licences.twins import licensed_twins
from authcheck.members.reach import WHOLE, Reach
from authcheck.members.tables import Organisation
from authcheck.registry.designs import unknown_design_error
from authcheck.registry.tables import Design
from authcheck.storage.parameters import can_be_stored
from authcheck.storefronts import shops


@dataclass(frozen=True, slots=True)
class Standing:
    """A licence of the seller about the design, and every term that this use breaks.

    Without a breach it covers the use. `twin` is the owner's other design with the same art if the licence
    names only that one. With `variant`, it is another art that a picture shows as well.
    """

    grant: Grant
    breaches: tuple[Breach, ...]
    twin: Design | None = None
    variant: bool = False


@dataclass(frozen=True, slots=True)
class SellerAnswer:
    """Whether a shop may sell a design, and why.

    `seller` is the handle of the shop's organisation and `seller_id` its id, None for a stranger's shop.
    `near_shop` is then a member's shop whose id is written almost alike. `is_claimed` says that nobody has
    proved the shop to be its organisation's.
    """

    seller: str | None
    seller_id: str | None
    is_owner: bool
    on: date
    licences: tuple[Standing, ...]
    near_shop: str | None = None
    is_claimed: bool = False

    @property
    def has_right(self) -> bool:
        """Return whether the shop's organisation owns the design, or has a licence for this use."""
        return self.is_owner or any(not standing.breaches for standing in self.licences)

    @property
    def allowed(self) -> bool:
        """Return whether the shop may sell the design."""
        return self.has_right and not self.is_claimed

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return why the shop may not sell, as codes. A broken term has the code of its kind."""
        if self.allowed:
            return ()
        if self.is_claimed and self.has_right:
            return ("listing.shop_claimed",)
        if self.seller is None:
            return ("listing.seller_unknown", *["listing.shop_near"] * (self.near_shop is not None))
        if not self.licences:
            return ("listing.no_licence",)
        nearest = self.licences[0]
        no_licence = ("listing.no_licence",) if nearest.grant.accepted_at is None else ()
        return tuple(dict.fromkeys((*no_licence, *(breach.code for breach in nearest.breaches))))


def require_askable(session: Session, design_id: str, *, organisation_id: str, reach: Reach) -> None:
    """Raise NotFound (`design.not_found`) for a design about which an agent of an organisation may not ask.

    That is a design of the organisation that is not within reach. It is answered like an unknown id, after
    the same work.
    """
    design_id = normal_id(design_id)
    is_askable = or_(Design.owner_id != organisation_id, reach.has_design(Design.id))
    query = select(Design.id).where(Design.id == design_id, is_askable)
    if not can_be_stored(design_id) or session.scalar(query) is None:
        raise unknown_design_error(design_id)


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
    """Return whether this shop may sell this design there and on that day.

    `goods` are Nice classes; without any, goods are not asked about. Raises Rejected (`seller.territory`,
    `licence.goods`).
    """
    territory = checked_country(territory, error_code="seller.territory")
    goods = checked_goods(goods, error_code="licence.goods")
    storefront = shops.find_shop(session, marketplace, shop_id)
    if storefront is None:
        near_shop = shops.find_near_shop(session, marketplace, shop_id)
        return SellerAnswer(None, None, is_owner=False, on=on, licences=(), near_shop=near_shop)
    seller = storefront.organisation
    use = Use(
        design_id=design.id,
        collection=design.collection,
        territory=territory,
        goods=goods,
        marketplace=normal_marketplace(marketplace),
        shop_id=storefront.shop_id,
        on=on,
    )
    is_owner, standings = rights_of(session, seller, design, use)
    is_claimed = not shops.is_official(storefront)
    return SellerAnswer(
        seller.handle, seller.id, is_owner=is_owner, on=on, licences=standings, is_claimed=is_claimed
    )


def read_as(
    organisation_id: str, design: Design, answer: SellerAnswer, today: date, *, reach: Reach = WHOLE
) -> tuple[Standing, ...]:
    """Return the licences of an answer that this organisation gave or got, with the terms that it may read.

    The licences are within reach.

    Raises Rejected (`seller.day`) for a day after tomorrow if the organisation neither owns the design, nor
    is the seller, nor is a party of one of the seller's licences.
    """
    standings = tuple(
        replace(standing, breaches=tuple(as_read_with(own, breach) for breach in standing.breaches))
        for standing in answer.licences
        if standing.grant.id in (own := own_links(standing.grant, organisation_id, reach=reach))
    )
    if not standings and organisation_id not in {design.owner_id, answer.seller_id}:
        refuse_future(answer.on, today, error_code="seller.day")
    return standings


def rights_of(
    session: Session,
    seller: Organisation,
    design: Design,
    use: Use,
    *,
    views: Collection[int] = (),
    variants: Collection[str] = (),
) -> tuple[bool, tuple[Standing, ...]]:
    """Return whether the seller owns the design and, if not, the seller's licences about it.

    The licences that `use` breaks least come first. Open offers are among them. If no licence for the design
    covers the use, the licences for its twins count, see `find_twins`, and those for its `variants`: ids of
    the owner's other designs that a picture shows as well as this design. `views` are the numbers of the
    design's views that a picture shows, () for the whole design.
    """
    if seller.id == design.owner_id:
        return True, ()
    standings = list(_judge_grants(session, seller, design, use))
    if all(standing.breaches for standing in standings):
        known = {standing.grant.id for standing in standings}
        twins = licensed_twins(session, design, seller.id, views=views)
        others = _load_designs(session, set(variants) - {twin.id for twin in twins})
        for other in (*twins, *others):
            other_use = replace(use, design_id=other.id, collection=other.collection)
            of_other = _judge_grants(session, seller, other, other_use)
            standings += [
                replace(one, twin=other, variant=other not in twins)
                for one in of_other
                if one.grant.id not in known
            ]
            known |= {standing.grant.id for standing in standings}
    return False, tuple(sorted(standings, key=_sort_key))


def _load_designs(session: Session, ids: Collection[str]) -> Sequence[Design]:
    return session.scalars(select(Design).where(Design.id.in_(ids)).order_by(Design.id)).all() if ids else []


def _judge_grants(session: Session, seller: Organisation, design: Design, use: Use) -> Iterator[Standing]:
    grants = grants_for(session, design=design, licensee_id=seller.id, units=units_issued, offers=True)
    return (Standing(grant, breaches(grant, use)) for grant in grants)


def _sort_key(standing: Standing) -> tuple[bool, int, bool]:
    is_offer = standing.grant.accepted_at is None
    return is_offer, len(standing.breaches), standing.twin is not None
