"""Endpoints of cases, for the moderators of the marketplace."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy.orm import Session

from authcheck.cases import leases, listing, order, timeline
from authcheck.cases.tables import Case, CaseEvent, CaseItem
from authcheck.members.principals import Principal
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import CasesDecider, CasesReader, KeyFirst, WorkspaceDep
from ..paging import PagingDep
from ..wire.cases import CaseOut, SkipIn, WholeCaseOut
from ..wire.forms import Page, Text

router = APIRouter(route_class=KeyFirst, prefix="/v1/cases", tags=["cases"])
CaseId = Annotated[str, Path(max_length=40)]
Seller = Annotated[Text | None, Query(max_length=100, description="The shop's id on the marketplace.")]
DesignId = Annotated[Text | None, Query(max_length=40, description="Id of a design.")]


@router.get("")
def list_cases(  # noqa: PLR0917 - one parameter per filter
    caller: CasesReader,
    workspace: WorkspaceDep,
    paging: PagingDep,
    state: Literal["open", "escalated"] | None = None,
    seller: Seller = None,
    design: DesignId = None,
) -> Page[CaseOut]:
    """List the cases of your marketplace, oldest first."""
    caller.reach.require_whole()
    now = utc_now()
    with workspace.database.reading() as session:
        rows = listing.list_cases(
            session,
            organisation_id=caller.organisation_id,
            state=state,
            seller=seller,
            design_id=design,
            after=paging.after,
            limit=paging.fetch,
        )
        return paging.page(rows, lambda case: CaseOut.model_validate(_case_fields(case, now)))


@router.post("/next", responses={204: {"description": "No case waits for you."}}, response_model=WholeCaseOut)
def take_next(caller: CasesDecider, workspace: WorkspaceDep) -> WholeCaseOut | Response:
    """Lease the next case to you for 10 minutes. You get the case that you hold already again.

    Cases that are due come first, then the others by `priority`. Nobody else gets the case meanwhile. You get
    no case that you have skipped, and none about your own brand or shop.
    """
    caller.reach.require_whole()
    now = utc_now()
    with workspace.database.writing() as session:
        case = leases.take_next(
            session, organisation_id=caller.organisation_id, holder=caller.caller, now=now
        )
        return Response(status_code=204) if case is None else _whole(session, case, now)


@router.get("/{case_id}")
def show_case(caller: CasesReader, case_id: CaseId, workspace: WorkspaceDep) -> WholeCaseOut:
    """Return a case of your marketplace with its listings and its timeline."""
    caller.reach.require_whole()
    with workspace.database.reading() as session:
        case = listing.get_case(session, case_id, organisation_id=caller.organisation_id)
        return _whole(session, case, utc_now())


@router.post("/{case_id}/lease")
def renew_lease(caller: CasesDecider, case_id: CaseId, workspace: WorkspaceDep) -> CaseOut:
    """Prolong your lease by 10 minutes from now."""
    caller.reach.require_whole()
    return _act(workspace, leases.renew, caller, case_id)


@router.delete("/{case_id}/lease")
def free_lease(caller: CasesDecider, case_id: CaseId, workspace: WorkspaceDep) -> CaseOut:
    """Give your lease back, so that others get the case. A repetition changes nothing."""
    caller.reach.require_whole()
    return _act(workspace, leases.free, caller, case_id)


@router.post("/{case_id}/skips")
def skip(caller: CasesDecider, case_id: CaseId, body: SkipIn, workspace: WorkspaceDep) -> CaseOut:
    """Pass a case on that you hold. You do not get it again. Three readers who skip it escalate it."""
    caller.reach.require_whole()
    return _act(workspace, partial(leases.skip, reason=body.reason), caller, case_id)


def _act(workspace: Workspace, act: Callable[..., Case], caller: Principal, case_id: str) -> CaseOut:
    now = utc_now()
    with workspace.database.writing() as session:
        case = act(session, case_id, organisation_id=caller.organisation_id, holder=caller.caller, now=now)
        return CaseOut.model_validate(_case_fields(case, now))


def _whole(session: Session, case: Case, now: datetime) -> WholeCaseOut:
    return WholeCaseOut.model_validate(
        {
            **_case_fields(case, now),
            "items": [_item_fields(item) for item in case.items],
            "timeline": [_event_fields(event) for event in timeline.events_of(session, case.id)],
            "salt": case.salt,
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
        "priority_terms": case.priority,
        "lease": lease,
        "opened_at": case.opened_at,
        "due_at": case.due_at,
    }


def _item_fields(item: CaseItem) -> dict[str, Any]:
    return {
        "listing": item.listing_id,
        "reference": item.listing.reference,
        "verdict": item.verdict,
        "added_at": item.added_at,
        "checks": [picture.check_id for picture in item.listing.pictures],
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
