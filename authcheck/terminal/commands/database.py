"""Commands of the database."""

from collections.abc import Mapping
from typing import Any

import typer
from rich.text import Text
from sqlalchemy import make_url

from authcheck.checks.records import count_checks
from authcheck.config import load
from authcheck.registry import designs
from authcheck.registry.renewal import find_stale
from authcheck.storage.database import Database, head, make_engine
from authcheck.terminal.output import console
from authcheck.terminal.output.console import Json
from authcheck.vision.fingerprints.fingerprint import SCHEME
from authcheck.workspace import open_workspace

db_app = typer.Typer(no_args_is_help=True, help="The database.")


@db_app.command("upgrade")
def upgrade_database() -> None:
    """Bring the database to this release: migrations, then fingerprints and local features of earlier releases.

    Exit 1 where a stored picture could not be read again; the others are done.
    """
    settings = load()
    if settings.database_url:
        database = Database(make_engine(settings.url))
        try:
            database.upgrade()
        finally:
            database.dispose()
    with open_workspace() as work:
        with work.database.reading() as session:
            stale = find_stale(session)
        with console.progress() as progress:
            run = stale.run(work.database, work.store, work.limits)
            done = list(progress.track(run, total=len(stale), description="Reading pictures again"))
        work.describe_new()
    failed = [one for one in done if one.error]
    for one in failed:
        console.say(f"{one.name}: {one.error} [{one.error.code if one.error else ''}]", style="bold red")
    console.say(f"The database is at revision {head()}; {len(done) - len(failed)} pictures were read again.")
    if failed:
        console.say(
            f"{len(failed)} pictures could not be read: restore their files, or retire these designs."
        )
        raise typer.Exit(1)


@db_app.command("info")
def database_info(*, json: Json = False) -> None:
    """Say where the state lies and what is in it."""
    with open_workspace() as work, work.database.reading() as session:
        counts = designs.count_rows(session) | {"checks": count_checks(session)}
        facts = {
            "data_dir": str(work.settings.data_dir.resolve()),
            "database": make_url(work.settings.url).render_as_string(hide_password=True),
            "revision": work.database.revision(),
        }
    _show_info({**facts, "scheme": SCHEME, "policy": work.policy.name, **counts}, json=json)


def _show_info(facts: Mapping[str, Any], *, json: bool) -> None:
    """Facts by name."""
    if json:
        console.json_line(facts)
        return
    shown = console.table("", "")
    shown.show_header = False
    for name, value in facts.items():
        shown.add_row(name.replace("_", " "), Text(str(value)))
    console.out().print(shown)
