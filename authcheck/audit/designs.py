"""The facts of a design, by its rows and by its entries."""

from collections.abc import Sequence
from typing import Any

from authcheck.audit.contents import EntryContent, Facts, find_first
from authcheck.registry.disputes import RULINGS
from authcheck.registry.facts import (
    DISPUTE_FIELDS,
    SAID_FIELDS,
    of_dispute,
    of_ruling,
    of_statement,
    of_words,
)
from authcheck.registry.tables import MATCH, Design
from authcheck.tlog.entries import time_text


def compare_design(row: Design, entries: Sequence[EntryContent]) -> tuple[Facts, Facts]:
    """Return the facts of a design as its rows say, and as they follow from its entries."""
    actual = {
        "words": of_words(row),
        "version": row.version,
        "owner": row.owner_id,
        "state": row.state,
        "registered_at": time_text(row.registered_at),
        "retired_at": time_text(row.retired_at) if row.retired_at else None,
        "pictures": {view.picture_sha256 for view in row.views},
        "pictures in force": {view.picture_sha256 for view in row.views if view.removed_tick is None},
        "disputes": {
            dispute.id: (of_dispute(dispute), time_text(dispute.noticed_at))
            for dispute in row.disputes
            if dispute.verdict == MATCH
        },
        "rulings of disputes": _rulings(row),
        "appeals in disputes": _appeals(row),
        "ends of disputes": {
            dispute.id: (dispute.ended_by, time_text(dispute.ended_at))
            for dispute in row.disputes
            if dispute.ended_at and (dispute.verdict == MATCH or dispute.ended_by in RULINGS)
        },
    }
    return actual, _expected_design(entries)


def _rulings(row: Design) -> list[Any]:
    return sorted(
        (time_text(ruling.ruled_at), sorted(of_ruling(ruling, dispute.statements, row.salt).items()))
        for dispute in row.disputes
        for ruling in dispute.rulings
    )


def _appeals(row: Design) -> list[Any]:
    return sorted(
        (time_text(statement.made_at), sorted(of_statement(statement, row.salt).items()))
        for dispute in row.disputes
        for statement in dispute.statements
        if statement.is_appeal
    )


def _entries_of(entries: Sequence[EntryContent], kind: str) -> list[Any]:
    return sorted(
        (entry.at, sorted((name, value) for name, value in entry.fields.items() if name in SAID_FIELDS))
        for entry in entries
        if entry.type == kind
    )


def _expected_design(entries: Sequence[EntryContent]) -> Facts:
    """Return the facts of a design that follow from its entries, applied in order."""
    registered, retired = find_first(entries, "design.register"), find_first(entries, "design.retire")
    words, version = None, None
    all_images: set[str] = set()
    live_images: set[str] = set()
    for entry in entries:
        words, version = entry.fields.get("h", words), entry.fields.get("version", version)
        images = set(entry.fields.get("images", ()))
        all_images |= images
        live_images = live_images - images if entry.type == "design.view_remove" else live_images | images
    disputes, is_disputed = _expected_disputes(entries)
    return {
        "words": words,
        "version": version,
        "owner": registered.fields.get("owner"),
        "state": "retired" if retired.fields else "disputed" if is_disputed else "registered",
        "registered_at": registered.at,
        "retired_at": retired.at,
        "pictures": all_images,
        "pictures in force": set() if retired.fields else live_images,
        "rulings of disputes": _entries_of(entries, "design.dispute_ruling"),
        "appeals in disputes": _entries_of(entries, "design.dispute_appeal"),
        **disputes,
    }


def _expected_disputes(entries: Sequence[EntryContent]) -> tuple[Facts, bool]:
    """Return the facts of a design's disputes that follow from its entries, and whether it is disputed."""
    begun = {entry.fields.get("dispute"): entry for entry in entries if entry.type == "design.dispute"}
    ended = {entry.fields.get("dispute"): entry for entry in entries if entry.type == "design.dispute_end"}
    is_disputed = any(
        entry.fields.get("holds_design", True) and dispute_id not in ended
        for dispute_id, entry in begun.items()
    )
    disputes = {
        dispute_id: (
            {name: value for name, value in entry.fields.items() if name in DISPUTE_FIELDS},
            entry.at,
        )
        for dispute_id, entry in begun.items()
    }
    ends = {dispute_id: (entry.fields.get("by"), entry.at) for dispute_id, entry in ended.items()}
    return {"disputes": disputes, "ends of disputes": ends}, is_disputed
