"""Commands that appoint agents for a brand, list appointments and end them."""

from typing import Annotated

import typer

from authcheck.ledger import publishing
from authcheck.licences import appointing
from authcheck.licences.written import read_day
from authcheck.members import appointments, organisations
from authcheck.members.tables import Appointment
from authcheck.storage.opening import open_storage, utc_now
from authcheck.terminal.output import agents, console
from authcheck.terminal.output.console import Json

PAGE = 500
agents_app = typer.Typer(no_args_is_help=True, help="Agents who act for a brand.")


@agents_app.command("appoint")
def appoint_agent(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="Handle of the agent.")],
    organisation: Annotated[str, typer.Option("--org", help="Handle of the brand.")],
    *,
    scope: Annotated[list[str], typer.Option(help=f"{', '.join(appointments.SCOPES)}. Repeatable.")],
    design: Annotated[
        list[str] | None, typer.Option(help="Design id or the brand's reference. Repeatable. Default: all.")
    ] = None,
    territories: Annotated[str, typer.Option(help="Countries, comma-separated, EU, or *.")] = "*",
    ends: Annotated[str, typer.Option(metavar="DATE", help="Last day, in UTC.")],
    json: Json = False,
) -> None:
    """Appoint an agent for a brand. Replaces the agent's present appointment by this brand."""
    now = utc_now()
    last_day = read_day(ends, error_code="appointment.ends")
    with open_storage() as storage:
        with storage.database.writing() as session:
            appointment = appointing.appoint(
                session,
                organisations.get_organisation(session, organisation),
                organisations.get_organisation(session, agent),
                scopes=scope,
                designs=design or (),
                territories=console.split_list(territories) or ("*",),
                ends_on=last_day,
                now=now,
            )
        publishing.publish_recorded(storage.database, storage.settings)
    agents.show([appointment], now, json=json)


@agents_app.command("list")
def list_agents(
    organisation: Annotated[str, typer.Option("--org", help="Handle of the brand or of the agent.")],
    *,
    json: Json = False,
) -> None:
    """List the appointments that an organisation gave or got, oldest first, also those that are over."""
    rows: list[Appointment] = []
    with open_storage() as storage, storage.database.reading() as session:
        member = organisations.get_organisation(session, organisation)
        while page := appointments.list_appointments(
            session, member.id, after=rows[-1].id if rows else "", limit=PAGE
        ):
            rows += page
    agents.show(rows, utc_now(), json=json)


@agents_app.command("end")
def end_appointment(
    appointment: Annotated[str, typer.Argument(metavar="APPOINTMENT", help="Id of the appointment.")],
    *,
    organisation: Annotated[
        str | None, typer.Option("--org", help="Handle of the side that ends it. Default: the operator.")
    ] = None,
) -> None:
    """End an appointment at once and permanently."""
    with open_storage() as storage:
        with storage.database.writing() as session:
            side_id = organisations.get_organisation(session, organisation).id if organisation else None
            row = appointments.end(session, appointment, organisation_id=side_id, now=utc_now())
        publishing.publish_recorded(storage.database, storage.settings)
    ended_at = f"{row.ended_at:%Y-%m-%d %H:%M} UTC"
    console.say(f"{row.agent.handle} does not act for {row.client.handle} since {ended_at}.")
