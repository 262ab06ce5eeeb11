"""Flow: a newcomer runs the demo with the sample data, end to end."""

import contextlib
import csv
import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import make
import pytest
from registry_state import rows_of
from sqlalchemy import select

from authcheck.cases.notice_tables import Hit, NoticeRow
from authcheck.errors import Unavailable
from authcheck.licences.tables import Licence
from authcheck.terminal.demo.run import find_free_port
from authcheck.terminal.demo.samples import KnownAnswer, choose, designs_of, read_known
from authcheck.workspace import Workspace

ORGANISATIONS = [
    ("handle", "name", "roles"),
    ("acme", "Acme", "brand"),
    ("demo-market", "Market", "marketplace"),
]
PRODUCTS = [
    ("owner", "design", "gtin", "lot", "product", "units", "story"),
    ("acme", "A-1", "9520001000010", "L1", "Tin", "2", "good"),
    ("acme", "A-1", "9520001000027", "L2", "Cup", "1", "revoked"),
    ("acme", "A-1", "9520001000034", "L3", "Mug", "1", "forged"),
    ("acme", "A-1", "9520001000041", "L4", "Bag", "1", "copied"),
]
LICENCES = [
    ("licensee", "name", "owner", "designs", "territories", "goods", "starts", "ends", "state"),
    ("printer", "Printer", "acme", "A-1", "DE|FR", "16", "-9", "9", "amended"),
]
OFFER = ("listings/copy.jpg", "Shop", "DE", "16", "9.90 EUR", "Tin", "5")
OFFERS = [
    ("reference", "seller", "shop_of", "certificate", "verdict", "case", "reported", "picture", "seller_name",
     "territory", "goods", "price", "title", "sold_30d"),
    ("B-1", "printer-shop", "printer", "", "licensed", "", "", *OFFER),
    ("B-2", "stranger", "", "", "unlicensed_use", "A", "acme/A-1/counterfeit", *OFFER),
    ("B-3", "stranger", "", "", "unlicensed_use", "A", "acme/A-1/counterfeit", *OFFER),
    ("B-4", "liar", "", "9520001000027", "certificate_invalid", "B", "", *OFFER),
    ("B-5", "copier", "", "9520001000041", "clone_suspected", "D", "", *OFFER),
]  # fmt: skip
LISTINGS = [
    ("picture", "verdict", "design", "owner", "edit"),
    ("listings/copy.jpg", "match", "A-1", "acme", "recompressed"),
    ("listings/other.png", "none", "", "", "unrelated"),
    ("listings/flat.png", "none", "", "", "unrelated"),
]


def write(table: Path, rows: list[tuple[str, ...]]) -> None:
    """One table of the sample data."""
    with table.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture
def fixtures(tmp_path: Path) -> Path:
    """Minimal sample data, in a folder whose name needs quoting."""
    folder = tmp_path / "it's sample data"
    for name in ("designs", "listings"):
        (folder / name).mkdir(parents=True)
    (folder / "designs" / "a.png").write_bytes(make.picture_bytes(0))
    (folder / "listings" / "copy.jpg").write_bytes(make.picture_bytes(0, "JPEG", quality=60))
    (folder / "listings" / "other.png").write_bytes(make.picture_bytes(1))
    (folder / "listings" / "flat.png").write_bytes(make.encode(make.Image.new("RGB", (64, 64), "grey")))
    write(folder / "organisations.csv", ORGANISATIONS)
    write(folder / "designs.csv", [("reference", "owner", "picture"), ("A-1", "acme", "designs/a.png")])
    write(folder / "listings.csv", LISTINGS)
    write(folder / "products.csv", PRODUCTS)
    write(folder / "licences.csv", LICENCES)
    write(folder / "offers.csv", OFFERS)
    return folder


