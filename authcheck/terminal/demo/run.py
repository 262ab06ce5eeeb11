"""The sample data, end to end: import the designs, check the listings, compare with the known answers, serve."""

import csv
import shlex
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from rich.text import Text

from authcheck.checks import answers as verify
from authcheck.checks import records
from authcheck.checks.answers import Answer
from authcheck.checks.verdicts import VerdictCode
from authcheck.errors import ImageRejected, Rejected, Unavailable
from authcheck.files.picture_files import read_file
from authcheck.members import api_keys, organisations
from authcheck.registry.bulk import count_statuses, load_from
from authcheck.registry.design_files import read_table
from authcheck.storage.opening import utc_now
from authcheck.terminal.demo import certificates
from authcheck.terminal.output import checks, console, imports
from authcheck.workspace import Workspace

FIXTURES = Path(__file__).parents[3] / "fixtures"
MARKETPLACE = "demo-market"
KEY_LABEL = "demo"
HEADINGS = ("picture", "verdict", "design", "reasons")
MAX_TABLE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Known:
    """A sample listing: its picture's name and the answer that must come out; `design` is a reference or empty."""

    picture: str
    verdict: str
    design: str
    owner: str
    edit: str


def run(work: Workspace, fixtures: Path) -> int:
    """Load, check and print a table; how many known answers did not come out. Raises Rejected without sample data."""
    known = read_known(fixtures)
    _import(work, fixtures)
    with console.progress(on_terminal_only=False) as progress:
        checked = _check(work, fixtures, known)
        answers = list(progress.track(checked, total=len(known), description="Checking the listings"))
    _print_answers(known, answers)
    wrong = sum(not _right(one, given) for one, given in zip(known, answers, strict=True))
    right = len(known) - wrong
    console.say(
        f"{right} of {len(known)} known answers came out.", style="bold red" if wrong else "bold green"
    )
    return wrong + certificates.run(work, fixtures)


def read_known(fixtures: Path) -> list[Known]:
    """The listings and their known answers. Raises Rejected (`demo.fixtures`)."""
    return [
        Known(*(row[name] for name in Known.__slots__))
        for row in _read_rows(fixtures / "listings.csv", Known.__slots__)
    ]


def _read_rows(table: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of one table of the sample data."""
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise Rejected(
            f"No sample data lies in {table.parent}: run this in a checkout of authcheck, or name the folder with "
            "--fixtures.",
            code="demo.fixtures",
        ) from error
    if not rows or any(row.get(column) is None for row in rows for column in columns):
        raise Rejected(f"{table} needs rows with {', '.join(columns)}.", code="demo.fixtures")
    return rows


def _import(work: Workspace, fixtures: Path) -> None:
    with work.database.writing() as session:
        for row in _read_rows(fixtures / "organisations.csv", ("handle", "name", "roles")):
            if organisations.find_organisation(session, row["handle"]) is None:
                roles = row["roles"].split("|")
                organisations.create_organisation(
                    session, handle=row["handle"], name=row["name"], roles=roles, now=utc_now()
                )
    table = fixtures / "designs.csv"
    rows = list(read_table(read_file(table, MAX_TABLE_BYTES), table.name))
    with console.progress(on_terminal_only=False) as progress:
        imported = work.importer().run(rows, load_from(fixtures, work.limits.bytes), owner=None)
        reports = list(progress.track(imported, total=len(rows), description="Registering the designs"))
    for report in reports:
        imports.show_row(report, json=False)
    imports.show_counts(count_statuses(reports), dry_run=False)


def _check(work: Workspace, fixtures: Path, known: Sequence[Known]) -> Iterator[Answer | ImageRejected]:
    for one in known:
        data = read_file(fixtures / one.picture, work.limits.bytes)
        try:
            submission = verify.read_submission(data, work.limits)
        except ImageRejected as error:
            yield error
            continue
        given = verify.answer(work.database, work.finder, submission, work.policy)
        check = records.new_check(given, organisation_id=None, source="demo", name=one.picture, now=utc_now())
        with work.database.writing() as session:
            session.add(check)
        yield given


def _right(one: Known, given: Answer | ImageRejected) -> bool:
    """Whether the known answer came out; a picture with nothing in it shows no design."""
    if isinstance(given, ImageRejected):
        return one.verdict == "none" and given.code == "image.flat"
    verdict, found = given.verdict, given.verdict.candidate
    if verdict.code.value != one.verdict or verdict.code is VerdictCode.NONE:
        return verdict.code.value == one.verdict
    return found is not None and (found.reference, found.owner) == (one.design, one.owner)


def _print_answers(known: Sequence[Known], answers: Sequence[Answer | ImageRejected]) -> None:
    shown = console.table(*HEADINGS, whole=HEADINGS[:3])
    for one, given in zip(known, answers, strict=True):
        words, design, verdict = Text(), "", "rejected"
        if not _right(one, given):
            expected = f"{one.verdict} {one.design} of {one.owner}" if one.design else one.verdict
            words.append(f"expected {expected}. ", style="bold red")
        if isinstance(given, ImageRejected):
            words.append(f"{given} [{given.code}]")
        else:
            verdict, design = given.verdict.code.value, checks.design_name(given.verdict)
            words.append(checks.reasons_text(given.verdict.reasons))
        picture = Text(one.picture.removeprefix("listings/"))
        shown.add_row(picture, console.styled(verdict), Text(design), words)
    console.out().print(shown)


def serve(work: Workspace, fixtures: Path, port: int) -> None:
    """Print the links, a key and a line to try, then serve until Ctrl-C. Another port is taken where this one is busy."""
    port = _free_port(port)
    token = _new_key(work)
    known = read_known(fixtures)
    first = next((one for one in known if one.verdict == "match"), known[0])
    picture = shlex.quote(f"image=@{(fixtures / first.picture).resolve()}")
    here = f"http://127.0.0.1:{port}"
    lines = [
        "",
        f"Page        {here}/",
        f"API         {here}/v1/openapi.json",
        f"API key     {token}",
        f"Try it      curl -H 'Authorization: Bearer {token}' -F {picture} {here}/v1/checks",
        "",
        "Certificates, by their story:",
        *certificates.links(work, fixtures, here),
        "",
        "Ctrl-C ends it.",
    ]
    console.out().print("\n".join(lines), markup=False, soft_wrap=True)
    work.database.dispose()
    uvicorn.run(
        "api.app:create_app",
        factory=True,
        host="127.0.0.1",
        port=port,
        log_level="warning",
        proxy_headers=False,
    )


def _new_key(work: Workspace) -> str:
    """A key of the demo's marketplace; those of earlier runs end, because a lost token cannot be shown again."""
    now = utc_now()
    with work.database.writing() as session:
        market = organisations.find_organisation(session, MARKETPLACE) or organisations.create_organisation(
            session, handle=MARKETPLACE, name="Demo market", roles=["marketplace"], now=now
        )
        for key in api_keys.list_keys(session, market.id, limit=1000):
            if key.label == KEY_LABEL:
                api_keys.revoke_key(session, key.id, organisation_id=market.id, now=now)
        _, token = api_keys.create_key(session, market, label=KEY_LABEL, scopes=["listings:check"], now=now)
    return token


def _free_port(wanted: int) -> int:
    last = min(wanted + 19, 65535)
    for port in range(wanted, last + 1):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise Unavailable(f"The ports {wanted} to {last} are all in use.", code="serve.no_port")
