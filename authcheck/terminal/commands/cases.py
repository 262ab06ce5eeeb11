"""Commands that list and show the cases of suspect listings."""

from typing import Annotated

import typer
from rich.text import Text
from sqlalchemy.orm import Session

from authcheck.cases import listing, timeline
from authcheck.cases.states import State
from authcheck.cases.tables import Case
from authcheck.errors import NotTrue
from authcheck.members import organisations
from authcheck.storage.opening import open_storage
from authcheck.terminal.output import console
from authcheck.terminal.output.console import Json

PAGE = 500
cases_app = typer.Typer(no_args_is_help=True, help="Cases of suspect listings.")
CaseId = Annotated[str, typer.Argument(metavar="CASE_ID")]
Org = Annotated[str | None, typer.Option("--org", help="Handle of a marketplace. Default: all.")]


@cases_app.command("list")
def list_cases(
    *,
    organisation: Org = None,
    state: Annotated[State | None, typer.Option(help="Only cases in this state.")] = None,
    seller: Annotated[str | None, typer.Option(help="Only cases of this shop id.")] = None,
    json: Json = False,
) -> None:
    """List cases, oldest first."""
    table = console.table("case", "due", "severity", "seller", "design", "verdict", whole=("case",))
    after = ""
    with open_storage() as storage, storage.database.reading() as session:
        member_id = organisations.get_organisation(session, organisation).id if organisation else None
        while rows := listing.list_cases(
            session, organisation_id=member_id, state=state, seller=seller, after=after, limit=PAGE
        ):
            after = rows[-1].id
            for case in rows:
                if json:
                    console.json_line(_facts(case))
                else:
                    design = f"{case.design.reference} of {case.design.owner.handle}"
                    words = (f"{case.due_at:%m-%d %H:%M}", case.severity, case.seller, design, case.verdict)
                    table.add_row(case.id, *(Text(console.plain(word)) for word in words))
    if not json:
        console.out().print(table)


@cases_app.command("show")
def show_case(
    case_id: CaseId,
    *,
    organisation: Org = None,
    json: Json = False,
) -> None:
    """Show a case with its listings and its timeline. Exit 1: the timeline was changed."""
    with open_storage() as storage, storage.database.reading() as session:
        member_id = organisations.get_organisation(session, organisation).id if organisation else None
        case = listing.get_case(session, case_id, organisation_id=member_id)
        broken = timeline.first_broken(case, timeline.events_of(session, case.id))
        console.show_facts(describe(session, case, json=json), json=json)
    if broken is not None:
        raise NotTrue(
            f"The timeline of {case.id} was changed at row {broken}.", code="case.timeline", case=case.id
        )


def describe(session: Session, case: Case, *, json: bool) -> dict[str, object]:
    """Return the facts about a case with its listings and its timeline: lists for JSON, else texts."""
    events = timeline.events_of(session, case.id)
    lines = [f"{event.at:%Y-%m-%d %H:%M} {event.kind} {_words(event.details)}" for event in events]
    listings = [f"{item.listing.reference} ({item.verdict})" for item in case.items]
    whole = {"timeline_is_whole": timeline.first_broken(case, events) is None}
    lists = {"listings": listings, "timeline": lines}
    shown = lists if json else {name: "\n".join(texts) for name, texts in lists.items()}
    return {**_facts(case), **whole, **shown}


def _words(details: dict[str, object]) -> str:
    return console.plain(", ".join(f"{name} {value}" for name, value in sorted(details.items())))


def _facts(case: Case) -> dict[str, object]:
    return {
        "id": case.id,
        "state": case.state,
        "channel": case.channel,
        "seller": case.seller,
        "design": case.design.reference,
        "owner": case.design.owner.handle,
        "verdict": case.verdict,
        "severity": case.severity,
        "opened_at": case.opened_at.isoformat(timespec="seconds"),
        "due_at": case.due_at.isoformat(timespec="seconds"),
    }
