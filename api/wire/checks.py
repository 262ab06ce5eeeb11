"""From entities to wire models: what is said of a thing, and to whom."""

from collections.abc import Sequence
from typing import Any

from authcheck.evidence import Found
from authcheck.local.alignment import Alignment
from authcheck.registry.designs import shown_views
from authcheck.tables import Check, Design, Dispute, Import, NegativePicture, View

from .previews import preview_path
from .problems import sendable
from .registry_schemas import (
    DesignOut,
    DisputeOut,
    FindabilityOut,
    ImportOut,
    ImportRow,
    NegativeOut,
    OtherDesignOut,
    ViewOut,
)
from .schemas import (
    CheckedDesignOut,
    CheckOut,
    FindingOut,
    OwnerOut,
    PublicCheckOut,
    PublicDesign,
    PublicFinding,
    PublicOwner,
    PublicReason,
    ReasonOut,
    TransformOut,
)

NOTES = {
    "match": "The picture shows a registered design. This says nothing of whether a product is genuine.",
    "lookalike": "The picture is near a registered design but not the same; a person should look.",
    "none": "No registered design was seen. This says nothing of whether a product is genuine.",
}


def design_out(design: Design) -> DesignOut:
    """A design as its owner sees it; of a retired one, the pictures it had."""
    return DesignOut(
        id=design.id,
        owner=design.owner.handle,
        reference=design.reference,
        title=design.title,
        kind=design.kind,
        collection=design.collection,
        state=design.state,
        public_preview=design.public_preview,
        preview=preview_path(design),
        registered_at=design.registered_at,
        retired_at=design.retired_at,
        version=design.version,
        views=[_view_out(design, view) for view in shown_views(design)],
        disputes=[_dispute_out(design, dispute) for dispute in design.disputes],
    )


def _view_out(design: Design, view: View) -> ViewOut:
    url, local = f"/v1/designs/{design.id}/views/{view.picture_sha256}", view.local
    masked = local is not None and local.mask_source is not None and design.state != "retired"
    return ViewOut(
        sha256=view.picture_sha256,
        format=view.picture_format,
        width_px=view.width_px,
        height_px=view.height_px,
        added_at=view.added_at,
        picture=f"{url}/picture",
        mask=f"{url}/mask" if masked else None,
        mask_source=local.mask_source if local else None,
        findability=FindabilityOut(**local.findability) if local else None,
    )


def negative_out(negative: NegativePicture) -> NegativeOut:
    """A negative picture as its owner sees it."""
    return NegativeOut(
        number=negative.number,
        label=negative.label,
        sha256=negative.picture_sha256,
        added_at=negative.added_at,
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
        poorly_findable=sum(row.get("findability") == "poor" for row in report.rows),
        rows=[_import_row(row) for row in report.rows],
    )


def _import_row(row: dict[str, Any]) -> ImportRow:
    warnings = row.get("warnings", [])
    words = {name: sendable(value) for name, value in row.items() if name != "warnings"}
    return ImportRow(**words, warnings=warnings)


def check_out(
    check: Check, view: View | None, found: Sequence[Found], *, evident: bool
) -> CheckOut | PublicCheckOut:
    """A check as its organisation sees it; an anonymous one as anybody does. `evident`: there is an evidence picture."""
    if check.organisation_id is None:
        return _public_check_out(check, found, evident=evident)
    return full_check_out(check, view, found, evident=evident)


def full_check_out(check: Check, view: View | None, found: Sequence[Found], *, evident: bool) -> CheckOut:
    """A check with all its numbers, for the organisation that asked."""
    design = found_design(check)
    return CheckOut(
        **_common(check, evident=evident),
        score=check.score,
        method=check.method if check.verdict != "none" else None,
        design=_checked_design(check, design, view) if design else None,
        reasons=[ReasonOut(**reason) for reason in check.reasons],
        picture_name=sendable(check.picture_name),
        findings=[_finding_out(check, one) for one in found],
    )


def _finding_out(check: Check, found: Found) -> FindingOut:
    row, alignment = found.row, found.alignment
    return FindingOut(
        design=_checked_design(check, found.design, found.view),
        verdict=row["verdict"],
        score=row["score"],
        method=row["method"],
        reasons=[ReasonOut(**reason) for reason in row["reasons"]],
        outline=list(alignment.outline) if alignment else None,
        coverage=alignment.coverage if alignment else None,
        transform=_transform_out(alignment) if alignment else None,
    )


def _transform_out(alignment: Alignment) -> TransformOut:
    return TransformOut(
        mirrored=alignment.mirrored,
        inverted=alignment.inverted,
        angle_deg=alignment.angle_deg,
        scale=alignment.scale,
    )


def _public_check_out(check: Check, found: Sequence[Found], *, evident: bool) -> PublicCheckOut:
    design = found_design(check)
    return PublicCheckOut(
        **_common(check, evident=evident),
        design=_public_design(design) if design else None,
        reasons=[PublicReason(code=reason["code"]) for reason in check.reasons],
        findings=[_public_finding(one) for one in found],
    )


def _public_finding(found: Found) -> PublicFinding:
    alignment = found.alignment
    return PublicFinding(
        design=_public_design(found.design),
        verdict=found.row["verdict"],
        reasons=[PublicReason(code=reason["code"]) for reason in found.row["reasons"]],
        outline=list(alignment.outline) if alignment else None,
        coverage=alignment.coverage if alignment else None,
    )


def _public_design(design: Design) -> PublicDesign:
    return PublicDesign(
        id=design.id,
        title=design.title,
        owner=PublicOwner(name=design.owner.name),
        preview=preview_path(design),
    )


def found_design(check: Check) -> Design | None:
    """The design of the answer. A check that found none still stores the nearest one: that is not part of it."""
    return None if check.verdict == "none" else check.design


def _checked_design(check: Check, design: Design, view: View | None) -> CheckedDesignOut:
    own = view is not None and design.owner_id == check.organisation_id
    return CheckedDesignOut(
        id=design.id,
        title=design.title,
        owner=OwnerOut(handle=design.owner.handle, name=design.owner.name),
        reference=design.reference,
        preview=preview_path(design),
        view_sha256=view.picture_sha256 if view is not None and own else None,
    )


def _common(check: Check, *, evident: bool) -> dict[str, Any]:
    return {
        "id": check.id,
        "evidence": f"/v1/checks/{check.id}/evidence" if evident else None,
        "verdict": check.verdict,
        "note": NOTES[check.verdict],
        "notes": check.notes,
        "policy": check.policy,
        "scheme": check.scheme,
        "asked_at": check.asked_at,
        "picture_sha256": check.picture_sha256,
    }
