"""Cases, in JSON."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from authcheck.cases.leases import SKIP_REASONS

from .forms import Text, Wire
from .listings import Verdict


class CaseDesignOut(Wire):
    """The registered design of a case."""

    id: str
    reference: str
    title: str
    owner: str = Field(description="The owner's handle.")
    state: str


class CaseItemOut(Wire):
    """A listing in a case."""

    listing: str
    reference: str
    verdict: Verdict = Field(description="The verdict when the listing was last judged.")
    added_at: datetime
    checks: list[str] = Field(description="The checks of its pictures, in their order.")


class CaseEventOut(Wire):
    """A row of the timeline. `hash` covers the row and the hash of the row before."""

    number: int
    at: datetime
    kind: str
    person: str | None
    details: dict[str, Any]
    hash: str


class LeaseOut(Wire):
    """The lease of a case: the id of a person or of a key, and until when."""

    holder: str
    until: datetime


class SkipIn(Wire):
    """Why a reader passes a case on."""

    reason: Text = Field(max_length=30, description=f"One of {', '.join(SKIP_REASONS)}.")


class CaseOut(Wire):
    """One question for a moderator: a seller, a design and a picture."""

    id: str
    state: Literal["open", "escalated"]
    channel: str
    seller: str
    design: CaseDesignOut
    verdict: Verdict = Field(description="The worst verdict of its listings.")
    severity: Literal["none", "low", "medium", "high"]
    cluster: str = Field(description="The cluster of the picture. Cases with it show the same picture.")
    priority: float = Field(description="By the published formula, now. Cases that are due come first.")
    priority_terms: dict[str, float] = Field(description="severity, sold, price, and urgency: without days.")
    lease: LeaseOut | None = Field(description="Who works on the case now.")
    opened_at: datetime
    due_at: datetime = Field(description="When the first decision should be made.")


class WholeCaseOut(CaseOut):
    """A case with its listings and its timeline."""

    items: list[CaseItemOut]
    timeline: list[CaseEventOut]
    salt: str = Field(description="Begins the chain of the timeline's hashes.")
