"""The demo: import the sample designs, check the sample listings, compare with expected answers, serve."""

import os
import shlex
import socket
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.text import Text
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from authcheck.checks import answers as verify
from authcheck.checks import records
from authcheck.checks.answers import Answer
from authcheck.checks.tables import Check
from authcheck.checks.verdicts import Reason, VerdictCode
from authcheck.errors import ImageRejected, Unavailable
from authcheck.files.picture_files import read_file
from authcheck.members import api_keys, organisations
from authcheck.registry.design_files import RowProblem, load_from, read_table
from authcheck.registry.reports import count_statuses
from authcheck.registry.tables import Design
from authcheck.storage.opening import utc_now
from authcheck.terminal import server
from authcheck.terminal.demo import certificates, market, people, samples
from authcheck.terminal.demo.samples import KnownAnswer
from authcheck.terminal.demo.tables import read_rows
from authcheck.terminal.output import checks, console, imports
from authcheck.workspace import Workspace

FIXTURES = Path(__file__).parents[3] / "fixtures"
KEY_LABEL = "demo"
SOURCE = "demo"
FLAT = "image.flat"  # the code of an empty picture
HEADINGS = ("picture", "verdict", "design", "reasons")
MAX_TABLE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Shown:
    """What the check of a sample picture says: verdict, the design's reference and owner, and the reasons."""

    verdict: str
    reference: str = ""
    owner: str = ""
    reasons: str = ""

    @property
    def design(self) -> str:
        """Return the design for people."""
        return f"{self.reference} of {self.owner}" if self.reference else ""


def run(work: Workspace, fixtures: Path, *, whole: bool = False, verbose: bool = False) -> int:
    """Load and check the sample data, print the answers, and return the number of wrong answers.

    `whole` takes all sample pictures and designs, and not one of each kind. `verbose` prints a row for each
    picture. What an earlier run has loaded and checked is not done again. Raises Rejected (`demo.fixtures`)
    without sample data.
    """
    known = samples.read_known(fixtures)
    listings = known if whole else samples.choose(fixtures, known)
    answers: dict[str, Answer] = {}
    if _is_loaded(work, fixtures, listings):
        console.say("The sample data is here already, as an earlier run has checked it.")
    else:
        _import_samples(work, fixtures, None if whole else samples.designs_of(fixtures, listings))
        answers = _check_listings(work, fixtures, listings)
    shown = _read_shown(work, listings)
    wrong_count = _print_answers(listings, shown, verbose=verbose)
    units = certificates.play_stories(work, fixtures)
    wrong_count += market.run(work, fixtures, answers)
    return wrong_count + certificates.compare(work, units)


def _is_loaded(work: Workspace, fixtures: Path, listings: Sequence[KnownAnswer]) -> bool:
    """Return whether an earlier run has checked these pictures and handed all listings in."""
    with work.database.reading() as session:
        checked = set(session.scalars(select(Check.picture_name).where(Check.source == SOURCE)))
    rest = [listing for listing in listings if listing.picture not in checked]
    return market.is_handed_in(work, fixtures) and all(_is_flat(work, fixtures, one) for one in rest)


def _is_flat(work: Workspace, fixtures: Path, listing: KnownAnswer) -> bool:
    """Return whether a picture is refused as empty. Such a picture has no check."""
    try:
        verify.read_submission(read_file(fixtures / listing.picture, work.limits.bytes), work.limits)
    except ImageRejected as error:
        return error.code == FLAT
    return False


def _import_samples(work: Workspace, fixtures: Path, wanted: Collection[tuple[str, str]] | None) -> None:
    """Create the sample organisations and register the sample designs, or those that are wanted."""
    with work.database.writing() as session:
        for row in read_rows(fixtures / "organisations.csv", ("handle", "name", "roles")):
            if organisations.find_organisation(session, row["handle"]) is None:
                roles = row["roles"].split("|")
                organisations.create_organisation(
                    session, handle=row["handle"], name=row["name"], roles=roles, now=utc_now()
                )
    table = fixtures / "designs.csv"
    rows = [
        row
        for row in read_table(read_file(table, MAX_TABLE_BYTES), table.name)
        if wanted is None or isinstance(row, RowProblem) or (row.owner, row.new.reference) in wanted
    ]
    with console.progress(on_terminal_only=False) as progress:
        imported = work.importer().run(rows, load_from(fixtures, work.limits.bytes), owner=None)
        reports = list(progress.track(imported, total=len(rows), description="Registering the designs"))
    for report in reports:
        imports.show_row(report, json=False)
    imports.show_counts(count_statuses(reports), {}, dry_run=False)


