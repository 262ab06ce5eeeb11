"""Answers to checks, in JSON: complete for the organisation that asked, shorter for the public."""

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
    """A reason: its code, the numbers for a sentence about it, and a weight in [0, 1] for sorting."""

    code: str
    weight: float
    params: dict[str, str | int | float]


class OwnerOut(Wire):
    """The owner of a design."""

    handle: str
    name: str


class CheckedDesignOut(Wire):
    """The design that a check found. `view_sha256` is null unless you own the design."""

    id: str
    title: str
    owner: OwnerOut
    reference: str
    preview: str | None
    view_sha256: str | None


class TransformOut(Wire):
    """How the design was changed: mirrored, light and dark swapped, turned clockwise, scaled.

    `scale` is in pixels of the picture for one pixel of the design.
    """

    mirrored: bool
    inverted: bool
    angle_deg: float
    scale: float


Outline = Annotated[
    list[tuple[float, float]] | None,
    Field(
        description="Corners of the design in the picture, (x, y) in pixels of the upright original. "
        "Null when the place is not known."
    ),
]


Coverage = Annotated[float | None, Field(description="The share of the design that is visible, in [0, 1].")]


Evidence = Annotated[str | None, Field(description="The address of the evidence picture, while it is kept.")]


class FindingOut(Wire):
    """A design in the picture. The first finding of a check is its answer."""

    design: CheckedDesignOut
    verdict: Literal["match", "lookalike"]
    score: float
    method: str
    reasons: list[ReasonOut]
    outline: Outline
    coverage: Coverage
    transform: TransformOut | None


class CheckOut(Wire):
    """The answer to a check with an API key: which registered design the picture shows, how sure, and why."""

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
    picture_sha256: str = Field(description="SHA-256 of the picture that you sent.")


class PublicReason(Wire):
    """A reason, by its code."""

    code: str


class PublicOwner(Wire):
    """The owner of a design, by name."""

    name: str


class PublicDesign(Wire):
    """A design for the public: never its reference, the hashes of its pictures, or a score."""

    id: str
    title: str
    owner: PublicOwner
    preview: str | None


class PublicFinding(Wire):
    """A design in the picture, for the public."""

    design: PublicDesign
    verdict: Literal["match", "lookalike"]
    reasons: list[PublicReason]
    outline: Outline
    coverage: Coverage


class PublicCheckOut(Wire):
    """The answer for the public: no score, distance or method, and no hash but that of your picture."""

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
    picture_sha256: str = Field(description="SHA-256 of the picture that you sent.")


NOTES = {
    "match": "The picture shows a registered design. This does not tell whether a product is genuine.",
    "lookalike": "The picture is similar to a registered design, but not the same. A person should look.",
    "none": "We found no registered design. This does not tell whether a product is genuine.",
}


def check_out(
    check: Check, view: View | None, found: Sequence[Found], *, evident: bool
) -> CheckOut | PublicCheckOut:
    """Return a check as its organisation sees it, or as the public sees an anonymous check.

    `evident` says that there is an evidence picture.
    """
    if check.organisation_id is None:
        return public_check_out(check, found, evident=evident)
    return full_check_out(check, view, found, evident=evident)


def full_check_out(check: Check, view: View | None, found: Sequence[Found], *, evident: bool) -> CheckOut:
    """Return a check with all its numbers, for the organisation that asked."""
    design = found_design(check)
    return CheckOut(
        **_common(check, evident=evident),
        score=check.score,
        method=check.method if check.verdict != "none" else None,
        design=_checked_design(check, design, view) if design else None,
        reasons=[ReasonOut(**reason) for reason in check.reasons],
        picture_name=sendable(check.picture_name),
        findings=[_finding_out(check, finding) for finding in found],
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


def public_check_out(check: Check, found: Sequence[Found], *, evident: bool) -> PublicCheckOut:
    """Return a check as the public sees it."""
    design = found_design(check)
    return PublicCheckOut(
        **_common(check, evident=evident),
        design=_public_design(design) if design else None,
        reasons=[PublicReason(code=reason["code"]) for reason in check.reasons],
        findings=[_public_finding(finding) for finding in found],
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
    """Return the design of the answer.

    A check that found none stores the nearest design: that is no answer.
    """
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
