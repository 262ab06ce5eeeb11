"""The comparison of a case and its timeline with the entry that opened the case."""

from collections.abc import Sequence

from authcheck.audit.contents import EntryContent, Facts, find_first
from authcheck.cases.facts import of_case
from authcheck.cases.tables import Case
from authcheck.cases.timeline import first_broken
from authcheck.tlog.entries import time_text


def compare_case(row: Case, entries: Sequence[EntryContent]) -> tuple[Facts, Facts]:
    """Return what a case is, and what follows from its entry. The case is loaded with its timeline."""
    opened, actual = find_first(entries, "case.open"), of_case(row)
    first = f"sha256:{row.events[0].hash}" if row.events else None
    broken = first_broken(row, row.events)
    return {
        **actual,
        "opened_at": time_text(row.opened_at),
        "first row of the timeline": first,
        "timeline": "whole" if broken is None else f"broken at row {broken}",
    }, {
        **{name: opened.fields.get(name) for name in actual},
        "opened_at": opened.at,
        "first row of the timeline": opened.fields.get("h"),
        "timeline": "whole",
    }
