"""Answers to checks, in JSON: all of it for the organisation that asked, less for the public."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from authcheck.checks.evidence import Found
from authcheck.checks.tables import Check
from authcheck.registry.tables import Design, View
from authcheck.vision.matching.alignment import Alignment

from ..previews import preview_path
from .forms import Wire, sendable


class ReasonOut(Wire):
    """Why, as a code, the numbers a sentence about it needs, and a weight in [0, 1] to order by."""

    code: str
    weight: float
    params: dict[str, str | int | float]


class OwnerOut(Wire):
    """Who owns a design."""

    handle: str
    name: str


class CheckedDesignOut(Wire):
    """The design a check found. `view_sha256` is null unless the design is the asker's own."""

    id: str
    title: str
    owner: OwnerOut
    reference: str
    preview: str | None
    view_sha256: str | None


class TransformOut(Wire):
    """How the design lies in the picture: mirrored, light and dark swapped, turned clockwise, picture pixels a design pixel."""

    mirrored: bool
    inverted: bool
    angle_deg: float
    scale: float


Outline = Annotated[
    list[tuple[float, float]] | None,
    Field(
        description="Corners of the design in the picture, (x, y) in pixels of the upright original; null: not located."
    ),
]


Coverage = Annotated[float | None, Field(description="Share of the design that is seen, in [0, 1].")]


Evidence = Annotated[
    str | None, Field(description="Where the evidence picture is, for as long as there is one.")
]


class FindingOut(Wire):
    """One design seen in the picture. The first finding of a check is its answer."""

    design: CheckedDesignOut
    verdict: Literal["match", "lookalike"]
    score: float
    method: str
    reasons: list[ReasonOut]
    outline: Outline
    coverage: Coverage
    transform: TransformOut | None


class CheckOut(Wire):
    """The answer to a key's check: which registered design the picture shows, how sure, and why."""

    id: str
    verdict: Literal["match", "lookalike", "none"]
    note: str
    score: float
    method: str | None
    design: CheckedDesignOut | None
    reasons: list[ReasonOut]
    notes: list[str]
    policy: str
    scheme: str
    asked_at: datetime
    picture_name: str
    findings: list[FindingOut]
    evidence: Evidence
    picture_sha256: str = Field(description="SHA-256 of the picture that was sent in.")


class PublicReason(Wire):
    """Why, as a code."""

    code: str


class PublicOwner(Wire):
    """Who owns a design, by name."""

    name: str


class PublicDesign(Wire):
    """What the public is told of a design: never its reference, its pictures' hashes or how near it came."""

    id: str
    title: str
    owner: PublicOwner
    preview: str | None


class PublicFinding(Wire):
    """One design seen in the picture, as the public is told of it."""

    design: PublicDesign
    verdict: Literal["match", "lookalike"]
    reasons: list[PublicReason]
    outline: Outline
    coverage: Coverage


class PublicCheckOut(Wire):
    """The answer to the public. It holds no score, distance, method or hash but that of the picture sent in."""

    id: str
    verdict: Literal["match", "lookalike", "none"]
    note: str
    design: PublicDesign | None
    reasons: list[PublicReason]
    findings: list[PublicFinding]
    evidence: Evidence
    notes: list[str]
    policy: str
    scheme: str
    asked_at: datetime
    picture_sha256: str = Field(description="SHA-256 of the picture that was sent in.")


NOTES = {
    "match": "The picture shows a registered design. This says nothing of whether a product is genuine.",
    "lookalike": "The picture is near a registered design but not the same; a person should look.",
    "none": "No registered design was seen. This says nothing of whether a product is genuine.",
}


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
