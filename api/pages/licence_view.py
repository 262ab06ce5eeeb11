"""What the page of one licence shows: terms, versions, meter, what a revocation stops, and the acts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from authcheck.certificates import forecast
from authcheck.certificates.meters import units_issued
from authcheck.errors import AuthcheckError
from authcheck.licences.agreements import REASONS
from authcheck.licences.amending import is_open
from authcheck.licences.changes import changes
from authcheck.licences.grants import chain_of, get_licence, grants_of
from authcheck.licences.history import are_all, entries_of, versions_of
from authcheck.licences.naming import Named, designs_called, parties_of
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Grant, Terms
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.storefronts.licensed import open_shops, shop_breaches

from ..i18n import Language
from . import licence_words as words
from .licence_cards import pictures_of, stock_of

PICTURES = 12
BATCHES = 20
NAMED = 40  # designs that the sentence names


def view_of(
    session: Session, caller: Principal, licence_id: str, language: Language, now: datetime
) -> dict[str, Any]:
    """Return the context of the page of a licence version. Raises NotFound (`licence.not_found`)."""
    row = get_licence(session, licence_id, organisation_id=caller.organisation_id, reach=caller.reach)
    versions = versions_of(session, row, reach=caller.reach)
    grants = {grant.id: grant for grant in grants_of(session, versions, units=units_issued)}
    grant, is_got = grants[row.id], row.licensee_id == caller.organisation_id
    parties = parties_of(session, [row])
    titles = designs_called(session, {d for one in grants.values() for d in one.terms.designs})
    owner, licensee = parties[row.owner_id], parties[row.licensee_id]
    named = words.subjects(language, grant.terms, titles, NAMED)
    subject = "" if is_got else licensee.name
    return {
        "licence": {
            "id": row.id,
            "version": row.version,
            "owner": owner.name,
            "licensee": licensee.name,
            "handle": licensee.handle,
            "other": owner.name if is_got else licensee.name,
            "is_got": is_got,
            "state": words.mark(language, grant, now.date(), is_got=is_got),
            "sentence": words.sentence(language, grant.terms, subject, named),
            "exclusive": grant.terms.exclusive,
            "sublicensing": grant.terms.sublicensing,
            "parent": _parent_of(caller, grant),
            "reason": row.revocation_reason,
            **stock_of(language, grant, now.date()),
        },
        "pictures": pictures_of(session, grant, now.date(), PICTURES),
        "versions": _versions(language, versions, grants, titles, is_got=is_got, now=now),
        "forecast": _forecast(session, grant, now),
        "entries": entries_of(session, versions),
        "stops": _stops(session, caller, row, _in_force(versions, grants, grant), now),
        "reasons": REASONS,
        "asked_design": next((titles[one].handle for one in grant.terms.designs if one in titles), ""),
        **_acts(session, caller, row, versions),
    }


def _parent_of(caller: Principal, grant: Grant) -> str | None:
    """Return the id of the licence above, if the reader is a party of it."""
    above = chain_of(grant)[1:2]
    return next((one.id for one in above if caller.organisation_id in {one.owner_id, one.licensee_id}), None)


def _versions(
    language: Language,
    versions: Sequence[Licence],
    grants: Mapping[str, Grant],
    titles: Mapping[str, Named],
    *,
    is_got: bool,
    now: datetime,
) -> list[dict[str, Any]]:
    """Return the versions, newest first, each with what it changed in the version before."""
    rows = []
    for place, row in enumerate(versions):
        terms = grants[row.id].terms
        before: Terms | None = grants[versions[place + 1].id].terms if place + 1 < len(versions) else None
        differs = changes(before, terms) if before else []
        rows.append(
            {
                "id": row.id,
                "number": row.version,
                "state": words.mark(language, grants[row.id], now.date(), is_got=is_got),
                "offered_at": row.offered_at,
                "accepted_at": row.accepted_at,
                "is_first": before is None,
                "changes": words.change_words(language, differs, before or terms, terms, titles),
            }
        )
    return rows


def _forecast(session: Session, grant: Grant, now: datetime) -> dict[str, Any] | None:
    """Return when the cap is reached. None without a cap, for a licence that is over, with too few units."""
    cap = grant.terms.cap
    if cap is None or grant.state(now.date()) != "active" or grant.units_issued >= cap:
        return None
    found = forecast.forecast(session, grant.series, cap - grant.units_issued, now)
    if found is None:
        return {"kind": "unknown"}
    ends_on = grant.terms.ends_on
    is_in_time = found.day is not None and (ends_on is None or found.day <= ends_on)
    return {"kind": "day" if is_in_time else "not_reached", "found": found}


def _in_force(versions: Sequence[Licence], grants: Mapping[str, Grant], grant: Grant) -> Grant:
    """Return the version in force, or the shown version if there is none."""
    accepted = (row for row in versions if row.accepted_at is not None and row.superseded_at is None)
    return next((grants[row.id] for row in accepted), grant)


def _stops(session: Session, caller: Principal, row: Licence, grant: Grant, now: datetime) -> dict[str, Any]:
    """Return what a revocation stops: the batches under the licence, and the licensee's shops that it covers.

    Only the licensee reads the names of its products and lots.
    """
    is_got = row.licensee_id == caller.organisation_id
    batches, total = forecast.batches_under(session, row.series, limit=BATCHES)
    shops = open_shops(session, row.licensee_id, reach=caller.reach)
    covered = [shop for shop in shops if not shop_breaches(grant, shop, now.date())]
    return {
        "total": total,
        "units": grant.units_issued,
        "batches": [
            {
                "product": batch.product if is_got and batch.organisation_id == row.licensee_id else "",
                "lot": batch.lot if is_got and batch.organisation_id == row.licensee_id else "",
                "count": batch.count,
                "at": batch.created_at,
            }
            for batch in batches
        ],
        "shops": [
            {"id": shop.id, "name": f"{shop.marketplace}/{shop.shop_id}", "url": shop.url} for shop in covered
        ],
    }


def _acts(session: Session, caller: Principal, row: Licence, versions: Sequence[Licence]) -> dict[str, Any]:
    """Return the acts of the reader. `locks` has why an act is locked, by act, "" for an open act."""
    newest = versions[0]
    may_write = caller.may(Resource.LICENCES, Right.WRITE)
    is_whole = are_all(session, row, versions)
    lock = "" if may_write else "role"
    if may_write and not is_whole:
        lock = "reach"
    is_owner = row.owner_id == caller.organisation_id
    over = "revoked" if newest.revoked_at is not None else ""
    return {
        "newest": newest.id,
        "is_owner": is_owner,
        "offer": newest.id if is_open(newest) else None,
        "locks": {
            "answer": lock,
            "amend": lock or over,
            "revoke": lock or over,
            "withdraw": lock,
        },
    }


def error_field(error: AuthcheckError) -> str:
    """Return the field of the forms of this page that an error is about."""
    return {"licence.confirmation": "handle", "licence.reason": "reason"}.get(error.code, "")


def error_form(error: AuthcheckError) -> str:
    """Return the prefix of the form of this page that has a sentence of its own for an error."""
    return "answer-" if error.code == "licence.exclusive" else ""
