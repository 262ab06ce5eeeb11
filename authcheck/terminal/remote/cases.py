"""Cases of a marketplace at a server. The key that asks holds and decides them."""

import typer

from authcheck.cases.rulings import Code, suggest
from authcheck.terminal.output import console
from authcheck.terminal.remote.answers import show_facts, show_rows
from authcheck.terminal.remote.service import Service, place


def list_cases(service: Service, *, state: str | None, seller: str | None, json: bool) -> None:
    """List a marketplace's cases."""
    columns = {
        "case": "id",
        "state": "state",
        "verdict": "verdict",
        "seller": "seller",
        "design": lambda row: f"{row['design']['reference']} of {row['design']['owner']}",
        "due": "due_at",
    }
    show_rows(service.items("/v1/cases", state=state, seller=seller), columns, json=json, whole=("case",))


def show_case(service: Service, *, case_id: str, json: bool) -> None:
    """Show a case."""
    show_facts(service.get(place("cases", case_id)), json=json)


def take_next(service: Service, *, json: bool) -> None:
    """Lease the next case for 10 minutes, and show it. Exit 1: no case waits."""
    case = service.send("POST", place("cases", "next"))
    if not case:
        console.say("No case waits.")
        raise typer.Exit(1)
    show_facts(case, json=json)
    codes = ", ".join(Code)
    console.say(
        f"Decide within 10 minutes: authcheck cases decide {case['id']} --decision DECISION."
        f" DECISION is one of {codes}."
    )


def decide(
    service: Service,
    *,
    case_id: str,
    decision: Code,
    reason: str | None,
    restriction: str,
    note: str,
    leave_out: list[str] | None,
    json: bool,
) -> None:
    """Decide a case that the key holds."""
    if reason is None:
        reason = suggest(decision, _reasons_of(service, case_id))
    ruling = {"decision": decision, "reason": reason, "restriction": restriction, "note": note}
    case = service.send("POST", place("cases", case_id, "decision"), ruling | {"leave_out": leave_out or []})
    made = case["decision"]
    facts = {"case": case["id"]}
    facts |= {name: made[name] for name in ("decision", "reason", "restriction", "leaves_at")}
    console.show_facts(facts, json=json)
    if made["effective_at"] is None:  # a repeated decision may have left
        console.say(f"Undo within 10 seconds: authcheck cases undo {case['id']}")


def _reasons_of(service: Service, case_id: str) -> list[str]:
    """Return the codes of the reasons of a case's listings, by falling weight."""
    items = service.get(place("cases", case_id))["items"]
    listings = (service.get(place("listings", item["listing"])) for item in items)
    reasons = [reason for listing in listings for reason in listing["reasons"]]
    return [reason["code"] for reason in sorted(reasons, key=lambda reason: -reason["weight"])]


def undo(service: Service, *, case_id: str) -> None:
    """Take a decision back within 10 seconds."""
    cases = service.take_back(place("cases", case_id, "decision"))
    console.say(f"{len(cases)} case{'s are' if len(cases) > 1 else ' is'} open again.")
