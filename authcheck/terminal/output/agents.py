"""Terminal output of agents' appointments."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from authcheck.members.appointments import state_of
from authcheck.members.tables import Appointment
from authcheck.terminal.output import console


def show(rows: Sequence[Appointment], now: datetime, *, json: bool) -> None:
    """Print one line per appointment."""
    if json:
        for row in rows:
            console.json_line(_appointment_dict(row, now))
        return
    table = console.table("appointment", "agent", "brand", "may", "until", whole=("appointment", "until"))
    for row in rows:
        state = state_of(row, now)
        until = str(row.ends_on) if state == "current" else state
        table.add_row(row.id, row.agent.handle, row.client.handle, _terms_text(row), until)
    console.out().print(table)


def _terms_text(row: Appointment) -> str:
    """Return the terms in words: `licences:read, 2 designs, FR IT`."""
    count = len(row.designs)
    designs = f"{count} design{'' if count == 1 else 's'}" if count else "all designs"
    return ", ".join([*row.scopes, designs, " ".join(row.territories) or "all countries"])


def _appointment_dict(row: Appointment, now: datetime) -> dict[str, Any]:
    return {
        "id": row.id,
        "agent": row.agent.handle,
        "client": row.client.handle,
        "state": state_of(row, now),
        "scopes": row.scopes,
        "designs": row.designs,
        "territories": row.territories,
        "ends_on": row.ends_on.isoformat(),
        "created_at": row.created_at.isoformat(),
        "ended_at": row.ended_at.isoformat() if row.ended_at else None,
        "salt": row.salt,
    }
