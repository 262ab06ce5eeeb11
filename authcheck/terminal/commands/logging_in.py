"""Commands that choose the server at which the other commands work."""

import sys
from typing import Annotated

import typer

from authcheck.errors import BadSetting, Rejected
from authcheck.terminal.output import console
from authcheck.terminal.remote import logins
from authcheck.terminal.remote.logins import Login
from authcheck.terminal.remote.service import Service


def log_in(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Address of the server, like https://check.example.")
    ],
) -> None:
    """Use a remote server from now on. Asks for an API key, or reads it from standard input.

    Make the key on the server's page People and keys.
    """
    address = logins.checked_url(url)
    key = (
        typer.prompt("API key", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    ).strip()
    if not key:
        raise BadSetting("The API key is missing. Type it, or send it on standard input.", code="server.key")
    try:
        with Service(Login(address, key)) as service:
            me = service.me
    except Rejected as error:
        if not error.code.startswith("auth."):
            raise
        message = f"{address} does not know this API key. Make one on its page People and keys."
        raise BadSetting(message, code="server.key") from error
    path = logins.keep(Login(address, key, me["organisation"]))
    console.say(f"Logged in to {address} as {console.plain(me['organisation'])}.")
    console.say(f"The key allows: {', '.join(me['scopes'])}. It is stored in {path}.")


def log_out() -> None:
    """Forget the server and its key. The key stays valid until somebody revokes it."""
    url = logins.forget()
    console.say(f"You are no longer logged in to {url}." if url else "You were not logged in.")
