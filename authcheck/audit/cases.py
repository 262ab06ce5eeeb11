"""The comparison of a case and its timeline with its entries in the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from authcheck.audit.contents import EntryContent, Facts, find_first
from authcheck.cases.facts import of_case
from authcheck.cases.rulings import Ruling
from authcheck.cases.states import State
from authcheck.cases.tables import Case, CaseDecision, CaseEvent
from authcheck.cases.timeline import first_broken
from authcheck.tlog.entries import time_text

RULING = tuple(part.name for part in fields(Ruling))
ENTRY_OF = {"effective": "case.decide", "reversed": "case.reverse", "withdrawn": "case.withdraw"}
"""The rows of a timeline that have an entry with their hash, beside the first row."""


STATE_AFTER = {
    "asked": State.WAITING,
    "escalated": State.ESCALATED,
    "decided": State.DECIDED,
    "effective": State.EFFECTIVE,
    "closed": State.CLOSED,
    "reversed": State.REVERSED,
    "withdrawn": State.WITHDRAWN,
}
"""The rows after which a case has another state. Answers and undone decisions lead back."""
TIMES = {"undone": "undone_at", "effective": "effective_at", "reversed": "reversed_at"}


@dataclass(slots=True)
class _Told:
    """What the timeline of a case tells: its state, its decisions by id, and its present listings."""

    state: str = State.OPEN
    rulings: dict[str, Facts] = field(default_factory=dict)
    listings: list[str] = field(default_factory=list)


def _read_timeline(events: Sequence[CaseEvent]) -> _Told:
    told, before, is_escalated = _Told(), str(State.OPEN), False
    for event in events:
        is_escalated = is_escalated or event.kind == "escalated"
        if event.kind == "decided":
            before, told.listings = told.state, sorted(event.details.get("listings", []))
            told.rulings[str(event.details.get("decision"))] = {
                **{name: event.details.get(name) for name in RULING},
                "bulk": event.details.get("bulk"),
                "holder": event.person_id or event.details.get("by"),
                "state_before": before,
                "decided_at": time_text(event.at),
                **dict.fromkeys(TIMES.values()),
            }
        if event.kind in TIMES:
            ruling = told.rulings.setdefault(str(event.details.get("decision")), {})
            ruling[TIMES[event.kind]] = time_text(event.at)
        if event.kind == "undone":
            told.state, told.listings = before, []
        elif event.kind in {"answered", "unanswered"}:
            told.state = State.ESCALATED if is_escalated else State.OPEN
        else:
            told.state = STATE_AFTER.get(event.kind, told.state)
    return told


def _ruling_of(decision: CaseDecision) -> Facts:
    """Return what the row of a decision says, as `_read_timeline` reads it from the timeline."""
    moments = {name: getattr(decision, name) for name in ("decided_at", *TIMES.values())}
    return {
        **{name: getattr(decision, name) for name in RULING},
        "bulk": decision.bulk_id,
        "holder": decision.holder,
        "state_before": decision.state_before,
        **{name: None if moment is None else time_text(moment) for name, moment in moments.items()},
    }


def compare_case(row: Case, entries: Sequence[EntryContent]) -> tuple[Facts, Facts]:
    """Return what a case is, and what follows from its entries and its timeline.

    The case is loaded with its timeline, its listings and its decisions.
    """
    opened, actual = find_first(entries, "case.open"), of_case(row)
    first = f"sha256:{row.events[0].hash}" if row.events else None
    broken = first_broken(row, row.events)
    decided = [
        (ENTRY_OF[event.kind], f"sha256:{event.hash}") for event in row.events if event.kind in ENTRY_OF
    ]
    recorded = [(entry.type, entry.fields.get("h")) for entry in entries if entry.type in ENTRY_OF.values()]
    told = _read_timeline(row.events)
    return {
        **actual,
        "state": row.state,
        "rulings": {decision.id: _ruling_of(decision) for decision in row.decisions},
        "listings decided about": sorted(item.listing_id for item in row.items if item.included),
        "opened_at": time_text(row.opened_at),
        "first row of the timeline": first,
        "decisions": decided,
        "timeline": "whole" if broken is None else f"broken at row {broken}",
    }, {
        **{name: opened.fields.get(name) for name in actual},
        "state": told.state,
        "rulings": told.rulings,
        "listings decided about": told.listings,
        "opened_at": opened.at,
        "first row of the timeline": opened.fields.get("h"),
        "decisions": recorded,
        "timeline": "whole",
    }
