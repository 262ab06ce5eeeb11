"""Commands that take and decide cases. The operator of the computer names the moderator."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from authcheck.cases import decisions, leases
from authcheck.cases.listing import get_case
from authcheck.cases.rulings import RESTRICTIONS, Code, Ruling, suggest
from authcheck.cases.settling import settle
from authcheck.errors import Forbidden
from authcheck.members import organisations, people
from authcheck.members.permissions import Resource, Right, grants_of_roles
from authcheck.storage.opening import open_storage, utc_now
from authcheck.terminal.commands.cases import CaseId, cases_app, describe, reasons_of
from authcheck.terminal.output import console
from authcheck.terminal.output.console import Json

Org = Annotated[str, typer.Option("--org", help="Handle of the marketplace.")]
Moderator = Annotated[str, typer.Option("--as", help="E-mail address of the moderator.")]


@cases_app.command("next")
def take_next(organisation: Org, moderator: Moderator, *, json: Json = False) -> None:
    """Lease the next case for 10 minutes, and show it. Exit 1: no case waits."""
    now = utc_now()
    with _settled(now) as session:
        case = leases.take_next(session, **_moderator(session, organisation, moderator), now=now)
        if case is not None:
            console.show_facts(describe(session, case, json=json), json=json)
    if case is None:
        console.say("No case waits.")
        raise typer.Exit(1)
    console.say(
        f"Decide within 10 minutes: authcheck cases decide {case.id} --org {organisation} --as {moderator}"
        f" --decision DECISION. DECISION is one of {', '.join(Code)}."
    )


@cases_app.command("decide")
def decide(
    case_id: CaseId,
    organisation: Org,
    moderator: Moderator,
    *,
    decision: Annotated[Code, typer.Option(help="What you decide.")],
    reason: Annotated[str | None, typer.Option(help="Default: the likely reason of the decision.")] = None,
    restriction: Annotated[str, typer.Option(help=f"One of {', '.join(RESTRICTIONS)}.")] = "none",
    note: Annotated[str, typer.Option(help="What a later reader should know.")] = "",
    leave_out: Annotated[
        list[str] | None, typer.Option(help="Id of a listing that the decision is not about. Repeatable.")
    ] = None,
    json: Json = False,
) -> None:
    """Decide a case that the moderator holds. The decision can be undone for 10 seconds."""
    now = utc_now()
    with _settled(now) as session:
        who = _moderator(session, organisation, moderator)
        case = get_case(session, case_id, organisation_id=who["organisation_id"])
        chosen = reason or suggest(decision, reasons_of(case))
        ruling = Ruling(code=decision, reason=chosen, restriction=restriction, note=note)
        made = decisions.decide(session, case.id, ruling, **who, now=now, leave_out=leave_out or ())
        facts = {
            "case": case.id,
            "decision": made.code,
            "reason": made.reason,
            "restriction": made.restriction,
            "leaves_at": made.leaves_at.isoformat(timespec="seconds"),
        }
        can_undo = made.effective_at is None  # a repeated decision may have left
    console.show_facts(facts, json=json)
    if can_undo:
        console.say(
            f"Undo within 10 seconds: authcheck cases undo {case.id} --org {organisation} --as {moderator}"
        )


@cases_app.command("undo")
def undo(case_id: CaseId, organisation: Org, moderator: Moderator) -> None:
    """Take a decision back within 10 seconds. The moderator holds the case again."""
    now = utc_now()
    with _settled(now) as session:
        cases = decisions.undo(session, case_id, **_moderator(session, organisation, moderator), now=now)
    console.say(f"{len(cases)} case{'s are' if len(cases) > 1 else ' is'} open again.")


@contextmanager
def _settled(now: datetime) -> Iterator[Session]:
    """Open a writing session, after the cases whose time has come were settled."""
    with open_storage() as storage:
        settle(storage.database, now)
        with storage.database.writing() as session:
            yield session


def _moderator(session: Session, handle: str, email: str) -> dict[str, str]:
    """Return a marketplace and a person who may decide its cases: `organisation_id` and `holder`.

    Raises NotFound (`organisation.not_found`, `person.not_found`), Forbidden (`auth.role`).
    """
    organisation = organisations.get_organisation(session, handle)
    person = people.get_person(session, people.normal_email(email))
    member = people.get_member(session, organisation.id, person.id)
    if person.disabled_at or grants_of_roles(member.roles).get(Resource.CASES, Right.NONE) < Right.DECIDE:
        raise Forbidden(
            f"{person.email} may not decide cases of {organisation.handle}. Give the person the role"
            " moderator: authcheck people add.",
            code="auth.role",
        )
    return {"organisation_id": organisation.id, "holder": person.id}
