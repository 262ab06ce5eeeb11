"""Commands that create, list and revoke API keys."""

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.text import Text

from authcheck.members import api_keys, organisations
from authcheck.members.mistyped import refuse_mistyped
from authcheck.members.permissions import SCOPES
from authcheck.members.tables import ApiKey
from authcheck.storage.opening import open_storage, utc_now
from authcheck.terminal.output import console
from authcheck.terminal.output.console import Json, Sure

keys_app = typer.Typer(no_args_is_help=True, help="API keys.")


@keys_app.command("create")
def create_key(
    organisation: Annotated[str, typer.Option("--org", help="Handle.")],
    *,
    scope: Annotated[
        list[str],
        typer.Option(help=f"{', '.join(SCOPES)}. Repeatable."),
    ],
    label: Annotated[str, typer.Option(help="Purpose of the key.")] = "",
) -> None:
    """Make an API key and print it. It is shown only once."""
    with open_storage() as storage, storage.database.writing() as session:
        refuse_mistyped(session, organisation)
        owner = organisations.get_organisation(session, organisation)
        key, token = api_keys.create_key(session, owner, label=label, scopes=scope, now=utc_now())
    console.say(
        f"Key {key.id} for {organisation}, scopes {', '.join(key.scopes)}. Keep the key: we do not store it."
    )
    console.data_line(token)


@keys_app.command("list")
def list_keys(
    organisation: Annotated[str, typer.Option("--org", help="Handle.")], *, json: Json = False
) -> None:
    """List an organisation's keys, also revoked."""
    with open_storage() as storage, storage.database.reading() as session:
        owner = organisations.get_organisation(session, organisation)
        _show_keys(api_keys.list_keys(session, owner.id, limit=1000), json=json)


@keys_app.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(metavar="KEY_ID")], *, yes: Sure = False) -> None:
    """Revoke a key permanently, now."""
    console.confirm(f"Revoke the key {key_id}", yes=yes)
    with open_storage() as storage, storage.database.writing() as session:
        api_keys.revoke_key(session, key_id, organisation_id=None, now=utc_now())
    console.say(f"{key_id} is revoked.")


def _show_keys(keys: Iterable[ApiKey], *, json: bool) -> None:
    """Print one line per key, never its secret."""
    table = console.table("id", "label", "scopes", "created", "revoked")
    for key in keys:
        revoked = key.revoked_at.isoformat(timespec="seconds") if key.revoked_at else ""
        created = key.created_at.isoformat(timespec="seconds")
        if json:
            console.json_line(
                {
                    "id": key.id,
                    "label": key.label,
                    "scopes": key.scopes,
                    "created_at": created,
                    "revoked_at": revoked,
                }
            )
        table.add_row(key.id, Text(key.label), " ".join(key.scopes), created, revoked)
    if not json:
        console.out().print(table)
