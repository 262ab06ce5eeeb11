"""Endpoints of cases, for the moderators of the marketplace."""

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from authcheck.cases import leases, listing
from authcheck.cases.states import State
from authcheck.cases.tables import Case
from authcheck.members.principals import Principal
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import CasesDecider, CasesReader, KeyFirst, WorkspaceDep
from ..paging import PagingDep
from ..wire.case_acts import SkipIn
from ..wire.cases import CaseOut, WholeCaseOut, case_out, whole_out
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
    state: State | None = None,
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
        return paging.page(rows, lambda case: case_out(case, now))


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
        return Response(status_code=204) if case is None else whole_out(session, case, now)


@router.get("/{case_id}")
def show_case(caller: CasesReader, case_id: CaseId, workspace: WorkspaceDep) -> WholeCaseOut:
    """Return a case of your marketplace with its listings and its timeline."""
    caller.reach.require_whole()
    with workspace.database.reading() as session:
        case = listing.get_case(session, case_id, organisation_id=caller.organisation_id)
        return whole_out(session, case, utc_now())


@router.post("/{case_id}/lease")
def take_case(caller: CasesDecider, case_id: CaseId, workspace: WorkspaceDep) -> CaseOut:
    """Lease this case to you for 10 minutes from now, or prolong your lease.

    So you get a case that is escalated or waits for information. Nobody gets it as the next case.
    """
    caller.reach.require_whole()
    return act(workspace, leases.take, caller, case_id)


@router.delete("/{case_id}/lease")
def free_lease(caller: CasesDecider, case_id: CaseId, workspace: WorkspaceDep) -> CaseOut:
    """Give your lease back, so that others get the case. A repetition changes nothing."""
    caller.reach.require_whole()
    return act(workspace, leases.free, caller, case_id)


@router.post("/{case_id}/skips")
def skip_case(caller: CasesDecider, case_id: CaseId, body: SkipIn, workspace: WorkspaceDep) -> CaseOut:
    """Pass a case on that you hold. You do not get it again. Three readers who skip it escalate it."""
    caller.reach.require_whole()
    return act(workspace, partial(leases.skip, reason=body.reason), caller, case_id)


def act(workspace: Workspace, what: Callable[..., Case], caller: Principal, case_id: str) -> CaseOut:
    """Let the caller do something to a case, and return the case."""
    now = utc_now()
    with workspace.database.writing() as session:
        case = what(session, case_id, organisation_id=caller.organisation_id, holder=caller.caller, now=now)
        return case_out(case, now)
