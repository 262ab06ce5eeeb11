"""From entities to wire models: what is said of a thing, and to whom."""

from typing import Any

from authcheck.registry.designs import live_views
from authcheck.tables import Check, Design, Dispute, Import, View

from .previews import preview_path
from .problems import sendable
from .schemas import (
    CheckedDesignOut,
    CheckOut,
    DesignOut,
    DisputeOut,
    ImportOut,
    ImportRow,
    OtherDesignOut,
    OwnerOut,
    PublicCheckOut,
    PublicDesign,
    PublicOwner,
    PublicReason,
    ReasonOut,
    ViewOut,
)

NOTES = {
    "match": "The picture shows a registered design. This says nothing of whether a product is genuine.",
    "lookalike": "The picture is near a registered design but not the same; a person should look.",
    "none": "No registered design was seen. This says nothing of whether a product is genuine.",
}


def design_out(design: Design) -> DesignOut:
    """A design as its owner sees it; of a retired one, the pictures it had."""
    views = design.views if design.state == "retired" else live_views(design)
    return DesignOut(
        id=design.id,
        owner=design.owner.handle,
        reference=design.reference,
        title=design.title,
        kind=design.kind,
        state=design.state,
        public_preview=design.public_preview,
        preview=preview_path(design),
        registered_at=design.registered_at,
        retired_at=design.retired_at,
        version=design.version,
        views=[_view_out(design, view) for view in views],
        disputes=[_dispute_out(design, dispute) for dispute in design.disputes],
    )


def _view_out(design: Design, view: View) -> ViewOut:
    return ViewOut(
        sha256=view.picture_sha256,
        format=view.picture_format,
        width_px=view.width_px,
        height_px=view.height_px,
        added_at=view.added_at,
        picture=f"/v1/designs/{design.id}/views/{view.picture_sha256}/picture",
    )


def _dispute_out(design: Design, dispute: Dispute) -> DisputeOut:
    other = dispute.other
    return DisputeOut(
        id=dispute.id,
        score=dispute.score,
        noticed_at=dispute.noticed_at,
        registered_at=design.registered_at,
        other=OtherDesignOut(
            owner=other.owner.handle, reference=other.reference, registered_at=other.registered_at
        ),
    )


def import_out(report: Import) -> ImportOut:
    """A bulk import and its rows."""
    return ImportOut(
        id=report.id,
        created_at=report.created_at,
        dry_run=report.dry_run,
        counts=report.counts,
        rows=[ImportRow(**{name: sendable(value) for name, value in row.items()}) for row in report.rows],
    )


def check_out(check: Check, view: View | None) -> CheckOut | PublicCheckOut:
    """A check as its organisation sees it; an anonymous one as anybody does."""
    return _public_check_out(check) if check.organisation_id is None else full_check_out(check, view)


def full_check_out(check: Check, view: View | None) -> CheckOut:
    """A check with all its numbers, for the organisation that asked."""
    return CheckOut(
        **_common(check),
        score=check.score,
        method=check.method if check.verdict != "none" else None,
        design=_checked_design(check, view),
        reasons=[ReasonOut(**reason) for reason in check.reasons],
        picture_name=sendable(check.picture_name),
    )


def _public_check_out(check: Check) -> PublicCheckOut:
    design = found_design(check)
    return PublicCheckOut(
        **_common(check),
        design=PublicDesign(
            id=design.id,
            title=design.title,
            owner=PublicOwner(name=design.owner.name),
            preview=preview_path(design),
        )
        if design
        else None,
        reasons=[PublicReason(code=reason["code"]) for reason in check.reasons],
    )


def found_design(check: Check) -> Design | None:
    """The design of the answer. A check that found none still stores the nearest one: that is not part of it."""
    return None if check.verdict == "none" else check.design


def _checked_design(check: Check, view: View | None) -> CheckedDesignOut | None:
    design = found_design(check)
    if design is None:
        return None
    own = view is not None and design.owner_id == check.organisation_id
    return CheckedDesignOut(
        id=design.id,
        title=design.title,
        owner=OwnerOut(handle=design.owner.handle, name=design.owner.name),
        reference=design.reference,
        preview=preview_path(design),
        view_sha256=view.picture_sha256 if view is not None and own else None,
    )


def _common(check: Check) -> dict[str, Any]:
    return {
        "id": check.id,
        "verdict": check.verdict,
        "note": NOTES[check.verdict],
        "notes": check.notes,
        "policy": check.policy,
        "scheme": check.scheme,
        "asked_at": check.asked_at,
        "picture_sha256": check.picture_sha256,
    }
