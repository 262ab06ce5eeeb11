"""The first steps of a brand that joins: what is done, in the order in which the steps help."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from authcheck.licences.design_rights import LIVE
from authcheck.licences.right_tables import DesignRight
from authcheck.members import domains
from authcheck.members.organisations import APPROVED
from authcheck.members.tables import Membership, Organisation
from authcheck.registry.tables import Design
from authcheck.storefronts.shops import PROVED
from authcheck.storefronts.tables import Storefront

STEPS = ("domain", "approval", "designs", "matches", "rights", "shops", "people")


@dataclass(frozen=True, slots=True)
class Step:
    """A step: its name, one of STEPS, the page on which it is done, and whether it is done."""

    name: str
    page: str
    is_done: bool


def find_steps(session: Session, organisation: Organisation) -> list[Step]:
    """Return the steps of an organisation. Earlier listings are shown as soon as it has a design."""

    def has(*conditions: ColumnElement[bool]) -> bool:
        return bool(session.scalar(select(exists().where(*conditions))))

    own = organisation.id
    own_shop = Storefront.organisation_id == own, Storefront.closed_at.is_(None), Storefront.proof == PROVED
    has_designs = has(Design.owner_id == own, Design.state != "retired")
    members = select(func.count()).select_from(Membership).where(Membership.organisation_id == own)
    done = {
        "domain": ("/organisation#domains", domains.count_proved(session, own) > 0),
        "approval": ("/organisation", organisation.state == APPROVED),
        "designs": ("/register", has_designs),
        "matches": ("/hits", has_designs),
        "rights": ("/designs", has(DesignRight.owner_id == own, DesignRight.state.in_(LIVE))),
        "shops": ("/organisation#shops", has(*own_shop)),
        "people": ("/people", (session.scalar(members) or 0) > 1),
    }
    return [Step(name, *done[name]) for name in STEPS]
