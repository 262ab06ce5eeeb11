"""What the page of one design shows."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from authcheck.certificates.of_designs import count_issued
from authcheck.errors import AuthcheckError
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.members.sessions import SignedIn
from authcheck.registry import history
from authcheck.registry.designs import KINDS, TITLE_CHARS, get_design, open_disputes, shown_views
from authcheck.registry.tables import Design, Dispute, View
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from .designs_view import HIT_DAYS, cards_of, picture_path
from .person import Form, acting, problem_of, status_of
from .render import render

FIELDS = ("title", "kind", "collection", "public_preview")
FIELD_OF = {
    "design.title": "title",
    "design.kind": "kind",
    "design.collection": "collection",
    "licence.exclusive": "collection",
    "design.not_confirmed": "confirm",
}
NOTICES = ("saved", "retired", "added", "removed", "masked")


def show_design(
    request: Request,
    signed_in: SignedIn,
    workspace: Workspace,
    design_id: str,
    *,
    error: AuthcheckError | None = None,
    form: Form | None = None,
    at: str = "words",
) -> HTMLResponse:
    """Render the page of a design. `error` is about the form at `at`, and `form` is what was typed there."""
    caller, now = acting(signed_in), utc_now()
    with workspace.database.reading() as session:
        design = get_design(session, design_id, owner_id=caller.organisation_id, reach=caller.reach)
        context = _context_of(session, design, caller)
    may_write = caller.may(Resource.DESIGNS, Right.WRITE)
    notice = request.query_params.get("notice", "")
    current = _words_of(design)
    return render(
        request,
        "designs/design.html",
        status=status_of(request, error) if error else 200,
        **context,
        kinds=KINDS,
        title_chars=TITLE_CHARS,
        typed=_typed(current, form),
        seen=current,
        changed=_changed(current, form) if form else [],
        version=design.version,
        may_write=may_write and design.state != "retired",
        is_reader=not may_write,
        may_read_disputes=caller.may(Resource.DISPUTES, Right.READ),
        hit_days=HIT_DAYS,
        notice=notice if notice in NOTICES and not error else None,
        problem=problem_of(request, error, FIELD_OF.get(error.code, "")) if error else None,
        problem_at=at,
        as_of=now,
    )


def _context_of(session: Session, design: Design, caller: Principal) -> dict[str, Any]:
    (card,) = cards_of(session, [design], caller, utc_now())
    reads_certificates = caller.may(Resource.CERTIFICATES, Right.READ)
    issued = count_issued(session, design.id, caller.organisation_id) if reads_certificates else None
    return {
        "card": card,
        "retired_at": design.retired_at,
        "views": [_view_of(design, view) for view in shown_views(design)],
        "disputes": [_dispute_of(design, dispute) for dispute in open_disputes(design)],
        "certificates": issued,
        "events": [asdict(event) for event in history.events_of(session, design.id)],
    }


def _view_of(design: Design, view: View) -> dict[str, Any]:
    local = view.local
    is_masked = local is not None and local.mask_source is not None and design.state != "retired"
    return {
        "sha256": view.picture_sha256,
        "picture": picture_path(design, view.picture_sha256),
        "original": f"/v1/designs/{design.id}/views/{view.picture_sha256}/picture",
        "mask": f"/v1/designs/{design.id}/views/{view.picture_sha256}/mask" if is_masked else None,
        "mask_source": local.mask_source if local and is_masked else "none",
        "size": (view.width_px, view.height_px),
        "format": view.picture_format,
        "added_at": view.added_at,
        "standing": view.standing,
        "grade": str(local.findability["grade"]) if local else "",
        "points": int(local.findability["points"]) if local else None,
        "warnings": list(local.findability["warnings"]) if local else [],
    }


def _dispute_of(design: Design, dispute: Dispute) -> dict[str, Any]:
    """Return a dispute from this design's side. `other` is the design of the other owner."""
    is_later = dispute.design_id == design.id
    other = dispute.other if is_later else dispute.design
    return {
        "id": dispute.id,
        "side": f"{'later' if is_later else 'earlier'}.{dispute.verdict}",
        "owner": other.owner.handle,
        "reference": other.reference,
        "registered_at": other.registered_at,
        "own_at": design.registered_at,
        "noticed_at": dispute.noticed_at,
    }


def _words_of(design: Design) -> dict[str, str]:
    return {
        "title": design.title,
        "kind": design.kind,
        "collection": design.collection or "",
        "public_preview": "on" if design.public_preview else "",
    }


def _typed(current: Mapping[str, str], form: Form | None) -> dict[str, str]:
    """Return the words for the form's fields.

    A field that the person has changed keeps what was typed. The others are those of this moment.
    """
    if form is None or not form.text("version"):
        return dict(current)
    return {
        name: form.text(name)[:1000] if form.text(name) != form.text(f"was_{name}") else current[name]
        for name in FIELDS
    }


def _changed(current: Mapping[str, str], form: Form) -> list[dict[str, str]]:
    """Return the fields that somebody else has changed since the person read the page."""
    if not form.text("version"):
        return []
    return [
        {"field": name, "was": form.text(f"was_{name}")[:1000], "now": current[name]}
        for name in FIELDS
        if form.text(f"was_{name}") != current[name]
    ]
