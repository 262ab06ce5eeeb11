"""Cases, in JSON."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy.orm import Session

from authcheck.cases import leases, order, timeline
from authcheck.cases.decisions import find_decision
from authcheck.cases.leases import SKIP_REASONS
from authcheck.cases.questions import ASKED
from authcheck.cases.rulings import MOST_NOTE_CHARS, REASONS, RESTRICTIONS, Code, Restriction
from authcheck.cases.states import State
from authcheck.cases.tables import Case, CaseDecision, CaseEvent, CaseItem

from .forms import Text, Wire
from .listings import Verdict

Lines = Annotated[str, Field(max_length=MOST_NOTE_CHARS, description="May have line breaks.")]


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
    included: bool | None = Field(description="Whether the decision is about this listing.")


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


class PriorityTermsOut(Wire):
    """The terms of `priority = severity x (1 + log10(1 + sold)) x price + day x days waiting`."""

    severity: float
    sold: int = Field(description="Units sold in 30 days of the listing that sold most.")
    is_cheap: bool = Field(description="A listing asks less than half the median price of licensed listings.")
    price: float
    day: float
    urgency: float = Field(description="The priority without the days.")


class CaseOut(Wire):
    """One question for a moderator: a seller, a design and a picture."""

    id: str
    state: State
    channel: str
    seller: str
    design: CaseDesignOut
    verdict: Verdict = Field(description="The worst verdict of its listings.")
    severity: Literal["none", "low", "medium", "high"]
    cluster: str = Field(description="The cluster of the picture. Cases with it show the same picture.")
    priority: float = Field(description="By the published formula, now. Cases that are due come first.")
    priority_terms: PriorityTermsOut
    lease: LeaseOut | None = Field(description="Who works on the case now.")
    opened_at: datetime
    due_at: datetime = Field(description="When the first decision should be made.")
    waits_until: datetime | None = Field(
        description="When the case goes on without the information asked for."
    )
    closes_at: datetime | None = Field(description="When the time for complaints about the decision ends.")


class DecisionOut(Wire):
    """A decision of a case. It can be undone until `leaves_at`."""

    id: str
    decision: Code
    reason: str
    restriction: Restriction
    note: str
    by: str = Field(description="The id of the person or of the key that decided.")
    bulk: str | None = Field(description="The id that decisions made together share.")
    decided_at: datetime
    leaves_at: datetime
    effective_at: datetime | None
    reversed_at: datetime | None


class RulingIn(Wire):
    """A decision with its reason."""

    decision: Text = Field(max_length=30, description=f"One of {', '.join(Code)}.")
    reason: Text = Field(
        max_length=40,
        description="; ".join(f"{code}: {', '.join(reasons)}" for code, reasons in REASONS.items()),
    )
    restriction: Text = Field(
        "none",
        max_length=10,
        description=f"What the marketplace is asked to do: one of {', '.join(RESTRICTIONS)}. Decisions that"
        " accuse nobody, and a breach of a licence's cap, ask for none.",
    )
    note: Lines = ""


class DecisionIn(RulingIn):
    """A decision about the listings of a case."""

    leave_out: list[Text] = Field(
        [],
        max_length=1000,
        description="Ids of listings that the decision is not about. They become a case of their own.",
    )


class NoteIn(Wire):
    """Why something is done."""

    note: Lines


class QuestionIn(Wire):
    """A question to somebody outside."""

    of: Text = Field(max_length=10, description=f"One of {', '.join(ASKED)}.")
    text: Lines


class AnswerIn(Wire):
    """An answer that came from outside."""

    text: Lines


class WholeCaseOut(CaseOut):
    """A case with its listings, its present decision and its timeline."""

    decision: DecisionOut | None

    items: list[CaseItemOut]
    timeline: list[CaseEventOut]
    salt: str = Field(description="Begins the chain of the timeline's hashes.")


def case_out(case: Case, now: datetime) -> CaseOut:
    """Return a case as it is listed."""
    return CaseOut.model_validate(_case_fields(case, now))


def whole_out(session: Session, case: Case, now: datetime) -> WholeCaseOut:
    """Return a case with its listings, its present decision and its timeline."""
    decision = find_decision(session, case.id)
    return WholeCaseOut.model_validate(
        {
            **_case_fields(case, now),
            "decision": None if decision is None else decision_out(decision),
            "items": [_item_fields(item) for item in case.items],
            "timeline": [_event_fields(event) for event in timeline.events_of(session, case.id)],
            "salt": case.salt,
        }
    )


def decision_out(decision: CaseDecision) -> DecisionOut:
    """Return a decision."""
    return DecisionOut.model_validate(
        {
            "id": decision.id,
            "decision": decision.code,
            "reason": decision.reason,
            "restriction": decision.restriction,
            "note": decision.note,
            "by": decision.holder,
            "bulk": decision.bulk_id,
            "decided_at": decision.decided_at,
            "leaves_at": decision.leaves_at,
            "effective_at": decision.effective_at,
            "reversed_at": decision.reversed_at,
        }
    )


def _case_fields(case: Case, now: datetime) -> dict[str, Any]:
    design = case.design
    lease = {"holder": case.lease_holder, "until": case.lease_until} if leases.is_held(case, now) else None
    return {
        "id": case.id,
        "state": case.state,
        "channel": case.channel,
        "seller": case.seller,
        "design": {
            "id": design.id,
            "reference": design.reference,
            "title": design.title,
            "owner": design.owner.handle,
            "state": design.state,
        },
        "verdict": case.verdict,
        "severity": case.severity,
        "cluster": case.cluster_id,
        "priority": order.priority_at(case, now),
        "priority_terms": {"is_cheap": case.priority["price"] > 1, "day": order.DAY_BEFORE, **case.priority},
        "lease": lease,
        "opened_at": case.opened_at,
        "due_at": case.due_at,
        "waits_until": case.waits_until,
        "closes_at": case.closes_at,
    }


def _item_fields(item: CaseItem) -> dict[str, Any]:
    return {
        "listing": item.listing_id,
        "reference": item.listing.reference,
        "verdict": item.verdict,
        "added_at": item.added_at,
        "checks": [picture.check_id for picture in item.listing.pictures],
        "included": item.included,
    }


def _event_fields(event: CaseEvent) -> dict[str, Any]:
    return {
        "number": event.number,
        "at": event.at,
        "kind": event.kind,
        "person": event.person_id,
        "details": event.details,
        "hash": event.hash,
    }
