"""A real server on a free port, and a real Chromium in front of it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import evidence_scenes as scenes
import make
import people_made
import pytest
import units_made as units
from keyboard_visits import find_browser
from PIL import Image
from sqlalchemy import select

from authcheck.certificates.tables import Certificate
from authcheck.config import Settings
from authcheck.ledger import addresses
from authcheck.workspace import Workspace

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ROOT = Path(__file__).parent.parent.parent
START_TIMEOUT_S = 60
PEOPLE = ("jana@acme.example", "ling@acme.example")
NEW_ADDRESS = "https://authcheck.example"


@dataclass(frozen=True)
class Site:
    """The server's address and pictures to send: a known one, an unknown one, and a broken one.

    `two` is the path of an answer with two designs in one photo. `labels` are codes of certificates by their
    state.
    """

    url: str
    known: Path
    unknown: Path
    broken: Path
    two: str
    labels: dict[str, str]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run `authcheck serve`'s application in its own process, with a fresh data folder and one design."""
    folder = tmp_path_factory.mktemp("site")
    settings = Settings(data_dir=folder / "state")
    workspace = Workspace.open(settings)
    make.confirm_address(workspace.database)
    make.register(workspace, title="Koi pond", seed=1, public_preview=True)
    two = f"/checks/{_two_in_one(workspace)}"
    labels = _labels(workspace)
    labels["moved"] = _label_after_a_move(workspace)
    for email in PEOPLE:
        people_made.person(workspace.database, email, now=datetime.now(UTC))
    workspace.database.dispose()
    pictures = {
        "known.jpg": make.picture_bytes(1, "JPEG"),
        "unknown.png": make.picture_bytes(77),
        "broken.jpg": b"x",
    }
    for name, data in pictures.items():
        (folder / name).write_bytes(data)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    outside = {name: value for name, value in os.environ.items() if not name.startswith("AUTHCHECK_")}
    server = subprocess.Popen(  # noqa: S603 - our own command line
        [
            sys.executable,
            "-m",
            "uvicorn",
            "--factory",
            "api.app:create_app",
            f"--port={port}",
            "--log-level=warning",
        ],
        cwd=ROOT,
        env={
            **outside,
            "AUTHCHECK_DATA_DIR": str(settings.data_dir),
            "AUTHCHECK_PUBLIC_URL": NEW_ADDRESS,
            "AUTHCHECK_PUBLIC_CHECKS_PER_MINUTE": "999",
        },
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, server)
        yield Site(url, *(folder / name for name in pictures), two, labels)
    finally:
        server.terminate()
        server.wait(timeout=20)


def _two_in_one(workspace: Workspace) -> str:
    """Store a check of a photo with two designs. The public may see only the first."""
    left = ((30.0, 90.0), (440.0, 60.0), (450.0, 600.0), (60.0, 640.0))
    right = tuple((x + 480, y) for x, y in left)
    designs = [make.picture(5), make.picture(6)]
    photo = Image.composite(
        scenes.photo(designs[0], left), scenes.photo(designs[1], right), _left_half(scenes.PHOTO_PX)
    )
    rows = [
        scenes.finding(
            scenes.registered(workspace, f"T-{seed}", seed=seed, title=title, public_preview=seed == 5),
            scenes.alignment(design, corners),
            verdict,
        )
        for seed, title, design, corners, verdict in (
            (5, "Heron", designs[0], left, "match"),
            (6, "Otter", designs[1], right, "lookalike"),
        )
    ]
    return scenes.answered(workspace, make.encode(photo, "JPEG"), rows, source="page")


def _labels(workspace: Workspace) -> dict[str, str]:
    """Return codes of certificates: good, revoked, and of a brand that has not signed."""
    good, revoked = units.issue(workspace, units.brand_with_key(workspace, "paperbird"), handle="paperbird")
    units.revoke(workspace, revoked, handle="paperbird", now=make.NOW + timedelta(hours=1))
    own = units.brand_with_key(workspace, "inkwell", own_key=True)
    (unsigned,) = units.issue(workspace, own, handle="inkwell", count=1, lot="L-2", request_key="two")
    return {"good": good.code, "revoked": revoked.code, "unsigned": unsigned.code, "missing": "0000000000000"}


def _label_after_a_move(workspace: Workspace) -> str:
    """Move the installation, and return the code of a certificate that is issued afterwards.

    All other labels are of before the move.
    """
    with workspace.database.writing() as session:
        addresses.move(session, workspace.settings.public_url, NEW_ADDRESS, make.NOW)
        design_id = session.scalars(select(Certificate.design_id).limit(1)).one()
    moved = workspace.settings.model_copy(update={"public_url": NEW_ADDRESS})
    (unit,) = units.issue(
        replace(workspace, settings=moved), design_id, handle="paperbird", count=1, lot="L-3", request_key="3"
    )
    return unit.code


def _left_half(size: tuple[int, int]) -> Image.Image:
    mask = Image.new("L", size, 0)
    mask.paste(255, (0, 0, size[0] // 2, size[1]))
    return mask


def _wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    ends_at = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < ends_at and server.poll() is None:
        try:
            with urlopen(url, timeout=5):  # noqa: S310 - our own server
                return
        except URLError:
            time.sleep(0.1)
    pytest.fail(f"the server did not answer (exit code {server.poll()})")


# The browser runs no longer than needed: its event loop runs in the thread of every other test.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Return a running browser. Where there is none, skip the test with the reason."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = find_browser()
    if program is None:
        pytest.skip("no Chromium on this machine: the pages were not driven in a browser")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, site: Site) -> Iterator[Callable[..., Any]]:
    """Return a function that opens the form in a new tab. Keywords are options of the browser context.

    At the end, no page may have contacted another host, thrown, or written an error to its console.
    """
    contexts: list[Any] = []
    wrong: list[str] = []

    def watch(message: Any) -> None:
        refused = "Failed to load resource" in message.text and message.location["url"].startswith(site.url)
        if (
            message.type in {"error", "warning"} and not refused
        ):  # Chromium logs every 4xx that a test provokes
            wrong.append(message.text)

    def open_one(path: str = "/", **options: Any) -> Any:
        contexts.append(chromium.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(30_000)
        page.on("request", lambda request: _same_host(request.url, site.url) or wrong.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", watch)
        page.goto(site.url + path)
        page.bring_to_front()  # a page in the background gets keys, but opens no file chooser
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert wrong == []


def _same_host(url: str, ours: str) -> bool:
    return url.startswith((ours + "/", "blob:" + ours, "data:"))
