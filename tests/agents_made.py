"""Brands, agents and their appointments for tests."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import make
import sqlalchemy as sa
from licences_made import organisation

from authcheck.licences import appointing
from authcheck.members import appointments
from authcheck.members.tables import Appointment
from authcheck.workspace import Workspace

ENDS = make.NOW.date() + timedelta(days=90)
SCOPES = ("designs:read", "licences:read", "licences:write")


def appoint(
    workspace: Workspace,
    agent: str = "shadow",
    *,
    client: str = "acme",
    scopes: Sequence[str] = SCOPES,
    ends_on: date = ENDS,
    now: datetime = make.NOW,
    **words: Any,
) -> Appointment:
    """Appoint an agent for a brand. Both become members if they are not."""
    giver, taker = organisation(workspace, client, "brand"), organisation(workspace, agent, "agent")
    with workspace.database.writing() as session:
        return appointing.appoint(session, giver, taker, scopes=scopes, ends_on=ends_on, now=now, **words)


def end(workspace: Workspace, appointment_id: str, by: str | None, now: datetime = make.NOW) -> Appointment:
    """End an appointment as the organisation with the id `by`, or as the operator."""
    with workspace.database.writing() as session:
        return appointments.end(session, appointment_id, organisation_id=by, now=now)


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
