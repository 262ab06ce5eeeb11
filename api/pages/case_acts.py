"""What a moderator does with a case on its page: take it, decide, undo, pass on, ask, escalate, reverse."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from authcheck.cases import bulk, decisions, leases, questions
from authcheck.cases.listing import get_case
from authcheck.cases.rulings import Code, Ruling, restrictions_of
from authcheck.errors import AuthcheckError
from authcheck.members.sessions import SignedIn
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from .cases import CasesDeciderDep, show_page
from .person import Form, FormDep, PersonRoute, acting, go

router = APIRouter(route_class=PersonRoute, prefix="/cases", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Act:
    """A request to do something to a case: who asks, which case, and the form that was sent."""

    request: Request
    signed_in: SignedIn
    workspace: Workspace
    case_id: str
    form: Form

    def run(self, what: Callable[..., Any]) -> None:
        """Call a function of `authcheck.cases` for this case and its reader, in one transaction."""
        principal = acting(self.signed_in)
        principal.reach.require_whole()
        who = {"organisation_id": principal.organisation_id, "holder": principal.caller}
        with self.workspace.database.writing() as session:
            what(session, self.case_id, **who, now=utc_now())

    def stay(self, what: Callable[..., Any], notice: str, form: str = "") -> Response:
        """Do something, and show the same case with a notice. `form` is the prefix of the form at fault."""
        try:
            self.run(what)
        except AuthcheckError as error:
            return self.refuse(error, form)
        return go(self.request, f"/cases/{self.case_id}?notice={notice}")

    def go_on(
        self,
        what: Callable[..., Any],
        note: Callable[[], str],
        form: str = "",
        *,
        show_error: "Callable[[Act, AuthcheckError], Response] | None" = None,
    ) -> Response:
        """Do something, and show the next case. `note` gives the query that says what was done."""
        try:
            self.run(what)
        except AuthcheckError as error:
            return show_error(self, error) if show_error else self.refuse(error, form)
        principal = acting(self.signed_in)
        with self.workspace.database.writing() as session:
            case = leases.take_next(
                session, organisation_id=principal.organisation_id, holder=principal.caller, now=utc_now()
            )
        return go(self.request, f"/cases?{note()}" if case is None else f"/cases/{case.id}?{note()}")

    def refuse(self, error: AuthcheckError, form: str) -> Response:
        """Show the case again with what went wrong and what was typed."""
        typed = {name: value[:2_100] for name, value in self.form.fields if name != "form_token"}
        return show_page(
            self.request, self.signed_in, self.workspace, self.case_id, error=error, form=(form, typed)
        )


@router.post("/{case_id}/take")
def take(
    request: Request, signed_in: CasesDeciderDep, case_id: str, form: FormDep, workspace: WorkspaceDep
) -> Response:
    """Lease a case that nobody else holds."""
    return Act(request, signed_in, workspace, case_id, form).stay(leases.take, "taken")


@router.post("/{case_id}/close")
def close(
    request: Request, signed_in: CasesDeciderDep, case_id: str, form: FormDep, workspace: WorkspaceDep
) -> Response:
    """Give the lease back, and show the queue."""
    Act(request, signed_in, workspace, case_id, form).run(leases.free)
    return go(request, "/cases?notice=closed")


@router.post("/{case_id}/decide")
def decide(
    request: Request, signed_in: CasesDeciderDep, case_id: str, form: FormDep, workspace: WorkspaceDep
) -> Response:
    """Decide a case, and show the next one with the undo of this decision."""
    act = Act(request, signed_in, workspace, case_id, form)
    return act.go_on(partial(_decide, ruling=ruling_of(form)), lambda: f"decided={quote(case_id)}", "decide-")


def ruling_of(form: Form) -> Ruling:
    """Return the ruling that a form asks for. Each decision has its own field of reasons.

    A decision that can ask the marketplace for nothing asks for nothing: its page has no such field.
    """
    code = form.text("decision")
    reason = form.text(f"reason_{code}")
    possible = restrictions_of(Code(code), reason) if code in set(Code) else ("none",)
    restriction = "none" if possible == ("none",) else form.text("restriction")
    return Ruling(code=code, reason=reason, restriction=restriction, note=form.text("note"))


def _decide(session: Session, case_id: str, *, ruling: Ruling, **who: Any) -> None:
    decisions.decide(session, case_id, ruling, **who)


@router.post("/{case_id}/undo")
def undo(
    request: Request, signed_in: CasesDeciderDep, case_id: str, form: FormDep, workspace: WorkspaceDep
) -> Response:
    """Take a decision back before it leaves, and show its case again."""
    return Act(request, signed_in, workspace, case_id, form).stay(decisions.undo, "undone")


@router.post("/{case_id}/reverse")
def reverse(
    request: Request, signed_in: CasesDeciderDep, case_id: str, form: FormDep, workspace: WorkspaceDep
) -> Response:
    """Take a decision back that is in effect."""
    what = partial(_reverse_bulk if form.text("whole") else decisions.reverse, note=form.text("note"))
    return Act(request, signed_in, workspace, case_id, form).stay(what, "reversed", "reverse-")


def _reverse_bulk(session: Session, case_id: str, *, organisation_id: str, **words: Any) -> None:
    """Reverse the decision of a case with all others that were made together with it."""
    case = get_case(session, case_id, organisation_id=organisation_id)
    decision = decisions.find_decision(session, case.id)
    bulk_id = (decision.bulk_id if decision else None) or ""
    bulk.reverse_bulk(session, bulk_id, organisation_id=organisation_id, **words)


@router.post("/{case_id}/skip")
def skip(
    request: Request, signed_in: CasesDeciderDep, case_id: str, form: FormDep, workspace: WorkspaceDep
) -> Response:
    """Pass a case on, and show the next one."""
    what = partial(leases.skip, reason=form.text("reason"))
    return Act(request, signed_in, workspace, case_id, form).go_on(what, lambda: "notice=skipped", "skip-")


@router.post("/{case_id}/escalate")
def escalate(
    request: Request, signed_in: CasesDeciderDep, case_id: str, form: FormDep, workspace: WorkspaceDep
) -> Response:
    """Pass a case to a lead, and show the next one."""
    what = partial(leases.escalate, note=form.text("note"))
    return Act(request, signed_in, workspace, case_id, form).go_on(
        what, lambda: "notice=escalated", "escalate-"
    )


@router.post("/{case_id}/ask")
def ask(
    request: Request, signed_in: CasesDeciderDep, case_id: str, form: FormDep, workspace: WorkspaceDep
) -> Response:
    """Note that somebody is asked for information, and show the next case."""
    what = partial(questions.ask, of=form.text("of"), text=form.text("text"))
    return Act(request, signed_in, workspace, case_id, form).go_on(what, lambda: "notice=asked", "ask-")


@router.post("/{case_id}/answer")
def answer(
    request: Request, signed_in: CasesDeciderDep, case_id: str, form: FormDep, workspace: WorkspaceDep
) -> Response:
    """Note the answer to a question, and go on with the case."""
    what = partial(questions.resume, answer=form.text("text"))
    return Act(request, signed_in, workspace, case_id, form).stay(what, "answered", "answer-")
