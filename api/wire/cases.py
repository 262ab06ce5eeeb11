"""Cases, in JSON."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from sqlalchemy.orm import Session

from authcheck.cases import buyer_reports, leases, notices, order, timeline
from authcheck.cases.decisions import find_decision
from authcheck.cases.notice_tables import BuyerReport
from authcheck.cases.notices import Received
from authcheck.cases.rulings import Code, Restriction
from authcheck.cases.states import State
from authcheck.cases.tables import Case, CaseDecision, CaseEvent, CaseItem

from .forms import Wire
from .listings import Verdict
from .rights import NamedRightOut, named_right_fields


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


class CaseNoticeOut(Wire):
    """A notice of a brand about listings of a case."""

    id: str
    reporter: str = Field(description="The brand's handle.")
    claim: Code
    note: str | None
    right: NamedRightOut | None
    filed_at: datetime
    listings: list[str]


class CaseReportOut(Wire):
    """A buyer's word about a listing of a case."""

    listing: str
    claim: str
    words: str = Field(description="Empty when the case is closed.")
    reported_at: datetime


class WholeCaseOut(CaseOut):
    """A case with its listings, its present decision and its timeline."""

    decision: DecisionOut | None
    items: list[CaseItemOut]
    notices: list[CaseNoticeOut] = Field(description="What brands reported.")
    buyer_reports: list[CaseReportOut] = Field(description="What buyers reported.")
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
            "notices": [_notice_fields(received) for received in notices.of_case(session, case.id)],
            "buyer_reports": [_report_fields(row) for row in buyer_reports.of_case(session, case.id)],
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


def _notice_fields(received: Received) -> dict[str, Any]:
    notice = received.notice
    return {
        "id": notice.id,
        "reporter": notice.organisation.handle,
        "claim": notice.claim,
        "note": notice.note,
        "right": named_right_fields(notice.right),
        "filed_at": notice.filed_at,
        "listings": list(received.listing_ids),
    }


def _report_fields(row: BuyerReport) -> dict[str, Any]:
    return {
        "listing": row.listing_id,
        "claim": row.claim,
        "words": row.words,
        "reported_at": row.reported_at,
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
