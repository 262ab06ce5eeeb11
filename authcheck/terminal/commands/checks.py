"""Commands that check pictures: one by one, whole folders, and stored checks once more."""

import os
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, TextIO

import typer

from authcheck.checks import answers, evidence, records
from authcheck.checks.replay import replay as replay_check
from authcheck.checks.scan import CsvWriter, csv_rows, walk
from authcheck.checks.scan import scan as run_scan
from authcheck.checks.tables import Check
from authcheck.checks.verdicts import VerdictCode
from authcheck.errors import Rejected
from authcheck.files.picture_files import read_file, read_stream
from authcheck.files.writing import translated_write_errors
from authcheck.storage.opening import utc_now
from authcheck.terminal.output import checks as output
from authcheck.terminal.output import console
from authcheck.terminal.output.console import Json
from authcheck.workspace import Workspace, open_workspace

Fast = Annotated[
    bool, typer.Option("--fast", help="Ask hashes only: much faster, blind to prints and crops.")
]


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
    raise typer.Exit(output.exit_code(verdicts))


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
    output.show_check(name, stored.id, given, json=json)
    if explain is not None:
        _explain(work, data, stored, explain)
    return given.verdict.code


def _explain(work: Workspace, data: bytes, stored: Check, path: Path) -> None:
    with work.database.reading() as session:
        found = evidence.found_in(session, [stored])[stored.id]
    evidence.explain(data, found, work.store, work.limits, path=path)
    console.say(output.explained(path, found))


def _show_unreadable(name: str, error: Rejected, *, json: bool) -> None:
    if json:
        console.json_line(
            {"query": name, "error": {"code": error.code, "detail": str(error), **error.params}}
        )
    else:
        console.say(f"{name}: {error} [{error.code}]", style="red")


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
        raise Rejected("We found no pictures there.", code="scan.no_pictures")
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
    with translated_write_errors(path):
        # line by line, so that the file can be watched; odd file names are escaped
        return path.open("w", 1, newline="", encoding="utf-8", errors="backslashreplace")


def replay(check_id: Annotated[str, typer.Argument(metavar="CHECK_ID")], *, json: Json = False) -> None:
    """Ask a stored check again as the registry then stood. Exit 0: the same answer, 1: it says what changed."""
    with open_workspace() as work:
        replayed = replay_check(work.database, work.finder, check_id)
    output.show_replay(replayed, json=json)
    raise typer.Exit(1 if replayed.changes else 0)
