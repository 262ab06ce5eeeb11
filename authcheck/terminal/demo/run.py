"""The demo: import the sample designs, check the sample listings, compare with expected answers, serve."""

import shlex
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from authcheck.checks import answers as verify
from authcheck.checks import records
from authcheck.checks.answers import Answer
from authcheck.checks.verdicts import VerdictCode
from authcheck.errors import ImageRejected, Unavailable
from authcheck.files.picture_files import read_file
from authcheck.members import api_keys, organisations
from authcheck.registry.design_files import load_from, read_table
from authcheck.registry.reports import count_statuses
from authcheck.storage.opening import utc_now
from authcheck.terminal import server
from authcheck.terminal.demo import certificates, market, people
from authcheck.terminal.demo.tables import read_rows
from authcheck.terminal.output import checks, console, imports
from authcheck.workspace import Workspace

FIXTURES = Path(__file__).parents[3] / "fixtures"
KEY_LABEL = "demo"
HEADINGS = ("picture", "verdict", "design", "reasons")
MAX_TABLE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """A sample listing: its picture's name and the expected answer. `design` is a reference or empty."""

    picture: str
    verdict: str
    design: str
    owner: str
    edit: str


def run(work: Workspace, fixtures: Path) -> int:
    """Load and check the sample data, print the answers, and return the number of wrong answers.

    Raises Rejected (`demo.fixtures`) without sample data.
    """
    listings = read_known(fixtures)
    _import_samples(work, fixtures)
    with console.progress(on_terminal_only=False) as progress:
        checked = _check_listings(work, fixtures, listings)
        answers = list(progress.track(checked, total=len(listings), description="Checking the listings"))
    _print_answers(listings, answers)
    wrong_count = sum(
        not _is_right(listing, answer) for listing, answer in zip(listings, answers, strict=True)
    )
    console.say(
        f"{len(listings) - wrong_count} of {len(listings)} answers are as expected.",
        style="bold red" if wrong_count else "bold green",
    )
    units = certificates.play_stories(work, fixtures)
    read = {
        listing.picture: answer
        for listing, answer in zip(listings, answers, strict=True)
        if isinstance(answer, Answer)
    }
    wrong_count += market.run(work, fixtures, read)
    return wrong_count + certificates.compare(work, units)


def read_known(fixtures: Path) -> list[KnownAnswer]:
    """Return the sample listings with their expected answers. Raises Rejected (`demo.fixtures`)."""
    return [KnownAnswer(**row) for row in read_rows(fixtures / "listings.csv", KnownAnswer.__slots__)]


def _import_samples(work: Workspace, fixtures: Path) -> None:
    """Create the sample organisations and register the sample designs."""
    with work.database.writing() as session:
        for row in read_rows(fixtures / "organisations.csv", ("handle", "name", "roles")):
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
    imports.show_counts(count_statuses(reports), {}, dry_run=False)


def _check_listings(
    work: Workspace, fixtures: Path, listings: Sequence[KnownAnswer]
) -> Iterator[Answer | ImageRejected]:
    """Check and store the pictures of the listings. Yield their answers in order."""
    for listing in listings:
        data = read_file(fixtures / listing.picture, work.limits.bytes)
        try:
            submission = verify.read_submission(data, work.limits)
        except ImageRejected as error:
            yield error
            continue
        answer = verify.answer(work.database, work.finder, submission, work.policy)
        check = records.new_check(
            answer, organisation_id=None, source="demo", name=listing.picture, now=utc_now()
        )
        with work.database.writing() as session:
            session.add(check)
        yield answer


def _is_right(listing: KnownAnswer, answer: Answer | ImageRejected) -> bool:
    """Return whether the answer is the expected answer. An empty picture (`image.flat`) shows no design."""
    if isinstance(answer, ImageRejected):
        return listing.verdict == "none" and answer.code == "image.flat"
    verdict, candidate = answer.verdict, answer.verdict.candidate
    if verdict.code.value != listing.verdict or verdict.code is VerdictCode.NONE:
        return verdict.code.value == listing.verdict
    return candidate is not None and (candidate.reference, candidate.owner) == (listing.design, listing.owner)


def _print_answers(listings: Sequence[KnownAnswer], answers: Sequence[Answer | ImageRejected]) -> None:
    table = console.table(*HEADINGS, whole=HEADINGS[:3])
    for listing, answer in zip(listings, answers, strict=True):
        explanation, design, verdict = Text(), "", "rejected"
        if not _is_right(listing, answer):
            design_part = f" {listing.design} of {listing.owner}" if listing.design else ""
            explanation.append(f"expected {listing.verdict}{design_part}. ", style="bold red")
        if isinstance(answer, ImageRejected):
            explanation.append(f"{answer} [{answer.code}]")
        else:
            verdict, design = answer.verdict.code.value, checks.design_name(answer.verdict)
            explanation.append(checks.reasons_text(answer.verdict.reasons))
        picture = Text(listing.picture.removeprefix("listings/"))
        table.add_row(picture, console.styled(verdict), Text(design), explanation)
    console.out().print(table)


def serve(work: Workspace, fixtures: Path, port: int) -> None:
    """Print the links, a key and a command to try, then serve until Ctrl-C.

    Uses a later port when `port` is busy.
    """
    port = find_free_port(port)
    token = _new_key(work)
    listings = read_known(fixtures)
    sample = next((listing for listing in listings if listing.verdict == "match"), listings[0])
    picture = shlex.quote(f"image=@{(fixtures / sample.picture).resolve()}")
    here = f"http://127.0.0.1:{port}"
    lines = [
        "",
        f"Page        {here}/",
        f"API         {here}/v1/openapi.json",
        f"API key     {token}",
        f"Try it      curl -H 'Authorization: Bearer {token}' -F {picture} {here}/v1/checks",
        "",
        "Certificates, by story:",
        *certificates.links(work, fixtures, here),
        "",
        *people.sign_in_lines(work, brand=_first_brand(fixtures), market=market.HANDLE, here=here),
        "",
        "Press Ctrl-C to stop.",
    ]
    console.out().print("\n".join(lines), markup=False, soft_wrap=True)
    work.database.dispose()
    server.run(work.settings, host="127.0.0.1", port=port)


def _first_brand(fixtures: Path) -> str:
    """Return the handle of the first brand of the sample data."""
    rows = read_rows(fixtures / "organisations.csv", ("handle", "name", "roles"))
    return next((row["handle"] for row in rows if "brand" in row["roles"].split("|")), rows[0]["handle"])


def _new_key(work: Workspace) -> str:
    """Return a new API key of the demo's marketplace.

    Revoke its older keys, whose tokens we cannot show again.
    """
    now = utc_now()
    with work.database.writing() as session:
        marketplace = organisations.get_organisation(session, market.HANDLE)
        for key in api_keys.list_keys(session, marketplace.id, limit=1000):
            if key.label == KEY_LABEL:
                api_keys.revoke_key(session, key.id, organisation_id=marketplace.id, now=now)
        _, token = api_keys.create_key(
            session, marketplace, label=KEY_LABEL, scopes=["listings:check"], now=now
        )
    return token


def find_free_port(first: int) -> int:
    """Return the first free port from `first` on, among 20 ports. Raises Unavailable (`serve.no_port`)."""
    last = min(first + 19, 65535)
    for port in range(first, last + 1):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise Unavailable(
        f"The ports {first} to {last} are all in use. Choose another port with --port.", code="serve.no_port"
    )
