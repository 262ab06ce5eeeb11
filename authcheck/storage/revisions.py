"""The migrations of this release, and the migration that a database is at, read without Alembic."""

from functools import cache
from pathlib import Path

import sqlalchemy as sa

from authcheck.errors import Unavailable

MIGRATIONS = Path(__file__).parent / "migrations"


@cache
def revisions() -> tuple[str, ...]:
    """Return the migrations of this release, oldest first: the four digits of their file names."""
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
            f"A later release made this database: this release does not know revision {revision}.",
            code="database.newer",
            revision=revision,
            head=head(),
        )
