"""Endpoints that decide about all listings with one picture at once."""

from typing import Annotated

from fastapi import APIRouter, Path

from authcheck.cases import bulk
from authcheck.cases.listing import get_case
from authcheck.cases.rulings import Ruling
from authcheck.storage.opening import utc_now

from ..deps import CasesDecider, CasesReader, KeyFirst, WorkspaceDep
from ..wire.case_acts import NoteIn
from ..wire.case_bulks import AlikeDecisionIn, AlikeOut, BulkOut, alike_out, bulk_out
from ..wire.cases import CaseOut, case_out
from .cases import CaseId

router = APIRouter(route_class=KeyFirst, prefix="/v1", tags=["cases"])


@router.get("/cases/{case_id}/alike")
def list_alike(caller: CasesReader, case_id: CaseId, workspace: WorkspaceDep) -> list[AlikeOut]:
    """List the listings of your undecided cases that show the same picture, the worst fit first, at most 300.

    The listings of this case are among them.
    """
    caller.reach.require_whole()
    with workspace.database.reading() as session:
        case = get_case(session, case_id, organisation_id=caller.organisation_id)
        found = bulk.find_alike(session, case, holder=caller.caller, now=utc_now())
        return [alike_out(alike) for alike in found]


@router.post("/cases/{case_id}/alike/decision", status_code=201)
def decide_alike(
    caller: CasesDecider, case_id: CaseId, body: AlikeDecisionIn, workspace: WorkspaceDep
) -> BulkOut:
    """Decide about these listings of a case that you hold and of the cases like it.

    Each seller's case gets a decision of its own. They share `bulk`, and one undo takes all back: within 10
    seconds, or 5 minutes for more than 20 listings. `left` names the listings that could not be decided.
    """
    caller.reach.require_whole()
    ruling = Ruling(code=body.decision, reason=body.reason, restriction=body.restriction, note=body.note)
    with workspace.database.writing() as session:
        made = bulk.decide_alike(
            session,
            case_id,
            ruling,
            listings=body.listings,
            organisation_id=caller.organisation_id,
            holder=caller.caller,
            now=utc_now(),
        )
        return bulk_out(made)


@router.post("/bulks/{bulk_id}/reversal")
def reverse_bulk(
    caller: CasesDecider,
    bulk_id: Annotated[str, Path(max_length=40)],
    body: NoteIn,
    workspace: WorkspaceDep,
) -> list[CaseOut]:
    """Reverse all decisions of a bulk that are in effect. The note says why. The answer has their cases."""
    caller.reach.require_whole()
    now = utc_now()
    with workspace.database.writing() as session:
        cases = bulk.reverse_bulk(
            session,
            bulk_id,
            note=body.note,
            organisation_id=caller.organisation_id,
            holder=caller.caller,
            now=now,
        )
        return [case_out(case, now) for case in cases]
