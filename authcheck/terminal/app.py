"""The command line: every command a thin call of the core."""

import io
import os
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, TextIO

import typer
import uvicorn

from authcheck import __version__
from authcheck.checks import answers, evidence, records
from authcheck.checks.replay import replay as replay_check
from authcheck.checks.scan import CsvWriter, csv_rows, walk
from authcheck.checks.scan import scan as run_scan
from authcheck.checks.tables import Check
from authcheck.checks.verdicts import VerdictCode
from authcheck.errors import AuthcheckError, NotTrue, Rejected, StorageFailed, Unavailable
from authcheck.files.picture_files import read_file, read_stream
from authcheck.terminal.commands import (
    anchors,
    api_keys,
    certificates,
    database,
    designs,
    labels,
    ledger,
    licences,
    listings,
    lookups,
    negatives,
    organisations,
    signing_keys,
    storefronts,
)
from authcheck.terminal.demo import run
from authcheck.terminal.output import console
from authcheck.terminal.output.console import Json
from authcheck.workspace import Workspace, open_workspace, utc_now

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Find registered designs in pictures; issue and verify certificates.",
)
app.add_typer(designs.designs_app, name="designs")
app.add_typer(negatives.negatives_app, name="negatives")
app.add_typer(ledger.ledger_app, name="ledger")
app.add_typer(certificates.certificates_app, name="certificates")
app.add_typer(licences.licences_app, name="licences")
app.add_typer(signing_keys.signing_keys_app, name="signing-keys")
app.command("labels")(labels.print_labels)
app.add_typer(storefronts.storefronts_app, name="storefronts")
app.command("verify-badge")(storefronts.verify_badge)
app.command("who-may-sell")(storefronts.who_may_sell)
app.add_typer(organisations.organisations_app, name="organisations")
app.add_typer(api_keys.keys_app, name="keys")
app.add_typer(database.db_app, name="db")
app.add_typer(anchors.anchors_app, name="anchors")
app.command("check-listing")(listings.check_listing)
app.add_typer(listings.listings_app, name="listings")
app.command("lookup")(lookups.look_up)
app.command("verify-bundle")(lookups.verify_bundle)

Fast = Annotated[
    bool, typer.Option("--fast", help="Ask hashes only: much faster, blind to prints and crops.")
]


@app.command()
def check(
    pictures: Annotated[
        list[str], typer.Argument(metavar="PICTURE...", help="Picture files; - reads standard input.")
    ],
    *,
    json: Json = False,
    fast: Fast = False,
    explain: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Draw what was found, and where, to a .png, .jpg or .webp; for one picture."
        ),
    ] = None,
) -> None:
    """Say which registered design each picture shows. Exit 0: none, 1: a design was found, 3: some cannot be read."""
    if explain is not None:
        evidence.format_for(explain)
        if len(pictures) > 1:
            raise Rejected("--explain takes one picture.", code="evidence.one_picture")
    with open_workspace(fast=fast) as work:
        verdicts = [_check(work, name, json=json, explain=explain) for name in pictures]
    raise typer.Exit(console.exit_code(verdicts))


def _check(work: Workspace, name: str, *, json: bool, explain: Path | None) -> VerdictCode | None:
    """Check, store, show and explain one picture; None where it cannot be read."""
    limit = work.limits.bytes
    try:
        data = read_stream(sys.stdin.buffer, limit) if name == "-" else read_file(name, limit)
        stored, given = records.check_picture(
            work.database,
            work.finder,
            data,
            limits=work.limits,
            policy=work.policy,
            organisation_id=None,
            source="cli",
            name=name,
            now=utc_now(),
        )
    except Rejected as error:
        _show_unreadable(name, error, json=json)
        return None
    console.show_check(name, stored.id, given, json=json)
    if explain is not None:
        _explain(work, data, stored, explain)
    return given.verdict.code


def _explain(work: Workspace, data: bytes, stored: Check, path: Path) -> None:
    with work.database.reading() as session:
        found = evidence.found_in(session, [stored])[stored.id]
    evidence.explain(data, found, work.store, work.limits, path=path)
    console.say(console.explained(path, found))


