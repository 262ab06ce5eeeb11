"""Commands that serve the pages and the API: `serve`, and `demo` with the sample data."""

from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from authcheck import __version__
from authcheck.storage.opening import utc_now
from authcheck.terminal.demo import run
from authcheck.terminal.output import console
from authcheck.workspace import open_workspace


def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes. Busy server: one per core.")] = 1,
) -> None:
    """Serve the pages and the API."""
    with open_workspace() as work:  # report a wrong setting here, before a server starts
        work.copies.sweep(utc_now())
    console.say(f"authcheck {__version__} on http://{host}:{port}/ (press Ctrl-C to stop)")
    uvicorn.run(
        "api.app:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_level="warning",
        proxy_headers=False,  # AUTHCHECK_TRUSTED_PROXIES names the proxies whose X-Forwarded-For we trust
    )


def demo(
    *,
    serve: Annotated[bool, typer.Option(help="Then serve pages and API.")] = True,
    fixtures: Annotated[Path, typer.Option(help="Folder of the sample data.")] = run.FIXTURES,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
) -> None:
    """Load the sample data, check every sample picture, then serve.

    Exit 1: an answer is not the expected one.
    """
    with open_workspace() as work:
        wrong_count = run.run(work, fixtures)
        if serve:
            run.serve(work, fixtures, port)
    raise typer.Exit(1 if wrong_count else 0)
