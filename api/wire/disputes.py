"""Disputes and rulings, in JSON."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from authcheck.certificates.contested import ContestedBatch
from authcheck.registry.statements import appeal_until, stage_of
from authcheck.registry.tables import Design, Dispute

from .forms import Text, Wire


class SideOut(Wire):
    """One side of a dispute: the design, its owner, and the SHA-256 of the picture."""

    owner: str
    reference: str
    design: str
    registered_at: datetime
    picture: str | None


class StatementOut(Wire):
    """What an owner said."""

    number: int
    side: Literal["earlier", "later"] = Field(description="The owner of the earlier or the later picture.")
    appeal: bool = Field(description="The statement is an appeal against the ruling.")
    text: str
    document: str | None = Field(description="SHA-256 of the document.")
    made_at: datetime


class MadeRulingOut(Wire):
    """A ruling of the operator. The second one is about an appeal."""

    ruling: Literal["earlier", "later", "both"]
    reason: str
    final: bool = Field(description="It took effect at once.")
    ruled_at: datetime


class DisputeBriefOut(Wire):
    """A picture that shows (`match`) or resembles (`lookalike`) an earlier picture of another owner.

    While a `match` is open, the later picture is disputed. `ended_by` is null while the dispute is open.
    """

    id: str
    verdict: Literal["match", "lookalike"]
    score: float
    later: SideOut
    earlier: SideOut
    noticed_at: datetime
    ended_at: datetime | None
    ended_by: Literal["withdrawn", "revised", "earlier", "later", "both"] | None
    reason: str | None = Field(description="The operator's reason, for both owners.")


class DisputeOut(DisputeBriefOut):
    """A dispute with what both owners said, and the operator's rulings."""

    stage: Literal["open", "ruled", "appealed", "ended"] = Field(
        description="`ruled`: the owners can appeal until `appeal_until`, then the ruling takes effect."
    )
    appeal_until: datetime | None
    statements: list[StatementOut]
    rulings: list[MadeRulingOut]


class RulingIn(Wire):
    """The operator's ruling: the picture that stands, and the reason. The other picture is withdrawn.

    It takes effect after 14 days without an appeal, or at once if it is final.
    """

    ruling: Literal["earlier", "later", "both"]
    reason: Text = Field(min_length=1, max_length=1000)
    final: bool = Field(False, description="Both owners have agreed to it, so nobody will appeal.")


class ContestedBatchOut(Wire):
    """A batch of certificates for the design that lost, with the number of active certificates."""

    batch: str
    issuer: str
    active: int


class RulingOut(DisputeOut):
    """A dispute after the ruling, and the certificates that were issued for the design that lost."""

    batches: list[ContestedBatchOut]


def dispute_brief_out(dispute: Dispute) -> DisputeBriefOut:
    """Return a dispute as it is shown with a design. Both designs are loaded with their owners."""
    return DisputeBriefOut.model_validate(_brief_fields(dispute))


def dispute_out(dispute: Dispute) -> DisputeOut:
    """Return a dispute that has designs, owners, statements and rulings loaded."""
    return DisputeOut.model_validate(_dispute_fields(dispute))


def ruling_out(dispute: Dispute, batches: list[ContestedBatch]) -> RulingOut:
    """Return a dispute after its ruling."""
    issued = [
        ContestedBatchOut(batch=contested.batch.id, issuer=contested.issuer.handle, active=contested.active)
        for contested in batches
    ]
    return RulingOut.model_validate({**_dispute_fields(dispute), "batches": issued})


def _brief_fields(dispute: Dispute) -> dict[str, object]:
    return {
        "id": dispute.id,
        "verdict": dispute.verdict,
        "score": dispute.score,
        "later": _side_out(dispute.design, dispute.picture_sha256),
        "earlier": _side_out(dispute.other, dispute.other_picture_sha256),
        "noticed_at": dispute.noticed_at,
        "ended_at": dispute.ended_at,
        "ended_by": dispute.ended_by,
        "reason": dispute.reason,
    }


def _dispute_fields(dispute: Dispute) -> dict[str, object]:
    return {
        **_brief_fields(dispute),
        "stage": str(stage_of(dispute)),
        "appeal_until": appeal_until(dispute),
        "statements": [
            {
                "number": row.number,
                "side": row.side,
                "appeal": row.is_appeal,
                "text": row.text,
                "document": row.document_sha256 or None,
                "made_at": row.made_at,
            }
            for row in dispute.statements
        ],
        "rulings": [
            {"ruling": row.ruling, "reason": row.reason, "final": row.is_final, "ruled_at": row.ruled_at}
            for row in dispute.rulings
        ],
    }


def _side_out(design: Design, picture_sha256: str | None) -> SideOut:
    return SideOut(
        owner=design.owner.handle,
        reference=design.reference,
        design=design.id,
        registered_at=design.registered_at,
        picture=picture_sha256,
    )
