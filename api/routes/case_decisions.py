"""Endpoints that decide cases: decisions with undo, questions, escalation and reversal."""

from functools import partial

from fastapi import APIRouter

from authcheck.cases import decisions, leases, questions
from authcheck.cases.listing import get_case
from authcheck.cases.rulings import Ruling
from authcheck.storage.opening import utc_now

from ..deps import CasesDecider, KeyFirst, WorkspaceDep
from ..wire.case_acts import AnswerIn, DecisionIn, NoteIn, QuestionIn
from ..wire.cases import CaseOut, WholeCaseOut, case_out, whole_out
from .cases import CaseId, act

router = APIRouter(route_class=KeyFirst, prefix="/v1/cases", tags=["cases"])


@router.post("/{case_id}/decision", status_code=201)
def decide_case(
    caller: CasesDecider, case_id: CaseId, body: DecisionIn, workspace: WorkspaceDep
) -> WholeCaseOut:
    """Decide a case that you hold.

    For 10 seconds you can undo the decision. Then it takes effect: the ledger records it, without the seller
    and without the reason. Of two readers who decide at once, one wins, and the other is told who did.

    If no answer reaches you, send the same decision again: you get the first one, and nothing is decided
    twice.
    """
    caller.reach.require_whole()
    now = utc_now()
    ruling = Ruling(code=body.decision, reason=body.reason, restriction=body.restriction, note=body.note)
    with workspace.database.writing() as session:
        decision = decisions.decide(
            session,
            case_id,
            ruling,
            organisation_id=caller.organisation_id,
            holder=caller.caller,
            now=now,
            leave_out=body.leave_out,
        )
        case = get_case(session, decision.case_id, organisation_id=caller.organisation_id)
        return whole_out(session, case, now)


@router.delete("/{case_id}/decision")
def undo_decision(caller: CasesDecider, case_id: CaseId, workspace: WorkspaceDep) -> list[CaseOut]:
    """Take your decision back before it leaves, with all decisions of the same bulk.

    You hold the case again. The answer has the cases that are open again.
    """
    caller.reach.require_whole()
    now = utc_now()
    with workspace.database.writing() as session:
        cases = decisions.undo(
            session, case_id, organisation_id=caller.organisation_id, holder=caller.caller, now=now
        )
        return [case_out(case, now) for case in cases]


@router.post("/{case_id}/reversal")
def reverse_decision(caller: CasesDecider, case_id: CaseId, body: NoteIn, workspace: WorkspaceDep) -> CaseOut:
    """Reverse a decision that is in effect, as long as complaints are possible. The note says why."""
    caller.reach.require_whole()
    return act(workspace, partial(decisions.reverse, note=body.note), caller, case_id)


@router.post("/{case_id}/escalation")
def escalate_case(caller: CasesDecider, case_id: CaseId, body: NoteIn, workspace: WorkspaceDep) -> CaseOut:
    """Pass a case that you hold to a lead. The note says why."""
    caller.reach.require_whole()
    return act(workspace, partial(leases.escalate, note=body.note), caller, case_id)


@router.post("/{case_id}/question")
def ask_question(caller: CasesDecider, case_id: CaseId, body: QuestionIn, workspace: WorkspaceDep) -> CaseOut:
    """Note that you ask somebody for information. The case waits for it, for at most 7 days.

    The time for the decision stops meanwhile, once for each case. We send nothing: you ask.
    """
    caller.reach.require_whole()
    return act(workspace, partial(questions.ask, of=body.of, text=body.text), caller, case_id)


@router.post("/{case_id}/answer")
def answer_question(
    caller: CasesDecider, case_id: CaseId, body: AnswerIn, workspace: WorkspaceDep
) -> CaseOut:
    """Note the answer to a question. Lease the case first, then you hold it further."""
    caller.reach.require_whole()
    return act(workspace, partial(questions.resume, answer=body.text), caller, case_id)
