"""Parameters of statements: how many at once, and which texts a database can look for."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

MOST_PARAMETERS = 500  # of one statement; databases set limits, and SQLite's is the lowest
Value = TypeVar("Value")


def in_chunks(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    """Yield the values in runs that one statement can name, at most 500 at a time."""
    for start in range(0, len(values), MOST_PARAMETERS):
        yield values[start : start + MOST_PARAMETERS]


def can_be_stored(*texts: str) -> bool:
    """Return whether a row could hold these texts. Rows hold printable text only.

    PostgreSQL raises an error when it is asked for a NUL character. A stranger's id or name is therefore
    tested first, and is simply not found.
    """
    return all(text.isprintable() for text in texts)
