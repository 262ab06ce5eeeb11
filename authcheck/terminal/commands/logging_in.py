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
    """Work at a server from now on, with an API key that you are asked for, or that standard input has.

    A member makes the key on the page People and keys.
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
    console.say(f"You are {console.plain(me['organisation'])} at {address}.")
    console.say(f"Your key may: {', '.join(me['scopes'])}. It is kept in {path}.")


def log_out() -> None:
    """Forget the server and its key. The key stays valid until somebody revokes it."""
    url = logins.forget()
    console.say(f"You are no longer logged in to {url}." if url else "You are logged in to no server.")