@pytest.mark.slow
def test_all_known_answers_come_out(cli: Any, fixtures: Path) -> None:
    """With --all --verbose the demo prints a row of picture, verdict, design and reasons, and exits with 0."""
    done = cli("demo", "--no-serve", "--all", "--verbose", "--fixtures", fixtures)
    assert done.code == 0
    assert "1 registered" in done.err
    assert "3 of 3 answers are as expected." in done.err
    table = [re.split(r"\s{2,}", line.strip()) for line in done.out.splitlines()]
    assert table[1][:3] == ["copy.jpg", "match", "A-1 of acme"]
    assert table[2][:2] == ["other.png", "none"]
    assert "[image.flat]" in done.out


@pytest.mark.slow
def test_one_row_for_each_kind_of_picture(cli: Any, fixtures: Path) -> None:
    """Without --verbose a row counts the pictures of a kind and shows an example, and fits 80 columns."""
    done = cli("demo", "--no-serve", "--fixtures", fixtures)
    rows = [re.split(r"\s{2,}", line.strip()) for line in done.out.splitlines()[:3]]
    assert rows == [
        ["pictures", "right", "for example"],
        ["saved again", "1 of 1", "copy.jpg: match A-1"],
        ["nothing registered", "1 of 1", "other.png: none"],
    ]
    assert "2 of 2 answers are as expected." in done.err


@pytest.mark.slow
@pytest.mark.parametrize("scope", [(), ("--all",)])
def test_running_it_again_gives_the_same(
    cli: Any, fixtures: Path, workspace: Workspace, scope: tuple[str, ...]
) -> None:
    """The second run registers and checks nothing, and prints the same answers."""
    first = cli("demo", "--no-serve", *scope, "--fixtures", fixtures)
    before = rows_of(workspace)
    again = cli("demo", "--no-serve", *scope, "--fixtures", fixtures)
    assert (again.code, again.out) == (0, first.out)
    assert "The sample data is here already" in again.err
    assert "Registering" not in again.err
    assert rows_of(workspace) == before


@pytest.mark.slow
def test_more_pictures_are_checked_later(cli: Any, fixtures: Path) -> None:
    """After a short run, --all registers and checks what is missing."""
    assert "2 of 2 answers" in cli("demo", "--no-serve", "--fixtures", fixtures).err
    more = cli("demo", "--no-serve", "--all", "--fixtures", fixtures)
    assert more.code == 0
    assert "3 of 3 answers" in more.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (("listings/copy.jpg", "none", "", "", "x"), "expected none"),
        (("listings/copy.jpg", "match", "A-2", "acme", "x"), "expected match A-2 of acme"),
        (("listings/other.png", "match", "A-1", "acme", "x"), "expected match A-1 of acme"),
        (("listings/flat.png", "match", "A-1", "acme", "x"), "expected match A-1 of acme"),
    ],
)
def test_a_wrong_answer_is_named(cli: Any, fixtures: Path, known: tuple[str, ...], expected: str) -> None:
    """The demo exits with 1, and a row of its own names the expected answer."""
    write(fixtures / "listings.csv", [*LISTINGS[:2], known])
    done = cli("demo", "--no-serve", "--all", "--fixtures", fixtures)
    assert done.code == 1
    assert any(expected in line for line in done.out.splitlines()[:6])
    assert "1 of 2 answers are as expected." in done.err


@pytest.mark.parametrize(
    "missing",
    [
        "listings.csv",
        "designs.csv",
        "organisations.csv",
        "products.csv",
        "offers.csv",
        "licences.csv",
        "listings/copy.jpg",
    ],
)
def test_missing_sample_data_is_one_line(cli: Any, fixtures: Path, missing: str) -> None:
    """A missing file gives an error with a code, not a traceback."""
    (fixtures / missing).unlink()
    done = cli("demo", "--no-serve", "--fixtures", fixtures)
    assert done.code == 2
    assert re.search(r"authcheck: .+ \[(demo\.fixtures|file\.missing)\]\n", done.err)
    assert str(fixtures) in done.err


