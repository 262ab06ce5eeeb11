"""Commands that list and show the cases of suspect listings."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import typer
from rich.text import Text
from sqlalchemy.orm import Session

from authcheck.cases import leases, listing, order, timeline
from authcheck.cases.decisions import find_decision
from authcheck.cases.states import State
from authcheck.cases.tables import Case, CaseEvent, CaseItem
from authcheck.errors import NotTrue
from authcheck.members import organisations
from authcheck.members.tables import Organisation
from authcheck.storage.opening import open_storage, utc_now
from authcheck.terminal.output import console
from authcheck.terminal.output.console import Json

PAGE = 500
ONE_LINE = 120  # columns: a narrower terminal gets two lines for each case
cases_app = typer.Typer(no_args_is_help=True, help="Cases of suspect listings.")
CaseId = Annotated[str, typer.Argument(metavar="CASE_ID")]
Org = Annotated[str | None, typer.Option("--org", help="Handle of a marketplace. Default: all.")]


@cases_app.command("list")
def list_cases(
    *,
    organisation: Org = None,
    state: Annotated[State | None, typer.Option(help="Only cases in this state.")] = None,
    seller: Annotated[str | None, typer.Option("--shop", help="Only cases of this shop.")] = None,
    json: Json = False,
) -> None:
    """List cases, oldest first, with their state and who holds them."""
    now, after, counts = utc_now(), "", Counter[str]()
    out = console.out()
    between = "  " if out.width >= ONE_LINE else "\n  "
    with open_storage() as storage, storage.database.reading() as session:
        member_id = organisations.get_organisation(session, organisation).id if organisation else None
        while rows := listing.list_cases(
            session, organisation_id=member_id, state=state, seller=seller, after=after, limit=PAGE
        ):
            after = rows[-1].id
            for case in rows:
                counts[case.state] += 1
                facts = _facts(session, case, now)
                if json:
                    console.json_line(facts)
                else:
                    out.print(Text(between.join(_lines(case, facts))), soft_wrap=True)
            session.expunge_all()  # a marketplace may have very many cases
    if not json:
        states = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
        console.say(
            f"{counts.total()} case{'' if counts.total() == 1 else 's'}{': ' if states else ''}{states}."
        )


def _lines(case: Case, facts: Mapping[str, object]) -> tuple[str, str]:
    """Return a case in two texts: its id, state and time, and what it is about."""
    holder = f", held by {facts['held_by']}" if facts["held_by"] else ""
    about = (
        f"{case.verdict}: {case.seller} with {case.design.reference} of {case.design.owner.handle}{holder}"
    )
    due = f"due {case.due_at:%Y-%m-%d %H:%M}"
    return f"{case.id}  {case.state:<9}  {due}  {case.severity:<6}", console.plain(about)


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
    is_whole = timeline.first_broken(case, events) is None
    lists = {
        "reasons": list(dict.fromkeys(reasons_of(case))),
        "listings": [_listing_line(item) for item in case.items],
        "timeline": [_event_line(session, case, event) for event in events],
    }
    facts = {**_facts(session, case, utc_now()), **_decision_facts(session, case)}
    if json:
        return {**facts, "timeline_is_whole": is_whole, **lists}
    texts = {
        name: ("\n".join(lines) if name != "reasons" else ", ".join(lines)) for name, lines in lists.items()
    }
    shown = {name: console.plain(str(value)) for name, value in facts.items() if value is not None}
    return {**shown, "timeline_is_whole": "yes" if is_whole else "no", **texts}


def reasons_of(case: Case) -> list[str]:
    """Return the codes of the reasons of a case's listings, by falling weight."""
    reasons = [reason for item in case.items for reason in item.listing.reasons]
    return [reason["code"] for reason in sorted(reasons, key=lambda reason: -reason["weight"])]


def _listing_line(item: CaseItem) -> str:
    """Return a listing with its id, which `--leave-out` takes."""
    left = ", left out" if item.included is False else ""
    return console.plain(f"{item.listing_id} {item.verdict}{left}: {item.listing.reference}")


def _event_line(session: Session, case: Case, event: CaseEvent) -> str:
    """Return a row of the timeline, with names instead of ids where a person knows the names."""
    names = {item.listing_id: item.listing.reference for item in case.items}
    details = dict(event.details)
    by = event.person_id or details.pop("by", "")
    if organisation := details.get("organisation"):
        row = session.get(Organisation, organisation)
        details["organisation"] = row.handle if row else organisation
    words = []
    for name, value in sorted(details.items()):
        values = value if isinstance(value, list) else [value]
        text = ", ".join(names.get(str(part), str(part)) for part in values)
        if value is not None and text:
            words.append(f"{name} {text}")
    who = f" by {leases.name_of(session, by)}" if by else ""
    colon = ": " if words else ""
    return console.plain(
        f"{event.at:%Y-%m-%d %H:%M} {event.kind.replace('_', ' ')}{who}{colon}{'; '.join(words)}"
    )


def _decision_facts(session: Session, case: Case) -> dict[str, object]:
    """Return the present decision of a case, nothing without one."""
    decision = find_decision(session, case.id)
    if decision is None:
        return {}
    return {
        "decision": decision.code,
        "reason": decision.reason,
        "restriction": decision.restriction,
        "note": decision.note or None,
        "decided_by": leases.name_of(session, decision.holder),
        "undo_until": decision.leaves_at.isoformat(timespec="seconds")
        if case.state == State.DECIDED
        else None,
    }


def _facts(session: Session, case: Case, now: datetime) -> dict[str, object]:
    is_held = leases.is_held(case, now)
    return {
        "id": case.id,
        "state": case.state,
        "channel": case.channel,
        "seller": case.seller,
        "design": case.design.reference,
        "owner": case.design.owner.handle,
        "verdict": case.verdict,
        "severity": case.severity,
        "priority": order.priority_at(case, now),
        "opened_at": case.opened_at.isoformat(timespec="seconds"),
        "due_at": case.due_at.isoformat(timespec="seconds"),
        "held_by": leases.name_of(session, case.lease_holder) if is_held and case.lease_holder else None,
        "held_until": case.lease_until.isoformat(timespec="seconds")
        if is_held and case.lease_until
        else None,
    }
