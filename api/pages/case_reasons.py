"""Why a case is open: reasons with their numbers, the licence term by term, the certificate, the seller."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from authcheck.cases import hits, notices
from authcheck.cases.tables import Case, CaseItem
from authcheck.checks.evidence import Found
from authcheck.errors import BadSetting, NotTrue
from authcheck.licences.parties import as_read_with, own_licences
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Terms
from authcheck.listings import disclosure
from authcheck.listings.evidence import DesignSeen, Evidence, LicenceSeen
from authcheck.listings.tables import Listing

from ..i18n import Language
from .right_view import named_by

MOST_COUNTED = 500  # listings and cases of a seller
TERMS: Mapping[str, tuple[str, ...]] = {  # the kinds of terms, and the codes of their breaches
    "force": (
        "licence.not_accepted",
        "licence.accepted_later",
        "licence.revoked",
        "licence.superseded",
    ),
    "period": ("licence.not_started", "licence.lapsed"),
    "designs": ("licence.other_design",),
    "territory": ("licence.territory",),
    "goods": ("licence.goods",),
    "channel": ("licence.channel",),
    "quantity": ("licence.over_cap",),
}
WITH_NUMBERS = (  # reasons that have a sentence `case_reason.*` with their numbers, for moderators
    *(f"image.{name}" for name in ("near_copy", "design_found", "partial_copy", "rotated")),
    *(f"image.{name}" for name in ("several_designs", "also_near", "part")),
    *(f"licence.{name}" for name in ("accepted_later", "revoked", "superseded", "lapsed", "not_started")),
    *(f"licence.{name}" for name in ("territory", "goods", "channel", "over_cap")),
)
EVENTS = (  # kinds of rows of the timeline
    *("opened", "joined", "judged_again", "skipped", "escalated", "decided", "undone", "effective"),
    *("asked", "answered", "unanswered", "reversed", "split", "closed"),
    *("reported", "buyer_report", "notice_withdrawn", "withdrawn"),
)


def reasons_of(
    session: Session, case: Case, listing: Listing, findings: Iterable[Found], language: Language
) -> list[dict[str, Any]]:
    """Return the reasons by falling weight, in words with the numbers that the marketplace may read.

    The reasons are about the case's design, also if the listing's own verdict is about another one.
    """
    about = _reasons_about(listing, case.design_id)
    named = {str(reason["params"]["licence"]) for reason in about if reason["params"].get("licence")}
    own = own_licences(session, str(case.organisation_id), named)
    of_pictures = [reason for finding in findings for reason in finding.row["reasons"]]
    by_code: dict[str, Mapping[str, Any]] = {}
    for reason in [*of_pictures, *disclosure.disclose_reasons(about, own)]:
        by_code[reason["code"]] = reason  # the reason about the listing says which design
    rows = sorted(by_code.values(), key=lambda reason: -float(reason["weight"]))
    return [
        {
            "code": reason["code"],
            "weight": float(reason["weight"]),
            "words": reason_words(language, reason["code"], reason["params"]),
        }
        for reason in rows
    ]


def _reasons_about(listing: Listing, design_id: str) -> Sequence[Mapping[str, Any]]:
    """Return the reasons about one design. A listing of another release has only its own reasons."""
    try:
        reasons = hits.about(listing, design_id).reasons
    except (NotTrue, BadSetting):
        return listing.reasons
    return [
        {"code": reason.code, "weight": reason.weight, "params": dict(reason.params)} for reason in reasons
    ]


def reason_words(language: Language, code: str, params: Mapping[str, Any]) -> str:
    """Return a reason in words: with its numbers if we have and may show them, else without."""
    sentence = language.sentences.get(f"case_reason.{code}", "") if code in WITH_NUMBERS else ""
    needed = set(re.findall(r"%\((\w+)\)s", sentence))
    family = "case_reason" if sentence and needed <= params.keys() else "reason"
    return language.sentence(family, code, params)


def licence_of(session: Session, case: Case, listing: Listing, language: Language) -> dict[str, Any]:
    """Return the licence that the verdict rests on, term by term: granted, this listing, ok or broken.

    Only a party of the licence reads what was granted and by how much a term is broken (ADR 21).
    """
    seen = _design_seen(listing, case.design_id)
    if seen is None or not seen.licences:
        return {"rows": [], "others": 0, "is_owner": bool(seen and seen.seller_is_owner), "is_party": False}
    reported = _reported(seen.licences, listing.licence_id)
    ids = {reported.licence_id, *(breach.licence_id for breach in reported.breaches if breach.licence_id)}
    own = own_licences(session, str(case.organisation_id), ids)
    terms = None
    if reported.licence_id in own:
        terms = Terms.from_json(session.get_one(Licence, reported.licence_id).terms)
    return {
        "rows": _rows(reported, _granted(terms) if terms else {}, own, listing, language),
        "others": len(seen.licences) - 1,
        "is_owner": False,
        "is_party": terms is not None,
    }


def _design_seen(listing: Listing, design_id: str) -> DesignSeen | None:
    try:
        evidence = Evidence.from_json(listing.evidence)
    except NotTrue:  # of a later release
        return None
    return next((design for design in evidence.designs if design.design_id == design_id), None)


def _reported(licences: Sequence[LicenceSeen], licence_id: str | None) -> LicenceSeen:
    """Return the licence that the verdict names, or the one with the fewest broken terms."""
    named = (licence for licence in licences if licence.licence_id == licence_id)
    return next(named, None) or min(licences, key=lambda licence: len(licence.breaches))


def _rows(
    licence: LicenceSeen,
    granted: Mapping[str, Any],
    own: Collection[str],
    listing: Listing,
    language: Language,
) -> list[dict[str, Any]]:
    used = {
        "period": listing.listed_on,
        "territory": listing.territory,
        "goods": ", ".join(map(str, listing.goods)) or None,
        "channel": f"{listing.channel}/{listing.seller}",
    }
    rows = []
    for kind, codes in TERMS.items():
        broken = [as_read_with(own, breach) for breach in licence.breaches if breach.code in codes]
        rows.append(
            {
                "term": kind,
                "granted": granted.get(kind, ""),
                "used": used.get(kind),
                "broken": [reason_words(language, breach.code, breach.params) for breach in broken],
            }
        )
    return rows


def _granted(terms: Terms) -> dict[str, Any]:
    """Return what a licence grants, by kind of term. None is no limit."""
    territories = ", ".join(terms.territories)
    if terms.except_territories:
        territories += f" \u2212 {', '.join(terms.except_territories)}"
    first, last = terms.starts_on, terms.ends_on
    return {
        "period": f"{_day(first)} \u2013 {_day(last)}",
        "territory": territories,
        "goods": ", ".join(map(str, terms.goods)) or None,
        "channel": ", ".join(terms.channels) or None,
        "quantity": terms.cap,
    }


def _day(day: date | None) -> str:
    return day.isoformat() if day else "\u221e"


STEP_OF_FAULT = {  # the step of the verification that fails with this code
    "certificate.signature": "signature",
    "certificate.algorithm": "signature",
    "certificate.issuer": "signature",
    "bundle.entry": "entry",
    "ledger.entry": "entry",
    "proof.invalid": "inclusion",
    "bundle.checkpoint": "checkpoint",
    "note.checkpoint": "checkpoint",
    "note.quorum": "witnesses",
    "certificate.key": "key",
    "bundle.status": "list",
}


def certificate_of(listing: Listing) -> dict[str, Any] | None:
    """Return the steps of the certificate that the listing names, as they were judged. None without one.

    `failed` is the step that fails, None where the outcome says it all.
    """
    try:
        seen = Evidence.from_json(listing.evidence).certificate
    except NotTrue:
        return None
    if seen is None:
        return None
    return {
        "code": listing.certificate_code,
        "outcome": seen.outcome,
        "failed": None if seen.outcome == "revoked" else STEP_OF_FAULT.get(seen.failed),
        "issuer": seen.issuer,
        "right_at_issue": seen.right_at_issue,
        "is_sellers": seen.issuer_is_seller,
        "is_same_design": None if seen.design_id is None else seen.design_id == listing.design_id,
        "clones": list(seen.clone_reasons),
    }


def seller_of(session: Session, case: Case, listing: Listing) -> dict[str, Any]:
    """Return what the marketplace knows about the seller: is the shop proved, and earlier cases by state.

    The seller's listings lead to the cases: they have an index, and a busy marketplace has many cases. The
    first 500 are counted.
    """
    try:
        evidence = Evidence.from_json(listing.evidence)
        known, near = evidence.seller_known, evidence.near_shop
    except NotTrue:
        known, near = False, ""
    listings = select(Listing.id).where(Listing.channel == case.channel, Listing.seller == case.seller)
    ids = session.scalars(
        select(CaseItem.case_id)
        .where(CaseItem.listing_id.in_(session.scalars(listings.limit(MOST_COUNTED)).all()))
        .distinct()
        .limit(MOST_COUNTED)
    ).all()
    others = select(Case.state, func.count()).where(
        Case.id.in_(ids), Case.id != case.id, Case.organisation_id == case.organisation_id
    )
    return {
        "name": listing.seller_name,
        "is_known": known,
        "near_shop": near,
        "cases": dict(session.execute(others.group_by(Case.state)).all()),
    }


def reports_of(session: Session, case: Case) -> list[dict[str, Any]]:
    """Return the notices of brands about the case, oldest first."""
    return [
        {
            "by": received.notice.organisation.name,
            "claim": received.notice.claim,
            "note": received.notice.note,
            "at": received.notice.filed_at,
            "listings": len(received.listing_ids),
            "right": named_by(received.notice),
        }
        for received in notices.of_case(session, case.id)
    ]
