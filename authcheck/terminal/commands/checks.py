"""Commands that check single pictures and folders, and replay stored checks."""

import io
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, TextIO, cast

import typer

from authcheck.checks import answers, evidence, records
from authcheck.checks.replay import replay as replay_check
from authcheck.checks.scan import CsvWriter, csv_rows, walk
from authcheck.checks.scan import scan as run_scan
from authcheck.checks.tables import Check
from authcheck.checks.verdicts import VerdictCode
from authcheck.errors import Rejected
from authcheck.files.folders import skipped_text
from authcheck.files.picture_files import read_file, read_stream
from authcheck.files.writing import Guarded, translated_write_errors
from authcheck.storage.opening import utc_now
from authcheck.terminal.output import checks as output
from authcheck.terminal.output import console
from authcheck.terminal.output.console import Json
from authcheck.workspace import Workspace, open_workspace

Fast = Annotated[bool, typer.Option("--fast", help="Use hashes only. Fast, but misses prints and crops.")]


def check(
    pictures: Annotated[
        list[str], typer.Argument(metavar="PICTURE...", help="Picture files. - is standard input.")
    ],
    *,
    json: Json = False,
    fast: Fast = False,
    explain: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the match to a .png, .jpg or .webp. For one picture only."),
    ] = None,
) -> None:
    """Find the registered design in each picture.

    Exit 0: none found, 1: design found, 3: picture unreadable.
    """
    if explain is not None:
        evidence.format_for(explain)
        if len(pictures) > 1:
            raise Rejected(
                "--explain works with one picture. Check the pictures one by one.",
                code="evidence.one_picture",
            )
    with open_workspace(fast=fast) as work:
        verdicts = [_check_one(work, name, json=json, explain=explain) for name in pictures]
    raise typer.Exit(output.exit_code(verdicts))


def _check_one(work: Workspace, name: str, *, json: bool, explain: Path | None) -> VerdictCode | None:
    """Check, store, show and explain one picture.

    Return its verdict, or None when the picture is unreadable.
    """
    limit = work.limits.bytes
    try:
        data = read_stream(_open_input(), limit) if name == "-" else read_file(name, limit)
        stored, answer = records.check_picture(
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
    output.show_check(name, stored.id, answer, json=json)
    if explain is not None:
        _draw_evidence(work, data, stored, explain)
    return answer.verdict.code


def _open_input() -> BinaryIO:
    """Return the standard input, which is empty when the command was started without one."""
    return sys.stdin.buffer if sys.stdin else io.BytesIO()


def _draw_evidence(work: Workspace, data: bytes, stored: Check, path: Path) -> None:
    with work.database.reading() as session:
        findings = evidence.found_in(session, [stored])[stored.id]
    evidence.explain(data, findings, work.store, work.limits, path=path)
    console.say(output.explained(path, findings))


def _show_unreadable(name: str, error: Rejected, *, json: bool) -> None:
    if json:
        console.json_line(
            {"query": name, "error": {"code": error.code, "detail": str(error), **error.params}}
        )
    else:
        console.say(f"{name}: {error} [{error.code}]", style="red")


def scan(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Pictures, folders, ZIP archives.")],
    *,
    output: Annotated[
        Path | None, typer.Option("--csv", help="File to write. Default: standard output.")
    ] = None,
    top: Annotated[
        int,
        typer.Option(min=0, help="List the best N designs, also below the thresholds. 0: the answer only."),
    ] = 0,
    fast: Fast = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = os.cpu_count() or 1,
) -> None:
    """Check many pictures on all cores and write a CSV. An unreadable picture gets a row with its error.

    Exit 0 when every picture was tried, also if some are unreadable.
    """
    names, left_out = _find_pictures(paths)
    tally: Counter[str] = Counter()
    with ExitStack() as stack:
        work = stack.enter_context(open_workspace(fast=fast))
        file = stack.enter_context(_open_output(output)) if output else cast("TextIO", console.DataLines())
        writer = CsvWriter(file)
        progress = stack.enter_context(console.progress())
        results = run_scan(
            work.database,
            work.settings,
            names,
            policy=work.policy,
            designs=max(top, answers.DESIGNS),
            workers=workers,
            now=utc_now,
        )
        for result in progress.track(results, total=len(names), description="Scanning"):
            writer.write(csv_rows(result, work.policy, top))
            tally[result.answer.verdict.code.value if result.answer else "unreadable"] += 1
    counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(tally.items()))
    console.say(f"{len(names)} pictures: {counts}.{left_out}")


def _find_pictures(paths: list[str]) -> tuple[list[str], str]:
    """Return the pictures to scan, and a sentence on files left out. Raises Rejected (`scan.no_pictures`)."""
    found = walk(paths)
    left_out = f" {skipped_text(found.skipped)}" if found.skipped else ""
    if not found.paths:
        raise Rejected(
            f"We found no pictures. Name a folder with pictures.{left_out}", code="scan.no_pictures"
        )
    return found.paths, left_out


@contextmanager
def _open_output(path: Path) -> Iterator[TextIO]:
    with translated_write_errors(path):
        # buffer single lines, so that a user can follow the file; escape file names that are not UTF-8
        file = Guarded(path.open("w", 1, newline="", encoding="utf-8", errors="backslashreplace"), str(path))
    try:
        yield cast("TextIO", file)
    finally:
        file.close()


def replay(check_id: Annotated[str, typer.Argument(metavar="CHECK_ID")], *, json: Json = False) -> None:
    """Repeat a stored check with the registry of its time. Exit 0: same answer, 1: the answer differs."""
    with open_workspace() as work:
        replayed = replay_check(work.database, work.finder, check_id)
    output.show_replay(replayed, json=json)
    raise typer.Exit(1 if replayed.changes else 0)
