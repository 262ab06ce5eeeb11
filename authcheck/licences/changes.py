"""What differs between two versions of a licence's terms, field by field. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from authcheck.licences.terms import Terms

FIELDS = tuple(field.name for field in fields(Terms))


@dataclass(frozen=True, slots=True)
class Change:
    """A field of the terms with its value in the earlier and in the later version."""

    field: str
    before: Any
    after: Any


def changes(before: Terms, after: Terms) -> Sequence[Change]:
    """Return the fields that differ, in the order of `Terms`."""
    pairs = [(name, getattr(before, name), getattr(after, name)) for name in FIELDS]
    return [Change(name, old, new) for name, old, new in pairs if old != new]
