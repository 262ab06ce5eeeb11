"""Commands that add and list organisations with their roles."""

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
    name: Annotated[str | None, typer.Option(help="Display name. Default: the handle.")] = None,
    role: Annotated[list[str], typer.Option(help=f"{', '.join(organisations.ROLES)}. Repeatable.")],
) -> None:
    """Add an organisation."""
    with open_storage() as storage, storage.database.writing() as session:
        organisation = organisations.create_organisation(
            session, handle=handle, name=name or handle, roles=role, now=utc_now()
        )
    roles = ", ".join(organisation.roles)
    console.say(f"We added {organisation.name} ({organisation.handle}) with roles {roles}.")


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
                    facts = {"handle": row.handle, "name": row.name, "roles": row.roles, "since": since}
                    console.json_line({**facts, "salt": row.salt})
                table.add_row(row.handle, console.plain(row.name), ", ".join(row.roles), since)
    if not json:
        console.out().print(table)
