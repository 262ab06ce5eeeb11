"""Commands of organisations: who takes part, and in which roles."""

from typing import Annotated

import typer

from authcheck.members import organisations
from authcheck.storage.opening import open_storage, utc_now
from authcheck.terminal.output import console
from authcheck.terminal.output.console import Json

PAGE = 500
organisations_app = typer.Typer(
    no_args_is_help=True, help="Organisations: brands, licensees, marketplaces, agents."
)


@organisations_app.command("add")
def add_organisation(
    handle: Annotated[str, typer.Argument(help="Short public name: a-z, 0-9 and -.")],
    *,
    name: Annotated[str | None, typer.Option(help="What people call it; the handle without it.")] = None,
    role: Annotated[list[str], typer.Option(help=f"{', '.join(organisations.ROLES)}; repeat for several.")],
) -> None:
    """Add an organisation."""
    with open_storage() as storage, storage.database.writing() as session:
        made = organisations.create_organisation(
            session, handle=handle, name=name or handle, roles=role, now=utc_now()
        )
    console.say(f"{made.name} ({made.handle}) takes part as {', '.join(made.roles)}.")


@organisations_app.command("list")
def list_organisations(*, json: Json = False) -> None:
    """List all organisations, oldest first."""
    table, after = console.table("handle", "name", "roles", "since", whole=("handle",)), ""
    with open_storage() as storage, storage.database.reading() as session:
        while rows := organisations.list_organisations(session, after=after, limit=PAGE):
            after = rows[-1].id
            for row in rows:
                since = f"{row.created_at:%Y-%m-%d}"
                if json:
                    console.json_line(
                        {"handle": row.handle, "name": row.name, "roles": row.roles, "since": since}
                    )
                table.add_row(row.handle, console.plain(row.name), ", ".join(row.roles), since)
    if not json:
        console.out().print(table)
