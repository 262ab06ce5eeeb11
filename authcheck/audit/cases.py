"""The comparison of a case and its timeline with its entries in the ledger."""

from collections.abc import Sequence

from authcheck.audit.contents import EntryContent, Facts, find_first
from authcheck.cases.facts import of_case
from authcheck.cases.tables import Case
from authcheck.cases.timeline import first_broken
from authcheck.tlog.entries import time_text

ENTRY_OF = {"effective": "case.decide", "reversed": "case.reverse"}
"""The rows of a timeline that have an entry with their hash, beside the first row."""


def compare_case(row: Case, entries: Sequence[EntryContent]) -> tuple[Facts, Facts]:
    """Return what a case is, and what follows from its entries. The case is loaded with its timeline."""
    opened, actual = find_first(entries, "case.open"), of_case(row)
    first = f"sha256:{row.events[0].hash}" if row.events else None
    broken = first_broken(row, row.events)
    decided = [
        (ENTRY_OF[event.kind], f"sha256:{event.hash}") for event in row.events if event.kind in ENTRY_OF
    ]
    recorded = [(entry.type, entry.fields.get("h")) for entry in entries if entry.type in ENTRY_OF.values()]
    return {
        **actual,
        "opened_at": time_text(row.opened_at),
        "first row of the timeline": first,
        "decisions": decided,
        "timeline": "whole" if broken is None else f"broken at row {broken}",
    }, {
        **{name: opened.fields.get(name) for name in actual},
        "opened_at": opened.at,
        "first row of the timeline": opened.fields.get("h"),
        "decisions": recorded,
        "timeline": "whole",
    }