def _check_listings(work: Workspace, fixtures: Path, listings: Sequence[KnownAnswer]) -> dict[str, Answer]:
    """Check the listings' pictures on all cores, and store the checks. Return the answers by picture."""
    answers: dict[str, Answer] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool, console.progress(on_terminal_only=False) as progress:
        checked = pool.map(partial(_check, work, fixtures), listings)
        for listing, answer in zip(
            listings,
            progress.track(checked, total=len(listings), description="Checking the listings"),
            strict=True,
        ):
            if answer is None:
                continue
            answers[listing.picture] = answer
            check = records.new_check(
                answer, organisation_id=None, source=SOURCE, name=listing.picture, now=utc_now()
            )
            with work.database.writing() as session:
                session.add(check)
    return answers


def _check(work: Workspace, fixtures: Path, listing: KnownAnswer) -> Answer | None:
    """Return the answer about a picture, None for an empty picture (`image.flat`)."""
    data = read_file(fixtures / listing.picture, work.limits.bytes)
    try:
        submission = verify.read_submission(data, work.limits)
    except ImageRejected as error:
        if error.code != FLAT:
            raise
        return None
    return verify.answer(work.database, work.finder, submission, work.policy)


def _read_shown(work: Workspace, listings: Sequence[KnownAnswer]) -> list[Shown]:
    """Return the newest stored check of each picture. An empty picture shows nothing."""
    query = select(Check).where(Check.source == SOURCE).order_by(Check.id)
    query = query.options(joinedload(Check.design).joinedload(Design.owner))
    with work.database.reading() as session:
        newest = {check.picture_name: check for check in session.scalars(query)}
        return [_shown(newest.get(listing.picture)) for listing in listings]


def _shown(check: Check | None) -> Shown:
    if check is None:
        return Shown("none", reasons=f"almost one colour, nothing to compare [{FLAT}]")
    reasons = checks.reasons_text(Reason(**reason) for reason in check.reasons)
    design = check.design
    if design is None or check.verdict == VerdictCode.NONE.value:
        return Shown(check.verdict, reasons=reasons)
    return Shown(check.verdict, design.reference, design.owner.handle, reasons)


def _is_right(listing: KnownAnswer, shown: Shown) -> bool:
    """Return whether the answer is the expected answer."""
    if listing.verdict == VerdictCode.NONE.value:
        return shown.verdict == listing.verdict
    expected = (listing.verdict, listing.design, listing.owner)
    return (shown.verdict, shown.reference, shown.owner) == expected


def _print_answers(listings: Sequence[KnownAnswer], shown: Sequence[Shown], *, verbose: bool) -> int:
    """Print a row for each group of pictures, or for each picture, and each wrong answer in full.

    Return how many answers are wrong.
    """
    pairs = list(zip(listings, shown, strict=True))
    wrong = [pair for pair in pairs if not _is_right(*pair)]
    if not verbose:
        _print_groups(pairs)
    if verbose or wrong:
        _print_rows(pairs if verbose else wrong)
    console.say(
        f"{len(pairs) - len(wrong)} of {len(pairs)} answers are as expected.",
        style="bold red" if wrong else "bold green",
    )
    return len(wrong)


def _print_groups(pairs: Sequence[tuple[KnownAnswer, Shown]]) -> None:
    table = console.table("pictures", "right", "for example", whole=("pictures", "right"))
    for group in dict.fromkeys((*samples.GROUPS, *(listing.group for listing, _ in pairs))):
        members = [pair for pair in pairs if pair[0].group == group]
        if members:
            right = sum(_is_right(*pair) for pair in members)
            listing, found = members[0]
            example = Text(f"{_name(listing)}: ").append(console.styled(found.verdict))
            if found.design:
                example.append(f" {found.reference}")
            table.add_row(group, f"{right} of {len(members)}", example)
    console.out().print(table)


def _print_rows(pairs: Sequence[tuple[KnownAnswer, Shown]]) -> None:
    table = console.table(*HEADINGS, whole=HEADINGS[1:3])
    for listing, found in pairs:
        explanation = Text()
        if not _is_right(listing, found):
            design = f" {listing.design} of {listing.owner}" if listing.design else ""
            explanation.append(f"expected {listing.verdict}{design}. ", style="bold red")
        explanation.append(found.reasons)
        table.add_row(Text(_name(listing)), console.styled(found.verdict), Text(found.design), explanation)
    console.out().print(table)


def _name(listing: KnownAnswer) -> str:
    return listing.picture.removeprefix("listings/")


def serve(work: Workspace, fixtures: Path, port: int) -> None:
    """Print the links, a key and a command to try, then serve until Ctrl-C.

    Uses a later port when `port` is busy.
    """
    port = find_free_port(port)
    token = _new_key(work)
    listings = samples.read_known(fixtures)
    sample = next((listing for listing in listings if listing.verdict == "match"), listings[0])
    picture = shlex.quote(f"image=@{(fixtures / sample.picture).resolve()}")
    here = f"http://127.0.0.1:{port}"
    lines = [
        "",
        f"Page        {here}/",
        f"API         {here}/docs",
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
