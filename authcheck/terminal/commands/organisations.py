"""Commands that add, list, approve, refuse and suspend organisations."""

from typing import Annotated

import typer

from authcheck.members import alikes, domains, organisations, standing
from authcheck.members.tables import Organisation
from authcheck.proofs.outside.names import shown_domain
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
    table, after = console.table("handle", "name", "roles", "state", "since", whole=("handle",)), ""
    with open_storage() as storage, storage.database.reading() as session:
        while rows := organisations.list_organisations(session, after=after, limit=PAGE):
            after = rows[-1].id
            for row in rows:
                since = f"{row.created_at:%Y-%m-%d}"
                if json:
                    facts = {"handle": row.handle, "name": row.name, "roles": row.roles, "since": since}
                    facts |= {"state": row.state, "reason": row.state_reason}
                    console.json_line({**facts, "salt": row.salt})
                table.add_row(row.handle, console.plain(row.name), ", ".join(row.roles), row.state, since)
    if not json:
        console.out().print(table)


@organisations_app.command("show")
def show_organisation(handle: Annotated[str, typer.Argument(help="The organisation's handle.")]) -> None:
    """Show what the operator should know before approving an organisation."""
    with open_storage() as storage, storage.database.reading() as session:
        row = organisations.get_organisation(session, handle)
        console.out().print(f"{console.plain(row.name)} ({row.handle}): {row.state}", soft_wrap=True)
        if row.state_reason:
            console.out().print(f"  reason: {console.plain(row.state_reason)}", soft_wrap=True)
        for domain in domains.list_domains(session, row.id):
            seen = domain.method if domain.state == domains.PROVED else domain.problem
            others = ", ".join(domains.find_other_owners(session, domain))
            shared = f", also proved by {others}" if others else ""
            named = f"{shown_domain(domain.domain)}: {domain.state} {seen}".rstrip()
            console.out().print(f"  {console.plain(named)}{shared}", soft_wrap=True)
        for alike in alikes.find_alike(session, row):
            console.out().print(f"  looks like {console.plain(alike.name)} ({alike.handle})", soft_wrap=True)


@organisations_app.command("approve")
def approve_organisation(
    handle: Annotated[str, typer.Argument(help="The organisation's handle.")],
    *,
    despite: Annotated[
        str, typer.Option(help="The handle once more, if the organisation looks like a member.")
    ] = "",
) -> None:
    """Make an organisation a member, or let a suspended one act again. This is recorded in the ledger."""
    with open_storage() as storage, storage.database.writing() as session:
        row = organisations.get_organisation(session, handle)
        standing.approve(session, row, now=utc_now(), despite=despite)
    _tell(row)


@organisations_app.command("refuse")
def refuse_organisation(
    handle: Annotated[str, typer.Argument(help="The organisation's handle.")],
    *,
    reason: Annotated[str, typer.Option(help="Why. The organisation reads it.")],
) -> None:
    """Refuse an organisation that has applied. It can be approved later."""
    with open_storage() as storage, storage.database.writing() as session:
        row = organisations.get_organisation(session, handle)
        standing.refuse(session, row, reason, now=utc_now())
    _tell(row)


@organisations_app.command("suspend")
def suspend_organisation(
    handle: Annotated[str, typer.Argument(help="The organisation's handle.")],
    *,
    reason: Annotated[str, typer.Option(help="Why. The organisation reads it.")],
) -> None:
    """Take from a member the right to act. What it did stays. This is recorded in the ledger."""
    with open_storage() as storage, storage.database.writing() as session:
        row = organisations.get_organisation(session, handle)
        standing.suspend(session, row, reason, now=utc_now())
    _tell(row)


def _tell(row: Organisation) -> None:
    console.say(f"{console.plain(row.name)} ({row.handle}) is {row.state} now.")
