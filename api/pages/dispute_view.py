"""What the page of a dispute shows: both sides, their pictures, what was said and ruled."""

from typing import Any

from fastapi import Request
from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.errors import AuthcheckError
from authcheck.ledger.tables import Entry
from authcheck.registry import statements
from authcheck.registry.disputes import EARLIER, LATER
from authcheck.registry.tables import MATCH, Design, Dispute, View
from authcheck.workspace import Workspace

from ..i18n import Language, language_of
from .dispute_pictures import Pair, place_of

SIGNS = ("mirrored", "inverted")


def row_of(dispute: Dispute, own: str | None) -> dict[str, Any]:
    """Return a dispute as a list shows it, the earlier side first. `own` is as in `sides_of`."""
    return {
        "id": dispute.id,
        "verdict": dispute.verdict,
        "stage": str(statements.stage_of(dispute)),
        "ended_by": dispute.ended_by,
        "appeal_until": statements.appeal_until(dispute),
        "noticed_at": dispute.noticed_at,
        "sides": [
            {"side": side, "title": _title_of(design, side, own), "owner": design.owner.name}
            for side, design in ((EARLIER, dispute.other), (LATER, dispute.design))
        ],
    }


def _title_of(design: Design, side: str, own: str | None) -> str:
    """Return the title of a design. An owner reads the other's reference: a title may be a secret."""
    return design.title if design.title and own in {None, side} else design.reference


def sides_of(session: Session, dispute: Dispute, own: str | None) -> list[dict[str, Any]]:
    """Return both sides, the earlier one first. `own` is the reader's side, None for an operator."""
    return [
        _side_of(session, side, design, picture, own=own)
        for side, design, picture in (
            (EARLIER, dispute.other, dispute.other_picture_sha256),
            (LATER, dispute.design, dispute.picture_sha256),
        )
    ]


def _side_of(
    session: Session, side: str, design: Design, picture: str | None, *, own: str | None
) -> dict[str, Any]:
    first = select(View.added_at).where(View.design_id == design.id, View.picture_sha256 == picture)
    entry = (
        select(Entry.tx_id, Entry.number)
        .where(Entry.subject == design.id, Entry.type == "design.register")
        .order_by(Entry.number)
        .limit(1)
    )
    found = session.execute(entry).first()
    return {
        "side": side,
        "title": _title_of(design, side, own),
        "reference": design.reference,
        "design": design.id,
        "owner": design.owner.name,
        "handle": design.owner.handle,
        "state": design.state,
        "registered_at": design.registered_at,
        "picture_at": session.scalar(first.order_by(View.added_tick).limit(1)) or design.registered_at,
        "tx": found.tx_id if found else None,
        "entry": found.number if found else None,
        "is_own": own == side,
    }


def words_of(dispute: Dispute) -> list[dict[str, Any]]:
    """Return what both owners said, and each ruling after the statements that it has heard."""
    owners = {EARLIER: dispute.other.owner.name, LATER: dispute.design.owner.name}
    told: list[dict[str, Any]] = [
        {
            "kind": "appeal" if row.is_appeal else "statement",
            "number": row.number,
            "side": row.side,
            "owner": owners[row.side],
            "text": row.text,
            "at": row.made_at,
            "has_document": bool(row.document_sha256),
        }
        for row in dispute.statements
    ]
    for row in reversed(dispute.rulings):
        ruled = {"kind": "ruling", "ruling": row.ruling, "text": row.reason, "at": row.ruled_at}
        told.insert(row.heard, ruled | {"is_final": row.is_final, "has_document": False})
    return told


def picture_of(
    request: Request, workspace: Workspace, dispute: Dispute, pair: Pair | None
) -> dict[str, Any] | None:
    """Return the two pictures for the comparison, or None when they cannot be shown."""
    if pair is None:
        return None
    try:
        laid = place_of(pair, workspace, request.app.state.drawings)
    except AuthcheckError:
        return None
    place, base = laid.alignment, f"/disputes/{dispute.id}/pictures"
    return {
        "number": 1,
        "address": f"{base}/seen",
        "view": f"{base}/other" if place or pair.is_whole else None,
        "size": laid.size,
        "outline": " ".join(f"{x:.1f},{y:.1f}" for x, y in place.outline) if place else "",
        "is_aligned": place is not None,
        "is_found": True,
        "is_blank": False,
        "coverage": place.coverage if place else None,
        "signs": [sign for sign in SIGNS if place and getattr(place, sign)],
    }


def picture_words(request: Request, own: str | None) -> dict[str, str]:
    """Return what the two pictures are called: the own one and the other's, or by their order."""
    language: Language = language_of(request)
    seen, view = ("own", "others") if own else (LATER, EARLIER)
    return {
        "seen": language.gettext(f"dispute.picture.{seen}"),
        "view": language.gettext(f"dispute.picture.{view}"),
        "seen_alt": language.gettext(f"dispute.picture.{seen}"),
        "view_alt": language.gettext(f"dispute.picture.{view}"),
    }


def forms_of(dispute: Dispute, own: str | None, *, may_write: bool, may_rule: bool) -> dict[str, bool]:
    """Return what the reader can do now."""
    stage = statements.stage_of(dispute)
    speaks = own is not None and may_write
    return {
        "state": speaks and statements.may_state(dispute, str(own)),
        "appeal": speaks and statements.may_appeal(dispute, str(own)),
        "accept": speaks and statements.may_accept(dispute, str(own)),
        "rule": may_rule and stage in {statements.Stage.OPEN, statements.Stage.APPEALED},
    }


def is_silent(dispute: Dispute, side: str) -> bool:
    """Return whether a side of a `match` has said nothing yet."""
    return dispute.verdict == MATCH and not any(row.side == side for row in dispute.statements)
