"""The question of a member: who may sell this design here on this day, and which clause says no."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from authcheck.certificates.meters import units_issued
from authcheck.ids import fold, normal_id
from authcheck.licences.choosing import find_members
from authcheck.licences.codes import checked_country, checked_goods, split_channel
from authcheck.licences.grants import grants_for
from authcheck.licences.parties import as_read_with, own_links
from authcheck.licences.subjects import outside_territory_error
from authcheck.licences.tables import Licence, LicenceSubject
from authcheck.licences.terms import Grant, Use, breaches
from authcheck.members.reach import Reach
from authcheck.registry.tables import Design
from authcheck.storage.parameters import can_be_stored
from authcheck.storefronts import sellers
from authcheck.storefronts.sellers import Standing

MOST_DESIGNS = 12


@dataclass(frozen=True, slots=True)
class Question:
    """A design, a country, and what else is asked about: goods, a shop or seller, a licence.

    `shop` is `marketplace/shop`, or the handle or a part of the name of a member. `series` limits the answer
    to one licence with all its versions. "" and () are not asked about.
    """

    design: Design
    territory: str
    on: date
    goods: tuple[int, ...] = ()
    shop: str = ""
    series: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The licences that the reader gave or got, those that cover the use first.

    `is_owner` says that the shop is the owner's. `is_unknown` says that no member lists the shop, or has the
    name. `is_hidden_yes` says that a licence of others covers the use, which the reader may not read.
    """

    standings: tuple[Standing, ...]
    is_owner: bool = False
    is_unknown: bool = False
    is_hidden_yes: bool = False

    @property
    def is_allowed(self) -> bool:
        """Return whether somebody may sell the design so, or the asked shop may."""
        has_licence = any(not standing.breaches for standing in self.standings)
        return self.is_owner or self.is_hidden_yes or has_licence


def find_designs(session: Session, organisation_id: str, text: str, *, reach: Reach) -> Sequence[Design]:
    """Return the designs with this id, reference or title that a member may ask about.

    Without one, return those whose title has the text. They are the member's own designs within reach, and
    those that a licence names that it gave or got. At most MOST_DESIGNS.
    """
    written, design_id = fold(text), normal_id(text)
    if not written or not can_be_stored(written, design_id):
        return ()
    names_it = or_(
        and_(LicenceSubject.kind == "design", LicenceSubject.value == Design.id),
        and_(LicenceSubject.kind == "collection", LicenceSubject.value == Design.collection),
    )
    is_party = or_(Licence.owner_id == organisation_id, Licence.licensee_id == organisation_id)
    licensed = exists().where(LicenceSubject.licence_id == Licence.id, is_party, names_it)
    givers = select(Licence.owner_id).where(Licence.licensee_id == organisation_id)
    known = or_(Design.owner_id == organisation_id, and_(Design.owner_id.in_(givers), licensed))
    title = func.lower(Design.title)
    same = and_(known, or_(Design.reference == written, title == written.lower()))
    exact = or_(and_(Design.id == design_id, or_(known, licensed)), same)
    for wanted in (exact, and_(known, title.contains(written.lower(), autoescape=True))):
        query = select(Design).where(reach.has_design(Design.id), wanted).order_by(Design.id)
        found = session.scalars(query.limit(MOST_DESIGNS)).all()
        if designs := [one for one in found if _may_ask(session, organisation_id, one, reach)]:
            return designs
    return ()


def _may_ask(session: Session, organisation_id: str, design: Design, reach: Reach) -> bool:
    """Return whether a design is the asker's own or licensed. Two owners may share a collection's name."""
    if design.owner_id == organisation_id:
        return True
    grants = grants_for(session, design=design, units=units_issued, offers=True)
    return any(grant.id in own_links(grant, organisation_id, reach=reach) for grant in grants)


def ask(session: Session, organisation_id: str, question: Question, *, reach: Reach, today: date) -> Answer:
    """Answer a question about a design of `find_designs` for one of the parties.

    Raises Rejected (`seller.territory`, `licence.goods`, `seller.day`), Conflict (`appointment.outside`).
    """
    territory = checked_country(question.territory, error_code="seller.territory")
    if not reach.covers_territory(territory):
        raise outside_territory_error(territory)
    goods = checked_goods(question.goods, error_code="licence.goods")
    if "/" in question.shop:
        return _ask_shop(session, organisation_id, replace(question, territory=territory), reach, today)
    design = question.design
    use = Use(
        design_id=design.id,
        collection=design.collection,
        territory=territory,
        goods=goods,
        on=question.on,
    )
    named = {member.id for member in find_members(session, question.shop, but="")}
    if question.shop and not named:
        return Answer((), is_unknown=True)
    grants = [
        grant
        for grant in grants_for(session, design=design, units=units_issued, offers=True)
        if not question.shop or grant.licensee_id in named
    ]
    standings = [
        Standing(grant, tuple(as_read_with(own, breach) for breach in breaches(grant, use)))
        for grant in grants
        if grant.id in (own := own_links(grant, organisation_id, reach=reach)) and _is_asked(question, grant)
    ]
    return Answer(_sorted(standings), is_owner=named == {design.owner_id})


def _ask_shop(
    session: Session, organisation_id: str, question: Question, reach: Reach, today: date
) -> Answer:
    marketplace, shop_id = split_channel(question.shop)
    answer = sellers.may_sell(
        session,
        question.design,
        marketplace=marketplace,
        shop_id=shop_id,
        territory=question.territory,
        on=question.on,
        goods=question.goods,
    )
    readable = sellers.read_as(organisation_id, question.design, answer, today, reach=reach)
    standings = [standing for standing in readable if _is_asked(question, standing.grant)]
    is_hidden_yes = answer.allowed and not answer.is_owner and not question.series
    return Answer(
        _sorted(standings),
        is_owner=answer.is_owner,
        is_unknown=answer.seller is None,
        is_hidden_yes=is_hidden_yes and all(standing.breaches for standing in standings),
    )


def _is_asked(question: Question, grant: Grant) -> bool:
    return not question.series or grant.series == question.series


def _sorted(standings: Sequence[Standing]) -> tuple[Standing, ...]:
    """Return licences by the number of terms that they break. A replaced version comes last."""
    return tuple(sorted(standings, key=lambda one: (one.grant.superseded_at is not None, len(one.breaches))))
