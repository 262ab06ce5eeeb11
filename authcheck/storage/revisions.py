"""The migrations of this release and the one that a database is at, read without Alembic: each command asks."""

from functools import cache
from pathlib import Path

import sqlalchemy as sa

from authcheck.errors import Unavailable

MIGRATIONS = Path(__file__).parent / "migrations"


@cache
def revisions() -> tuple[str, ...]:
    """Return the migrations of this release, oldest first, by the four digits that their file names begin with."""
    return tuple(sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")))


def head() -> str:
    """Return the newest migration of this release: `0004`."""
    return revisions()[-1]


def revision_of(connection: sa.Connection) -> str | None:
    """Return the migration that the database is at, None when the database is empty."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    version = sa.table("alembic_version", sa.column("version_num", sa.String))
    return connection.scalar(sa.select(version.c.version_num))


def refuse_newer(revision: str | None) -> None:
    """Raise Unavailable (`database.newer`) for a migration that this release does not have."""
    if revision is not None and revision not in revisions():
        raise Unavailable(
            f"The database is at revision {revision}, which this release does not know: a later release made it.",
            code="database.newer",
            revision=revision,
            head=head(),
        )
