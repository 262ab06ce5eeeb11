"""The work that the database does for an act: its statements, and the rows that each query reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from authcheck.workspace import Workspace


@contextmanager
def work_of(workspace: Workspace) -> Iterator[list[tuple[str, int]]]:
    """Collect the statements that are sent, and how many rows each query reads."""
    sent: list[tuple[str, Any]] = []
    work: list[tuple[str, int]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield work
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    with workspace.database.engine.connect() as connection:
        for statement, parameters in sent:
            is_query = statement.lstrip().startswith("SELECT")
            rows = connection.exec_driver_sql(statement, parameters).all() if is_query else []
            work.append((statement, len(rows)))
