"""The part of a listing's verdict that an organisation may read.

A row keeps all reasons with all numbers. Numbers of a licence's terms and the licence's id go to the two
parties of that licence. A marketplace that hands in a listing is usually neither of them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from authcheck.licences.parties import own_licences
from authcheck.listings.tables import Listing
from authcheck.members.reach import WHOLE, Reach

ABOUT = ("design", "owner")  # what a third party reads about a broken term, beside the reason's code


@dataclass(frozen=True, slots=True)
class Disclosed:
    """Reasons as JSON by falling weight, and the deciding licence, as one organisation may read them."""

    reasons: list[dict[str, Any]]
    licence_id: str | None


def disclose(
    session: Session, listings: Sequence[Listing], organisation_id: str, *, reach: Reach = WHOLE
) -> dict[str, Disclosed]:
    """Return what an organisation may read of these listings, by the id of the listing.

    An agent is a third party of the licences that are not within reach.
    """
    ids = {listing.licence_id for listing in listings}
    ids |= {reason["params"].get("licence") for listing in listings for reason in listing.reasons}
    named = (licence_id for licence_id in ids if licence_id)
    own = own_licences(session, organisation_id, named, reach=reach)
    return {
        listing.id: Disclosed(
            reasons=disclose_reasons(listing.reasons, own),
            licence_id=listing.licence_id if listing.licence_id in own else None,
        )
        for listing in listings
    }


def disclose_reasons(reasons: Sequence[Mapping[str, Any]], own: Collection[str]) -> list[dict[str, Any]]:
    """Return what the party of the licences `own` may read, each reason once.

    Two terms of one kind are the same reason for a third party.
    """
    disclosed: list[dict[str, Any]] = []
    for reason in reasons:
        shown = {**reason, "params": _disclose_params(reason["code"], reason["params"], own)}
        if shown not in disclosed:
            disclosed.append(shown)
    return disclosed


def _disclose_params(code: str, params: Mapping[str, Any], own: Collection[str]) -> dict[str, Any]:
    """Return the params of a reason. The terms of a licence that the reason does not name stay private."""
    if params.get("licence") in own:
        return dict(params)
    if code.startswith("licence."):
        return {name: params[name] for name in ABOUT if name in params}
    return {name: value for name, value in params.items() if name not in {"licence", "twin"}}
