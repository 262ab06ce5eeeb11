"""Rights in designs, in JSON."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from authcheck.licences.design_rights import warning_of
from authcheck.licences.right_tables import DesignRight

from .forms import Text, Wire


class RightOut(Wire):
    """A right in a design, as its owner named it, with the operator's decision."""

    id: str
    design: str
    reference: str = Field(description="The owner's own id of the design.")
    owner: str = Field(description="Handle.")
    kind: str = Field(description="copyright, trade_mark, registered_design or design_patent.")
    number: str = Field(description="Empty for a copyright without registration.")
    office: str
    territories: list[str] = Field(description="ISO 3166-1 codes, or `*`.")
    classes: list[int] = Field(description="Nice classes. Empty: not limited to goods.")
    expires_on: date | None
    ends_soon: int | None = Field(
        description="90, 30 or 7: the right ends within so many days. 0: it has ended."
    )
    document: str | None = Field(description="SHA-256 of the document.")
    state: str = Field(description="in_review, accepted, refused or withdrawn.")
    reason: str = Field(description="The operator's reason of a refusal.")
    added_at: datetime
    decided_at: datetime | None


class NamedRightOut(Wire):
    """The right that a notice names, as it is now."""

    id: str
    kind: str = Field(description="copyright, trade_mark, registered_design or design_patent.")
    number: str
    office: str
    territories: list[str] = Field(description="ISO 3166-1 codes, or `*`.")
    classes: list[int]
    expires_on: date | None
    state: str = Field(description="accepted, or what it is since: refused or withdrawn.")


class RightDecisionIn(Wire):
    """The operator's decision. A refusal needs a reason, which the owner reads."""

    decision: Literal["accept", "refuse"]
    reason: Text = Field("", max_length=1000)


def right_out(row: DesignRight, today: date) -> RightOut:
    """Return a right as JSON."""
    return RightOut(
        id=row.id,
        design=row.design_id,
        reference=row.design.reference,
        owner=row.owner.handle,
        kind=row.kind,
        number=row.number,
        office=row.office,
        territories=row.territories,
        classes=row.classes,
        expires_on=row.expires_on,
        ends_soon=warning_of(row, today),
        document=row.document_sha256 or None,
        state=row.state,
        reason=row.reason,
        added_at=row.added_at,
        decided_at=row.decided_at,
    )


def named_right_fields(row: DesignRight | None) -> dict[str, Any] | None:
    """Return the fields of `NamedRightOut`, or None."""
    if row is None:
        return None
    return {name: getattr(row, name) for name in NamedRightOut.model_fields}
