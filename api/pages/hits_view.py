"""What the page of some hits shows: their listings, and the form of a notice about them."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from authcheck.cases import hit_pictures, hit_search, notice_rights
from authcheck.cases.hit_search import Filter
from authcheck.cases.notice_tables import Hit
from authcheck.cases.notices import CLAIMS, MOST_ROWS, NOTE_CHARS
from authcheck.cases.stages import Stage, stage_of_hit
from authcheck.errors import AuthcheckError
from authcheck.listings.policies import ListingVerdict
from authcheck.members.permissions import Resource, Right
from authcheck.members.sessions import SignedIn
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..i18n import Language, language_of
from .case_reasons import reason_words
from .person import Form, acting, problem_of, status_of
from .render import render
from .right_view import row_of

FIELDS = {"notice.claim": "claim", "notice.right_kind": "right", "notice.right_state": "right",
          "notice.right_over": "right", "right.not_found": "right",
          "notice.statements": "statements", "notice.note": "note",
          "notice.empty": "listings"}  # fmt: skip
MOST_GROUPS = 24  # on one page
MOST_REASONS = 3  # of a verdict, the weightiest


def show_listings(
    request: Request,
    signed_in: SignedIn,
    workspace: Workspace,
    *,
    groups: tuple[str, ...],
    error: AuthcheckError | None = None,
    form: Form | None = None,
) -> HTMLResponse:
    """Render the listings of groups, at most 300. `form` is the notice that `error` is about."""
    caller, now = acting(signed_in), utc_now()
    owner_id, reach = caller.organisation_id, caller.reach
    wanted = Filter(verdicts=(), groups=groups[:MOST_GROUPS] or ("",))
    with workspace.database.glancing() as session:
        total = hit_search.count_hits(session, wanted, owner_id=owner_id, reach=reach)
        rows = hit_search.list_hits(
            session, wanted, owner_id=owner_id, limit=MOST_ROWS, unreported_first=True, reach=reach
        )
        medians = hit_search.licensed_medians(session, owner_id, {row.design_id for row in rows})
        examples = list({row.grouped_by: row for row in rows}.values())
        checks = hit_pictures.find(session, examples)
        reasons = hit_search.reasons_of(session, rows, owner_id=owner_id, reach=reach)
        rights = _rights_of(session, rows, now.date())
    is_kept = {row.id: hit_pictures.is_kept(workspace.copies, checks.get(row.id), now) for row in examples}
    return render(
        request,
        "hits/listings.html",
        status=status_of(request, error) if error else 200,
        total=total,
        groups=groups[:MOST_GROUPS],
        pictures=[row.id for row in examples if is_kept[row.id]],
        because=_in_words(language_of(request), reasons),
        as_of=now,
        problem=problem_of(request, error, FIELDS.get(error.code, "")) if error else None,
        rights=rights,
        **_listings_and_form(rows, medians, form, may_file=caller.may(Resource.NOTICES, Right.WRITE)),
    )


def _in_words(language: Language, reasons: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[str]]:
    """Return the weightiest reasons of each hit's verdict in words, by the hit's id."""
    return {
        hit_id: [reason_words(language, reason["code"], reason["params"]) for reason in about[:MOST_REASONS]]
        for hit_id, about in reasons.items()
    }


def _listings_and_form(
    rows: Sequence[Hit],
    medians: dict[tuple[str, str], Decimal],
    form: Form | None,
    *,
    may_file: bool,
) -> dict[str, Any]:
    """Return the listings, and the form if there is something to report: about one design, by one who may."""
    hits = [hit_of(row, medians) for row in rows]
    designs = {row.design_id: row.design for row in rows}
    return {
        "hits": hits,
        "designs": [
            {"id": design.id, "title": design.title, "reference": design.reference}
            for design in designs.values()
        ],
        "may_file": may_file and len(designs) == 1 and any(hit["can_be_reported"] for hit in hits),
        "is_reader": not may_file,
        "chosen": set(form.texts("listing"))
        if form
        else {hit["listing"] for hit in hits if hit["is_proposed"]},
        "claims": CLAIMS,
        "note_chars": NOTE_CHARS,
        "typed": _typed(form),
        "nonce": secrets.token_urlsafe(16),
    }


def _rights_of(session: Session, rows: Sequence[Hit], on: date) -> list[dict[str, Any]]:
    """Return the rights that a notice about the listings can name, if they all show one design.

    The only one that holds wherever the listings are is proposed.
    """
    designs = {row.design_id: row.design for row in rows}
    if len(designs) != 1:
        return []
    usable = notice_rights.list_usable(session, next(iter(designs.values())), on)
    fit = [right.id for right in usable if all(notice_rights.holds_in(right, row.territory) for row in rows)]
    return [{**row_of(right), "is_proposed": fit == [right.id]} for right in usable]


def _typed(form: Form | None) -> dict[str, Any]:
    if form is None:
        return {"claim": "", "note": "", "statements": [], "right": None}
    return {
        "claim": form.text("claim")[:40],
        "note": form.text("note")[: 2 * NOTE_CHARS],
        "statements": form.texts("statements"),
        "right": form.text("right")[:40],
    }


def hit_of(hit: Hit, medians: dict[tuple[str, str], Decimal]) -> dict[str, Any]:
    """Return a hit for a page. A listing that the brand handed in itself has no marketplace that decides."""
    listing, share = hit.listing, hit_search.price_share(hit, medians)
    is_own = hit.organisation_id == hit.owner_id
    stage = stage_of_hit(hit)
    can_be_reported = not is_own and stage is Stage.NOT_REPORTED
    return {
        "id": hit.id,
        "listing": listing.id,
        "reference": listing.reference,
        "title": listing.title,
        "url": listing.url,
        "marketplace": hit.organisation.name,
        "is_own": is_own,
        "seller": hit.seller,
        "seller_name": listing.seller_name,
        "territory": hit.territory,
        "listed_on": hit.listed_on,
        "price": listing.price,
        "percent": None if share is None else int(share * 100),
        "verdict": hit.verdict,
        "stage": str(stage),
        "notice": hit.notice_id,
        "can_be_reported": can_be_reported,
        "is_proposed": can_be_reported and hit.verdict != ListingVerdict.LICENSED,
    }