def _show_unreadable(name: str, error: Rejected, *, json: bool) -> None:
    if json:
        console.json_line(
            {"query": name, "error": {"code": error.code, "detail": str(error), **error.params}}
        )
    else:
        console.say(f"{name}: {error} [{error.code}]", style="red")


@app.command()
def scan(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Pictures and folders of pictures.")],
    *,
    output: Annotated[
        Path | None, typer.Option("--csv", help="File to write; standard output without it.")
    ] = None,
    top: Annotated[
        int,
        typer.Option(min=0, help="Best N designs a picture, below the thresholds too; 0: the answer only."),
    ] = 0,
    fast: Fast = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = os.cpu_count() or 1,
) -> None:
    """Check many pictures on all cores and write a CSV, a row a picture; unreadable ones get a row with the error.

    Exit 0 when all were looked at, readable or not.
    """
    names = walk(paths)
    if not names:
        raise Rejected("No pictures lie there.", code="scan.no_pictures")
    tally: Counter[str] = Counter()
    with ExitStack() as stack:
        work = stack.enter_context(open_workspace(fast=fast))
        file = stack.enter_context(_open_output(output)) if output else sys.stdout
        writer = CsvWriter(file)
        progress = stack.enter_context(console.progress())
        scanned = run_scan(
            work.database,
            work.settings,
            names,
            policy=work.policy,
            designs=max(top, answers.DESIGNS),
            workers=workers,
            now=utc_now,
        )
        for one in progress.track(scanned, total=len(names), description="Scanning"):
            writer.write(csv_rows(one, work.policy, top))
            tally[one.answer.verdict.code.value if one.answer else "unreadable"] += 1
    counts = ", ".join(f"{count} {word}" for word, count in sorted(tally.items()))
    console.say(f"{len(names)} pictures: {counts}.")


def _open_output(path: Path) -> TextIO:
    try:
        # line by line, so that the file can be watched; odd file names are escaped
        return path.open("w", 1, newline="", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise StorageFailed(
            f"{path} cannot be written: {error.strerror}.", code="storage.read_only", path=str(path)
        ) from error


@app.command()
def replay(check_id: Annotated[str, typer.Argument(metavar="CHECK_ID")], *, json: Json = False) -> None:
    """Ask a stored check again as the registry then stood. Exit 0: the same answer, 1: it says what changed."""
    with open_workspace() as work:
        replayed = replay_check(work.database, work.finder, check_id)
    console.show_replay(replayed, json=json)
    raise typer.Exit(1 if replayed.changes else 0)


@app.command()
def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes; one per core on a busy server.")] = 1,
) -> None:
    """Serve the page and the API."""
    with open_workspace() as work:  # complain here, before a server starts
        work.copies.sweep(utc_now())
    console.say(f"authcheck {__version__} on http://{host}:{port}/ (Ctrl-C ends it)")
    uvicorn.run(
        "api.app:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_level="warning",
        proxy_headers=False,  # AUTHCHECK_TRUSTED_PROXIES says whose X-Forwarded-For is believed
    )


@app.command()
def demo(
    *,
    serve: Annotated[bool, typer.Option(help="Serve page and API afterwards.")] = True,
    fixtures: Annotated[Path, typer.Option(help="Folder of the sample data.")] = run.FIXTURES,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
) -> None:
    """Load the sample data, check every sample picture, then serve. Exit 1 if a known answer did not come out."""
    with open_workspace() as work:
        wrong = run.run(work, fixtures)
        if serve:
            run.serve(work, fixtures, port)
    raise typer.Exit(1 if wrong else 0)


def main() -> None:
    """The entry point: errors become one line, a code and an exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names need not be text
    try:
        app(prog_name="authcheck")
    except AuthcheckError as error:
        path = str(error.params.get("path", ""))
        where = f"{path}: " if path not in str(error) else ""
        console.say(f"authcheck: {where}{error} [{error.code}]", style="red")
        sys.exit(3 if isinstance(error, Unavailable) else 1 if isinstance(error, NotTrue) else 2)
