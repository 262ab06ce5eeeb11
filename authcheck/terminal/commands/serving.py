"""Commands that serve the pages and the API: `serve`, and `demo` with the sample data."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from authcheck import __version__
from authcheck.config import Settings
from authcheck.ledger import addresses
from authcheck.ledger.addresses import is_loopback
from authcheck.listings import holds
from authcheck.members import links
from authcheck.storage.opening import utc_now
from authcheck.terminal import server
from authcheck.terminal.demo import run
from authcheck.terminal.demo.samples import read_known
from authcheck.terminal.output import console
from authcheck.workspace import Workspace, open_workspace


def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes. Busy server: one per core. [default: 1]"),
    ] = None,
) -> None:
    """Serve the pages and the API."""
    server.require_free(host, port)  # first: nothing else is worth saying
    with open_workspace() as work:  # report a wrong setting here, before a server starts
        settings = _settle_address(work, port)
        settings = settings.model_copy(update={"workers": workers or settings.workers})
        work.copies.sweep(utc_now())
        holds.sweep(work.database, work.copies, utc_now())
        _warn_of_uncompared(work)
        _offer_set_up(work, port)
    console.say(f"authcheck {__version__} on http://{host}:{port}/ (press Ctrl-C to stop)")
    server.run(settings, host=host, port=port)


def demo(
    *,
    serve: Annotated[bool, typer.Option(help="Then serve pages and API.")] = True,
    fixtures: Annotated[Path, typer.Option(help="Folder of the sample data.")] = run.FIXTURES,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    whole: Annotated[
        bool, typer.Option("--all", help="Take all sample pictures, not some of each kind.")
    ] = False,
    verbose: Annotated[bool, typer.Option(help="Print a row for each picture.")] = False,
) -> None:
    """Load sample data, compare the answers with known ones, then serve.

    Exit 1: an answer is not the expected one.
    """
    with open_workspace() as opened:
        read_known(fixtures)  # first: without sample data, nothing else is worth saying
        port = run.find_free_port(port) if serve else port
        work = replace(opened, settings=_settle_address(opened, port, is_demo=True))
        wrong_count = run.run(work, fixtures, whole=whole, verbose=verbose)
        if serve:
            run.serve(work, fixtures, port)
    raise typer.Exit(1 if wrong_count else 0)


def _settle_address(work: Workspace, port: int, *, is_demo: bool = False) -> Settings:
    """Return the settings of a server on this port, and warn of an address that buyers cannot reach.

    Without AUTHCHECK_PUBLIC_URL the address is the recorded one if it is on this computer, else
    `http://127.0.0.1:PORT`. The demo records it. Raises Conflict (`address.differs`).
    """
    settings, url = work.settings, work.settings.public_url
    with work.database.reading() as session:
        current = addresses.find_current(session)
    if "public_url" not in settings.model_fields_set and (current is None or is_loopback(current.url)):
        url = current.url if current else f"http://127.0.0.1:{port}"
        settings = settings.model_copy(update={"public_url": url})
    if is_demo and current is None:
        with work.database.writing() as session:
            addresses.record_first(session, settings, utc_now())
    with work.database.reading() as session:
        addresses.refuse_other(session, settings)
    if is_loopback(url):
        _warn_of_loopback(url, port, is_demo=is_demo)
    return settings


def _warn_of_loopback(url: str, port: int, *, is_demo: bool) -> None:
    console.say(
        f"The public address is {url}. Only this computer can reach it. "
        + (
            "The labels and certificates of the demo are for a trial."
            if is_demo
            else "Set AUTHCHECK_PUBLIC_URL before you issue certificates for real products."
        ),
        style="yellow",
    )
    if (urlsplit(url).port or 80) != port:
        console.say(
            f"Labels, issuers and the ledger name {url}, but this server has port {port}.", style="bold red"
        )


def _offer_set_up(work: Workspace, port: int) -> None:
    """Print the link to the first account while nobody has one. Only this computer can open it."""
    with work.database.writing() as session:
        code = links.make_set_up(session, utc_now()) if links.needs_set_up(session) else None
    if code is not None:
        console.say(
            "Nobody has an account yet. Make the first one in a browser on this computer, within a day:",
            style="bold",
        )
        console.say(f"http://127.0.0.1:{port}/set-up?code={code}")


def _warn_of_uncompared(work: Workspace) -> None:
    """Say how many pictures of an earlier release were never compared with other owners' pictures."""
    with work.database.reading() as session:
        count = len(work.find_uncompared(session))
    if count:
        console.say(
            f"{count} registered pictures were never compared with the pictures of other owners, so"
            " copies among them are not disputed yet. Run once: authcheck db upgrade",
            style="yellow",
        )
