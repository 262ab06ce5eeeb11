"""Endpoints of cases, for the moderators of the marketplace."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query

from authcheck.cases import listing, timeline
from authcheck.cases.tables import Case, CaseEvent, CaseItem

from ..deps import CasesReader, KeyFirst, WorkspaceDep
from ..paging import PagingDep
from ..wire.cases import CaseOut, WholeCaseOut
from ..wire.forms import Page, Text

router = APIRouter(route_class=KeyFirst, prefix="/v1/cases", tags=["cases"])
Seller = Annotated[Text | None, Query(max_length=100, description="The shop's id on the marketplace.")]
DesignId = Annotated[Text | None, Query(max_length=40, description="Id of a design.")]


@router.get("")
def list_cases(  # noqa: PLR0917 - one parameter per filter
    caller: CasesReader,
    workspace: WorkspaceDep,
    paging: PagingDep,
    state: Literal["open", "closed"] | None = None,
    seller: Seller = None,
    design: DesignId = None,
) -> Page[CaseOut]:
    """List the cases of your marketplace, oldest first."""
    caller.reach.require_whole()
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
        return paging.page(rows, lambda case: CaseOut.model_validate(_case_fields(case)))


@router.get("/{case_id}")
def show_case(
    caller: CasesReader, case_id: Annotated[str, Path(max_length=40)], workspace: WorkspaceDep
) -> WholeCaseOut:
    """Return a case of your marketplace with its listings and its timeline."""
    caller.reach.require_whole()
    with workspace.database.reading() as session:
        case = listing.get_case(session, case_id, organisation_id=caller.organisation_id)
        events = timeline.events_of(session, case.id)
        return WholeCaseOut.model_validate(
            {
                **_case_fields(case),
                "items": [_item_fields(item) for item in case.items],
                "timeline": [_event_fields(event) for event in events],
                "salt": case.salt,
            }
        )


def _case_fields(case: Case) -> dict[str, Any]:
    design = case.design
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
        "opened_at": case.opened_at,
        "due_at": case.due_at,
        "closed_at": case.closed_at,
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