def test_broken_sample_data_is_one_line(cli: Any, fixtures: Path) -> None:
    """A table without its columns is refused before any registration."""
    (fixtures / "listings.csv").write_text("picture,verdict\na.png,match\n")
    done = cli("demo", "--no-serve", "--fixtures", fixtures)
    assert (done.code, "[demo.fixtures]" in done.err) == (2, True)


def test_the_shipped_sample_data_is_whole(fixtures: Path) -> None:
    """The known answers in the repository can be read."""
    known = read_known(Path(__file__).parents[2] / "fixtures")
    assert len(known) >= 120
    assert {one.verdict for one in known} == {"match", "lookalike", "none"}
    assert read_known(fixtures)[0] == KnownAnswer(*LISTINGS[1])


def test_the_short_demo_has_each_kind_and_what_it_needs() -> None:
    """It takes a picture of each kind but those of several designs, and a third of the designs."""
    folder = Path(__file__).parents[2] / "fixtures"
    known = read_known(folder)
    chosen = choose(folder, known)
    assert {one.edit for one in chosen} == {one.edit for one in known} - {"several"}
    assert {one.group for one in chosen} == {one.group for one in known}
    assert len(chosen) < 50
    needed = designs_of(folder, chosen)
    assert {(one.owner, one.design) for one in chosen if one.design} <= needed
    assert len(needed) < 30


def test_a_busy_port_is_passed_over() -> None:
    """The demo takes the next free port. When none of twenty ports is free, the error says so."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert find_free_port(port) > port
    with socket.socket() as last:
        try:
            last.bind(("127.0.0.1", 65535))
        except OSError:
            pytest.skip("the last port is in use")
        last.listen()
        with pytest.raises(Unavailable) as refused:
            find_free_port(65535)
    assert refused.value.code == "serve.no_port"


def ask(command: list[str]) -> dict[str, Any]:
    """Run a printed curl line, with curl where it is installed."""
    if shutil.which("curl"):
        answer = subprocess.run([*command, "--silent", "--show-error"], capture_output=True, check=True)  # noqa: S603
        return dict(json.loads(answer.stdout))
    header, form, url = command[2], command[4], command[5]
    picture = Path(form.removeprefix("image=@")).read_bytes()
    headers = dict([header.split(": ", 1)])
    return dict(httpx2.post(url, headers=headers, files={"image": picture}).json())


def sign_in(page: str, email: str, password: str) -> str:
    """Sign in with a printed line, and return the organisation that the person acts for."""
    with httpx2.Client(base_url=page, follow_redirects=True) as client:
        headers = {"Sec-Fetch-Site": "same-origin"}
        shown = client.post("/sign-in", data={"email": email, "password": password}, headers=headers)
    found = re.search(r'class="acting"><strong>[^<]+</strong> ([^<]+)<', shown.text)
    assert found is not None, shown.text
    return found[1]


def wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the server answers."""
    while process.poll() is None:
        with contextlib.suppress(httpx2.TransportError):
            httpx2.get(url)
            return
        time.sleep(0.05)
    pytest.fail("the server ended")


