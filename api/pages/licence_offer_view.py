"""What the form of an offer shows: what was typed, choices, and what changed while somebody was typing."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.certificates.meters import units_issued
from authcheck.errors import AuthcheckError, NotFound, Rejected
from authcheck.licences.changes import changes
from authcheck.licences.choosing import Subjects, find_members, find_subjects, subjects_under
from authcheck.licences.codes import NICE_CLASSES
from authcheck.licences.grants import get_licence, grant_of
from authcheck.licences.naming import designs_called
from authcheck.licences.pictured import designs_of
from authcheck.licences.regions import REGIONS
from authcheck.licences.terms import Grant, Terms
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.storefronts.licensed import open_shops

from ..i18n import Language, language_of
from . import licence_words as words
from .licence_form import SHOWN_DESIGNS, Typed
from .sellers_view import countries_in


@dataclass(frozen=True, slots=True)
class Clash:
    """Two versions of a licence: the version that the form began with, and the newest."""

    before: Terms
    after: Terms


def form_of(
    session: Session,
    request: Request,
    caller: Principal,
    typed: Typed,
    *,
    licensee: Organisation | None,
    clash: Clash | None = None,
) -> dict[str, Any]:
    """Return the context of the form, for an offer and for an amendment."""
    language = language_of(request)
    parent = _parent(session, caller, typed.parent)
    if parent is None:
        found = find_subjects(session, caller.organisation_id, typed.search, reach=caller.reach)
    else:
        found = subjects_under(session, parent, typed.search)
    chosen, shops = _chosen(session, caller, typed, parent), _shops(session, caller, licensee)
    named = {design["id"] for design in chosen}
    return {
        "typed": typed.with_shops(shops).shown(),
        "chosen": chosen[:SHOWN_DESIGNS],
        "more_designs": " ".join(design["id"] for design in chosen[SHOWN_DESIGNS:]),
        "more_count": len(chosen[SHOWN_DESIGNS:]),
        "found": [one for one in _found(caller, found, parent) if one["id"] not in named],
        "collections": list(dict.fromkeys([*typed.collections, *found.collections])),
        **_countries(language, typed),
        "classes": [str(number) for number in NICE_CLASSES],
        "members": _members(session, caller, typed, licensee),
        "shops": shops,
        "parent": {"id": parent.id} if parent else None,
        "changed": _changed(session, language, caller, typed, clash),
        "nonce": secrets.token_urlsafe(16),
    }


def _found(caller: Principal, found: Subjects, parent: Grant | None) -> list[dict[str, str]]:
    """Return the designs that the search has found, for the template."""
    return [
        {
            "id": design.id,
            "name": design.title or design.reference,
            "reference": design.reference,
            "picture": _picture(caller, design.id, parent),
        }
        for design in found.designs
    ]


def _shops(session: Session, caller: Principal, licensee: Organisation | None) -> list[str]:
    shops = open_shops(session, licensee.id, reach=caller.reach) if licensee else []
    return [f"{shop.marketplace}/{shop.shop_id}" for shop in shops]


def _parent(session: Session, caller: Principal, parent_id: str) -> Grant | None:
    """Return the licence above a sublicence, which the caller holds. None without one."""
    if not parent_id:
        return None
    row = get_licence(session, parent_id, organisation_id=caller.organisation_id, reach=caller.reach)
    return grant_of(session, row, units=units_issued) if row.licensee_id == caller.organisation_id else None


def _chosen(session: Session, caller: Principal, typed: Typed, parent: Grant | None) -> list[dict[str, str]]:
    """Return the chosen designs with their names. A design that the caller may not know has its id only."""
    of_parent = {design.id for design in designs_of(session, parent, limit=500)} if parent else set()
    own = (
        select(Design.id)
        .where(Design.id.in_(list(typed.designs)[:500]), Design.owner_id == caller.organisation_id)
        .where(caller.reach.has_design(Design.id))
    )
    visible = {*session.scalars(own), *of_parent.intersection(typed.designs)}
    names = designs_called(session, visible)
    return [
        {
            "id": design_id,
            "name": names[design_id].name if design_id in names else design_id,
            "reference": names[design_id].handle if design_id in names else "",
            "picture": _picture(caller, design_id, parent) if design_id in names else "",
        }
        for design_id in typed.designs
    ]


def _picture(caller: Principal, design_id: str, parent: Grant | None) -> str:
    """Return the address of a small picture of a design that the form names, "" for none."""
    if parent is not None:
        return f"/licences/picture?licence={parent.id}&design={design_id}"
    return f"/designs/{design_id}/picture" if caller.may(Resource.DESIGNS, Right.READ) else ""


def _countries(language: Language, typed: Typed) -> dict[str, Any]:
    """Return the chosen countries, and the regions with the others, in the order of the reader's language."""
    every, regions = countries_in(language.tag), []
    chosen = [pair for pair in every if pair[0] in typed.countries]
    for name, codes in REGIONS.items():
        others = [pair for pair in every if pair[0] in codes and pair not in chosen]
        regions.append({"name": name, "countries": others, "is_open": name in typed.regions})
    return {"chosen_countries": chosen, "regions": regions}


def _members(
    session: Session, caller: Principal, typed: Typed, licensee: Organisation | None
) -> list[dict[str, str]]:
    """Return the members to choose from, when the text names several."""
    if licensee is not None or not typed.licensee.strip():
        return []
    found = find_members(session, typed.licensee, but=caller.organisation_id)
    return [{"handle": member.handle, "name": member.name} for member in found]


def _changed(
    session: Session, language: Language, caller: Principal, typed: Typed, clash: Clash | None
) -> list[dict[str, str]]:
    """Return what changed while somebody was typing: each field before, now, and as it was typed."""
    if clash is None:
        return []
    try:
        own: Terms | None = typed.terms()
    except Rejected:
        own = None
    every = {*clash.before.designs, *clash.after.designs}
    titles = designs_called(session, every)
    if own is not None:
        known = {one["id"] for one in _chosen(session, caller, typed, None) if one["reference"]}
        titles |= designs_called(session, known)
    return [
        {
            "field": change.field,
            "before": words.field_words(language, change.field, clash.before, titles),
            "now": words.field_words(language, change.field, clash.after, titles),
            "yours": words.field_words(language, change.field, own, titles) if own else "",
        }
        for change in changes(clash.before, clash.after)
    ]


def find_licensee(session: Session, text: str) -> Organisation:
    """Return the member that a text names.

    Raises Rejected (`licence.licensee`) for no text and for several members, NotFound
    (`organisation.not_found`) for none.
    """
    found: Sequence[Organisation] = find_members(session, text, but="")
    if len(found) == 1:
        return found[0]
    if not text.strip() or found:
        raise Rejected("Choose one member as licensee.", code="licence.licensee")
    raise NotFound("We have no such member.", code="organisation.not_found")


def rival_of(error: AuthcheckError | None) -> dict[str, str] | None:
    """Return the licence that is in the way, if the error names one."""
    if error is None or "licence" not in error.params or error.code != "licence.exclusive":
        return None
    return {"id": str(error.params["licence"]), "licensee": str(error.params.get("licensee", ""))}
