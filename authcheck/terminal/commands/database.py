"""Commands that upgrade and inspect the database."""

import typer
from sqlalchemy import make_url

from authcheck.checks.records import count_checks
from authcheck.config import load
from authcheck.registry import designs
from authcheck.registry.disputes import count_open
from authcheck.registry.renewal import Renewed, find_stale
from authcheck.storage.database import Database, head, make_engine
from authcheck.storage.opening import utc_now
from authcheck.terminal.output import console
from authcheck.terminal.output.console import Json
from authcheck.vision.fingerprints.fingerprint import SCHEME
from authcheck.workspace import Workspace, open_workspace

db_app = typer.Typer(no_args_is_help=True, help="Database.")


@db_app.command("upgrade")
def upgrade_database() -> None:
    """Upgrade the database: migrations, old fingerprints and features, comparisons that were never made.

    Exit 1 when a stored picture is unreadable. All other pictures are upgraded.
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
            pictures = list(progress.track(run, total=len(stale), description="Reading pictures again"))
        work.describe_new()
        compared = _compare_registered(work)
    failed = [picture for picture in (*pictures, *compared) if picture.error]
    for picture in failed:
        code = picture.error.code if picture.error else ""
        console.say(f"{picture.name}: {picture.error} [{code}]", style="bold red")
    read_count = sum(not picture.error for picture in pictures)
    console.say(f"The database is at revision {head()}; {read_count} pictures were read again.")
    if failed:
        console.say(
            f"{len(failed)} pictures could not be read. Restore their files, or retire their designs."
        )
        raise typer.Exit(1)


def _compare_registered(work: Workspace) -> list[Renewed]:
    """Compare the registered pictures that were never compared with those of other owners."""
    with work.database.reading() as session:
        uncompared = work.find_uncompared(session)
        before = count_open(session)
    with console.progress() as progress:
        run = uncompared.run(work.database, work.comparer(), work.store, work.limits, utc_now())
        compared = list(
            progress.track(run, total=len(uncompared), description="Comparing pictures of all owners")
        )
    if compared:
        with work.database.reading() as session:
            after = count_open(session)
        console.say(
            f"{len(compared)} registered pictures were compared with those of other owners: {before} disputes"
            f" and resemblances were open before, {after} are open now. See them: authcheck disputes list"
        )
    return compared


@db_app.command("info")
def database_info(*, json: Json = False) -> None:
    """Show where the data is, and its row counts."""
    with open_workspace() as work, work.database.reading() as session:
        counts = designs.count_rows(session) | {
            "views_not_compared": len(work.find_uncompared(session)),
            "open_disputes": count_open(session),
            "checks": count_checks(session),
        }
        facts = {
            "data_dir": str(work.settings.data_dir.resolve()),
            "database": make_url(work.settings.url).render_as_string(hide_password=True),
            "revision": work.database.revision(),
        }
    console.show_facts({**facts, "scheme": SCHEME, "policy": work.policy.name, **counts}, json=json)
