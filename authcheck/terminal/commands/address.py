"""Commands of the public address: show, record and move it. Other commands ask here before they use it."""

from typing import Annotated

import typer

from authcheck.ledger import addresses, publishing
from authcheck.ledger.addresses import is_loopback
from authcheck.storage.opening import Storage, open_storage, utc_now
from authcheck.terminal.output import console
from authcheck.terminal.output.console import Json

address_app = typer.Typer(no_args_is_help=True, help="The public address of this installation.")
Yes = Annotated[bool, typer.Option("--yes", help="Confirm a public address on this computer.")]


@address_app.command("show")
def show_address(*, json: Json = False) -> None:
    """Show the public address, the older addresses that stay valid, and the ledger's name."""
    with open_storage() as storage, storage.database.reading() as session:
        current = addresses.find_current(session)
        names = addresses.addresses_of(session, storage.settings)
    facts = {
        "address": names.current,
        "recorded": current.since.isoformat() if current else None,
        "setting": storage.settings.public_url,
        "ledger": names.origin,
        "older": [url for url in names.urls if url != names.current],
    }
    if not json:
        facts |= {"recorded": facts["recorded"] or "not yet", "older": ", ".join(facts["older"] or [])}
    console.show_facts(facts, json=json)


@address_app.command("record")
def record_address(*, yes: Yes = False) -> None:
    """Record the address of AUTHCHECK_PUBLIC_URL. The first key does it too."""
    with open_storage() as storage:
        confirm_address(storage, yes=yes)
        with storage.database.writing() as session:
            addresses.record_first(session, storage.settings, utc_now())
        publishing.publish_recorded(storage.database, storage.settings)
    console.say(f"The public address is {storage.settings.public_url}.")


@address_app.command("move")
def move_address(
    old: Annotated[str, typer.Argument(metavar="OLD", help="Current address.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="New address.")],
    *,
    yes: Yes = False,
    new_ledger: Annotated[
        bool, typer.Option("--new-ledger", help="Name the ledger after NEW: only if the old ledger is lost.")
    ] = False,
) -> None:
    """Change the public address. Old labels, issuers and the ledger's name stay valid."""
    with open_storage() as storage:
        if is_loopback(new):
            _confirm(new, yes=yes)
        with storage.database.writing() as session:
            row = addresses.move(session, old, new, utc_now(), new_ledger=new_ledger)
        publishing.publish_recorded(storage.database, storage.settings)
    console.say(f"The public address is now {row.url}. The ledger's name is {row.origin}.")
    console.say(
        f"Set AUTHCHECK_PUBLIC_URL={row.url} for every server and shell, and start the servers again. "
        f"Let {old} lead to the same service for as long as you can: printed labels and issuers name it.",
        style="yellow",
    )


def confirm_address(storage: Storage, *, yes: bool) -> None:
    """Ask once whether an address that only this computer can reach is meant, and record it.

    Raises Conflict (`address.differs`; `address.unconfirmed` if the answer is no, or nobody can be asked).
    """
    with storage.database.reading() as session:
        addresses.refuse_other(session, storage.settings)
        is_recorded = addresses.find_current(session) is not None
    if is_recorded or not is_loopback(storage.settings.public_url):
        return
    _confirm(storage.settings.public_url, yes=yes)
    with storage.database.writing() as session:
        addresses.record_first(session, storage.settings, utc_now())


def _confirm(url: str, *, yes: bool) -> None:
    if not yes and not console.can_ask():
        raise addresses.unconfirmed_error(url)
    console.say(
        f"The public address is {url}. Only this computer can reach it. Keys, certificates and labels keep "
        "their address. For real products, set AUTHCHECK_PUBLIC_URL first.",
        style="yellow",
    )
    if not yes and not typer.confirm(f"Use {url}?", err=True):
        raise addresses.unconfirmed_error(url)
