"""The cards of a licensee, one per licence: pictures, terms in words, units left and shops."""

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from authcheck.licences.naming import designs_called, parties_of
from authcheck.licences.pictured import designs_of, is_shown
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Grant
from authcheck.members.principals import Principal
from authcheck.storefronts.licensed import open_shops, shop_breaches

from ..i18n import Language
from . import licence_words as words

PICTURES = 4  # on a card
NAMED = 6  # designs that the sentence of a card names


def cards_of(
    session: Session,
    language: Language,
    caller: Principal,
    found: list[tuple[Licence, Grant]],
    now: datetime,
) -> list[dict[str, Any]]:
    """Return the cards of the licences of a licensee, in their order: those that it got or passed on."""
    organisation_id = caller.organisation_id
    parties, today = parties_of(session, [row for row, _ in found]), now.date()
    titles = designs_called(session, {d for _, grant in found for d in grant.terms.designs[:NAMED]})
    shops = open_shops(session, organisation_id, reach=caller.reach)
    cards = []
    for row, grant in found:
        is_got, is_active = row.licensee_id == organisation_id, grant.state(today) == "active"
        named = words.subjects(language, grant.terms, titles, NAMED)
        licensee = parties[row.licensee_id].name
        allowed = [shop for shop in shops if is_active and not shop_breaches(grant, shop, today)]
        cards.append(
            {
                "id": row.id,
                "is_got": is_got,
                "owner": parties[row.owner_id].name,
                "licensee": licensee,
                "state": words.mark(language, grant, today, is_got=is_got),
                "heading": named[0],
                "sentence": words.sentence(language, grant.terms, "" if is_got else licensee, named),
                "pictures": pictures_of(session, grant, today, PICTURES),
                "shops": [{"id": shop.id, "name": f"{shop.marketplace}/{shop.shop_id}"} for shop in allowed],
                **stock_of(language, grant, today),
            }
        )
    return cards


def pictures_of(session: Session, grant: Grant, today: date, most: int) -> list[dict[str, str]]:
    """Return the designs whose pictures the parties of a licence may see today, at most `most`."""
    if not is_shown(grant, today):
        return []
    designs = designs_of(session, grant, limit=most)
    return [{"id": design.id, "title": design.title or design.reference} for design in designs]


def stock_of(language: Language, grant: Grant, today: date) -> dict[str, Any]:
    """Return how many units are issued and left, and whether more can be issued today."""
    cap = grant.terms.cap
    left = None if cap is None else max(0, cap - grant.units_issued)
    return {
        "meter": words.meter(language, grant.units_issued, cap),
        "left": left,
        "can_issue": grant.state(today) == "active" and left != 0,
    }