@pytest.mark.slow
def test_the_printed_line_works_as_printed(
    as_process: Callable[..., "subprocess.Popen[bytes]"], fixtures: Path
) -> None:
    """The curl line that the demo prints works with its own key, and Ctrl-C stops the demo cleanly."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    demo = as_process("demo", "--fixtures", fixtures, "--port", str(port))
    assert demo.stdout is not None
    printed = b""
    while b"Ctrl-C" not in printed:
        line = demo.stdout.readline()
        assert line, demo.communicate()[1].decode()
        printed += line
    (curl,) = re.findall(r"curl .*", printed.decode())
    page = re.findall(r"http://127\.0\.0\.1:\d+/", printed.decode())[0]
    wait_for(page, demo)
    answer = ask(shlex.split(curl))
    lines = re.findall(r"^  (\S.*?)\s+(\S+@\S+)\s+(\S+)$", printed.decode(), re.MULTILINE)
    signed_in = {title: sign_in(page, email, password) for title, email, password in lines}
    demo.send_signal(signal.SIGINT)
    _, err = demo.communicate(timeout=60)
    assert answer["verdict"] == "match"
    assert signed_in == {
        "brand manager": "Acme", "analyst": "Acme", "licensee": "Demo printer", "moderator": "Market",
        "operator": "Operators",
    }  # fmt: skip
    assert len({password for _, _, password in lines}) == 5
    assert b"Traceback" not in err
    assert demo.returncode in {0, 130}


@pytest.mark.slow
def test_certificates_tell_their_stories(cli: Any, fixtures: Path, workspace: Workspace) -> None:
    """Good, revoked, forged and copied certificates get their known answers. The proof verifies offline.

    A forger in the database is named.
    """
    done = cli("demo", "--no-serve", "--fixtures", fixtures)
    rows = [line.split() for line in done.out.splitlines() if line.split()]
    outcomes = {row[1]: row[2] for row in rows if re.fullmatch(r"\w{4}-\w{4}-\w{5}", row[0])}
    assert outcomes == {"good": "good", "revoked": "revoked", "forged": "not_true", "copied": "careful"}
    assert "verified offline: good, 7 of 7 steps" in done.out
    assert re.search(r"The audit said:\n  certificates .+ lot", done.out)
    assert "4 of 4 outcomes are as expected" in done.err
    folder = workspace.settings.data_dir / "demo-certificates"
    verified = cli("verify-bundle", folder / "bundle-1.json", "--trust", folder / "trust-1.json")
    assert verified.code == 0
    assert cli("ledger", "audit").code == 0


@pytest.mark.slow
def test_products_that_tell_no_story_are_refused(cli: Any, fixtures: Path) -> None:
    """A table with an unknown story is refused."""
    write(fixtures / "products.csv", [PRODUCTS[0], (*PRODUCTS[1][:6], "lost")])
    done = cli("demo", "--no-serve", "--fixtures", fixtures)
    assert (done.code, "[demo.fixtures]" in done.err) == (2, True)


@pytest.mark.slow
def test_listings_and_cases_have_known_answers(cli: Any, fixtures: Path, workspace: Workspace) -> None:
    """Licences, listings, cases and a notice come out as the tables say. What does not is named, with exit 1."""
    done = cli("demo", "--no-serve", "--fixtures", fixtures)
    assert (done.code, "5 of 5 listings have the expected verdict, and 3 of 3 cases" in done.err) == (0, True)
    with workspace.database.reading() as session:
        rows = session.scalars(select(NoticeRow).order_by(NoticeRow.number)).all()
        assert [(row.reference, row.code) for row in rows] == [("B-2", None), ("B-3", None)]
        licences = session.scalars(select(Licence).order_by(Licence.version)).all()
        assert [licence.superseded_at is not None for licence in licences] == [True, False]
        assert {hit.verdict for hit in session.scalars(select(Hit))} == {row[4] for row in OFFERS[1:]}
    wrong = (*OFFERS[1][:4], "none", "C", *OFFERS[1][6:])
    write(fixtures / "offers.csv", [OFFERS[0], wrong, *OFFERS[2:]])
    again = cli("demo", "--no-serve", "--fixtures", fixtures)
    assert again.code == 1
    assert "B-1 listings/copy.jpg: licensed, expected none." in again.out
    assert "4 of 5 listings have the expected verdict, and 3 of 4 cases" in again.err


@pytest.mark.slow
def test_an_unknown_state_of_a_licence_is_refused(cli: Any, fixtures: Path) -> None:
    """A licence in a state that the demo cannot make is one line, not a traceback."""
    write(fixtures / "licences.csv", [LICENCES[0], (*LICENCES[1][:-1], "sold")])
    done = cli("demo", "--no-serve", "--fixtures", fixtures)
    assert (done.code, "[demo.fixtures]" in done.err, "'sold'" in done.err) == (2, True, True)
