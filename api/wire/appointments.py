"""Appointments of agents, in JSON."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from authcheck.members.appointments import MOST_DESIGNS, SCOPES

from .forms import Day, Text, Wire


class AppointmentIn(Wire):
    """An agent to appoint. The terms replace those of the agent's current appointment by you."""

    agent: Text = Field(max_length=64, description="Handle of the agent's organisation.", examples=["shadow"])
    scopes: list[Text] = Field(
        min_length=1, max_length=20, description=f"One or more of {', '.join(SCOPES)}."
    )
    designs: list[Text] = Field(
        default_factory=list,
        max_length=MOST_DESIGNS,
        description="Ids or references of your designs. None: all designs, also those of the future.",
    )
    territories: list[Text] = Field(
        default_factory=list,
        max_length=300,
        description="ISO 3166-1 codes, or EU. None: all countries.",
        examples=[["FR", "IT"]],
    )
    ends_on: Day = Field(description="The last day (UTC), at most five years from now.")


class AppointmentOut(Wire):
    """An appointment, as the brand and the agent both see it."""

    id: str
    client: str = Field(description="Handle of the brand.")
    agent: str = Field(description="Handle of the agent's organisation.")
    scopes: list[str]
    designs: list[str] = Field(description="Ids of designs. Empty: all designs.")
    territories: list[str] = Field(description="ISO 3166-1 codes. Empty: all countries.")
    ends_on: date
    state: Literal["current", "ended", "over"] = Field(
        description="`ended` by one of the two sides, or `over` after its last day."
    )
    created_at: datetime
    ended_at: datetime | None
    salt: str = Field(description="Salt of the hash of the terms in the ledger.")
