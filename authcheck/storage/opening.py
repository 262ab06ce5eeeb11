"""Opens the database of this process, for commands that read no picture."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from authcheck.config import Settings, load
from authcheck.storage.database import Database


@dataclass(frozen=True, slots=True)
class Storage:
    """The settings and the database.

    `Workspace` adds indexes and stored pictures, which take a second to load.
    """

    settings: Settings
    database: Database


@contextmanager
def open_storage() -> Iterator[Storage]:
    """Open the database that the environment names, and close it at the end of the block.

    Raises StorageFailed, DatabaseBusy, Unavailable or BadSetting.
    """
    settings = load()
    database = Database.open(settings)
    try:
        yield Storage(settings, database)
    finally:
        database.dispose()


def utc_now() -> datetime:
    """Return the current time as an aware UTC datetime."""
    return datetime.now(UTC)
