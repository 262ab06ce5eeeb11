"""The state of a workspace, to compare before and after."""

from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from authcheck.registry.clock import current_tick
from authcheck.registry.tables import Design, View
from authcheck.storage.entity import Entity
from authcheck.workspace import Workspace


def rows_of(workspace: Workspace) -> dict[str, list[Any]]:
    """Return every row of every table, byte for byte."""
    with workspace.database.reading() as session:
        return {
            name: sorted(map(repr, session.execute(text(f"SELECT * FROM {name}"))))  # noqa: S608 - our own names
            for name in Entity.metadata.tables
        }


def pictures_of(workspace: Workspace) -> list[Path]:
    """Return every stored picture file."""
    return sorted(path for path in workspace.store.folder.rglob("*") if path.is_file())


def tick_of(workspace: Workspace) -> int:
    """Return the registry's clock."""
    with workspace.database.reading() as session:
        return current_tick(session)


def live_hashes(workspace: Workspace, reference: str) -> list[str]:
    """Return the SHA-256 of those pictures of a design that take part in checks."""
    query = (
        select(View.picture_sha256)
        .join(View.design)
        .where(Design.reference == reference, View.removed_tick.is_(None))
        .order_by(View.number)
    )
    with workspace.database.reading() as session:
        return list(session.scalars(query))
