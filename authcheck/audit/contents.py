"""The contents of ledger entries, as the audit reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from authcheck.errors import NotTrue
from authcheck.ledger.tables import Entry
from authcheck.tlog.entries import read_body

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EntryContent:
    """The content of an entry, with its number."""

    number: int
    type: str
    fields: Facts

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Read an entry. An unreadable entry gets no fields: the replay has reported it already."""
        try:
            return cls(entry.number, entry.type, read_body(entry.body))
        except NotTrue:
            return cls(entry.number, entry.type, {})

    @property
    def at(self) -> object:
        """Return the time that the row has: `since` when the entry came later, else the entry's time."""
        return self.fields.get("since", self.fields.get("at"))


def find_first(entries: Sequence[EntryContent], kind: str) -> EntryContent:
    """Return the first entry of this type, or an entry without fields."""
    return next((entry for entry in entries if entry.type == kind), EntryContent(-1, kind, {}))
