"""What moderators' decisions teach a brand, in JSON."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from authcheck.cases.precision import FEW, Precision, Preview, Share
from authcheck.cases.rulings import Code
from authcheck.cases.tables import CaseDecision

from .forms import Wire


class ShareOut(Wire):
    """A share of decided cases, with its 95 % bounds (Wilson). null for no case."""

    good: int
    all: int
    share: float | None
    bounds: tuple[float, float] | None
    is_few: bool = Field(description=f"Under {FEW} cases, which say little.")


class PrecisionOut(Wire):
    """How often the service was right about your designs, by moderators' decisions."""

    since: datetime
    matches: ShareOut = Field(description="Cases whose picture shows the design, of all with an answer.")
    accusations: ShareOut = Field(description="Cases against the seller whose decision stands, of the same.")
    unclear: int = Field(description="Cases that nobody could tell. They are in neither share.")


class PreviewOut(Wire):
    """What a threshold would have done to the listings of your cases."""

    threshold: float
    found: int = Field(description="Listings with at least this score.")
    right: int = Field(description="Of these, the picture shows the design.")
    wrong: int = Field(description="Of these, the picture does not show the design.")
    missed: int = Field(description="Listings whose picture shows the design, with a lower score.")


class PreviewsOut(Wire):
    """Thresholds on your own history."""

    policy: str = Field(
        description="Only checks by this policy count: scores of two policies do not compare."
    )
    match: float = Field(description="The present threshold.")
    thresholds: list[PreviewOut]


class ProposalOut(Wire):
    """A picture that a moderator calls no match or no infringement."""

    id: str
    case: str
    design: str
    reference: str
    decision: Code
    reason: str
    decided_at: datetime


class ProposalIn(Wire):
    """Your answer to a proposal."""

    answer: Literal["add", "decline"]


def share_out(share: Share) -> ShareOut:
    """Return a share, rounded to three digits."""
    value, bounds = share.value, share.bounds
    return ShareOut(
        good=share.good,
        all=share.all,
        share=None if value is None else round(value, 3),
        bounds=None if bounds is None else (round(bounds[0], 3), round(bounds[1], 3)),
        is_few=share.all < FEW,
    )


def precision_out(precision: Precision, since: datetime) -> PrecisionOut:
    """Return the precision of an owner's matches."""
    return PrecisionOut(
        since=since,
        matches=share_out(precision.matches),
        accusations=share_out(precision.accusations),
        unclear=precision.unclear,
    )


def preview_out(preview: Preview) -> PreviewOut:
    """Return what a threshold would have done."""
    return PreviewOut(
        threshold=preview.threshold,
        found=preview.found,
        right=preview.right,
        wrong=preview.wrong,
        missed=preview.missed,
    )


def proposal_out(decision: CaseDecision) -> ProposalOut:
    """Return a proposal."""
    design = decision.case.design
    return ProposalOut.model_validate(
        {
            "id": decision.id,
            "case": decision.case_id,
            "design": design.id,
            "reference": design.reference,
            "decision": decision.code,
            "reason": decision.reason,
            "decided_at": decision.decided_at,
        }
    )
