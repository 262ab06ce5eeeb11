"""Pages of disputes over HTTP: what each side sees and does, and what it never sees."""

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import make
import people_made
import pytest
from browsers_made import Browser
from PIL import Image
from starlette.testclient import TestClient

from authcheck.registry import disputes, rulings
from authcheck.registry.statements import APPEAL_TIME
from authcheck.registry.tables import Dispute
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

Open = Callable[..., Browser]
PAPER = ("sketch.pdf", b"%PDF-1.7\n%%EOF\n", "application/pdf")


@pytest.fixture
def visit(client: TestClient, workspace: Workspace) -> Open:
    """Return a function that opens a browser of somebody who is signed in."""

    def open_browser(
        owner: str = "acme", role: str = "rights", kind: str = "brand", name: str = ""
    ) -> Browser:
        email = f"{name or role}@{owner}.example"
        people_made.person(
            workspace.database, email, owner=owner, kinds=(kind,), roles=(role,), now=utc_now()
        )
        browser = Browser(client)
        browser.sign_in(email)
        return browser

    return open_browser


@pytest.fixture
def operator(visit: Open) -> Browser:
    """Return the browser of an operator."""
    return visit("office", "operator", "operator")


def cut_out(seed: int = 0) -> bytes:
    """Return the middle of a picture, turned a little: what a copyist registers."""
    with Image.open(io.BytesIO(make.picture_bytes(seed))) as image:
        width, height = image.size
        part = image.convert("RGB").crop((width // 6, height // 6, width - width // 8, height - height // 8))
    buffer = io.BytesIO()
    part.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def dispute(workspace: Workspace) -> Dispute:
    """Return the dispute of globex's cut-out with acme's design."""
    make.register(workspace, "FIRST", owner="acme", title="Wave & dawn")
    make.register(workspace, "COPY", owner="globex", title="Blue <b>surf</b>", pictures=[cut_out()])
    with workspace.database.reading() as session:
        return disputes.list_disputes(session)[0]


def say(browser: Browser, path: str, text: str, **files: Any) -> Any:
    """Send a statement or an appeal."""
    return browser.send(path, files, text=text)


def test_both_speak_the_operator_rules_and_the_loser_appeals(
    workspace: Workspace, visit: Open, operator: Browser, dispute: Dispute
) -> None:
    """The whole way over pages, each step told to the others."""
    acme, globex, page = visit(), visit("globex"), f"/disputes/{dispute.id}"
    assert page in acme.get("/disputes").text
    assert page in operator.get("/disputes").text
    assert "Blue &lt;b&gt;surf&lt;/b&gt;" in globex.get(page).text
    for path in (page, "/disputes"):
        assert "surf" not in acme.get(path).text, "a title may be a secret"
        assert "Wave" not in globex.get(path).text
        assert "Wave &amp; dawn" in operator.get(path).text
    sent = say(globex, f"{page}/state", "We drew it.\n\nIn <2019>.", document=PAPER)
    assert sent.headers["location"] == f"{page}?notice=stated"
    for browser in (acme, globex, operator):
        html = browser.get(page).text
        assert "We drew it.\n\nIn &lt;2019&gt;." in html
        saved = browser.get(f"{page}/statements/1/document")
        assert (saved.content, saved.headers["content-disposition"][:10]) == (PAPER[1], "attachment")
    assert "acme has said nothing yet." in operator.get(page).text.replace("Acme", "acme")
    assert operator.post(f"{page}/rule", ruling="earlier", reason="A cut-out.").headers["location"] == (
        f"{page}?notice=ruled"
    )
    assert page not in operator.get("/disputes").text, "it waits for the owners"
    assert "Accept the ruling" not in acme.get(page).text
    assert "Appeal</summary>" not in acme.get(page).text
    assert "Accept the ruling" in globex.get(page).text
    assert say(globex, f"{page}/appeal", "See the sketch.").headers["location"] == f"{page}?notice=appealed"
    assert page in operator.get("/disputes").text
    assert operator.post(f"{page}/rule", ruling="earlier", reason="Still.").headers["location"] == (
        f"{page}?notice=ended"
    )
    html = globex.get(page).text
    assert "Ended: the earlier picture stands" in html
    assert (
        html.index("We drew it.")
        < html.index("A cut-out.")
        < html.index("See the sketch.")
        < html.index("Still.")
    )
    assert page in globex.get("/disputes?kind=ended").text


def test_the_loser_accepts(workspace: Workspace, visit: Open, operator: Browser, dispute: Dispute) -> None:
    """One press ends the dispute. Who has not lost is told that it cannot."""
    acme, globex, page = visit(), visit("globex"), f"/disputes/{dispute.id}"
    operator.post(f"{page}/rule", ruling="earlier", reason="A cut-out.")
    refused = acme.post(f"{page}/accept")
    assert (refused.status_code, "Only the owner who has lost" in refused.text) == (409, True)
    assert globex.post(f"{page}/accept").headers["location"] == f"{page}?notice=accepted"
    with workspace.database.reading() as session:
        assert disputes.get_dispute(session, dispute.id).ended_by == "earlier"


@pytest.mark.parametrize(
    ("fields", "words", "field"),
    [
        ({"ruling": "earlier", "reason": " "}, "Give a reason", 'id="rule-reason"'),
        ({"ruling": "nobody", "reason": "Why."}, "Choose which picture stands", 'id="rule-ruling"'),
    ],
)
def test_a_wrong_ruling_keeps_what_was_typed(
    operator: Browser, dispute: Dispute, fields: dict[str, str], words: str, field: str
) -> None:
    """The sentence leads to the field, and nothing is ruled."""
    page = f"/disputes/{dispute.id}"
    refused = operator.post(f"{page}/rule", final="yes", **fields)
    assert refused.status_code == 422
    assert words in refused.text
    assert re.search(rf"{field}[^>]*problem", refused.text)
    assert 'value="yes" checked' in refused.text
    assert f'value="{fields["reason"]}"' in refused.text


def test_a_wrong_statement_keeps_what_was_typed(visit: Open, dispute: Dispute) -> None:
    """A document that could run is refused, and the text stays."""
    acme, page = visit(), f"/disputes/{dispute.id}"
    bad = ("a.pdf", b"%PDF-1.7 /JavaScript\n%%EOF\n", "application/pdf")
    refused = say(acme, f"{page}/state", "It is <ours>.", document=bad)
    assert refused.status_code == 422
    assert "It is &lt;ours&gt;.</textarea>" in refused.text
    assert re.search(r'id="state-document"[^>]*aria-invalid', refused.text)
    empty = say(acme, f"{page}/state", "\u200b")
    assert re.search(r'id="state-text"[^>]*aria-invalid', empty.text)


def test_an_appeal_that_comes_too_late_is_refused(
    workspace: Workspace, visit: Open, dispute: Dispute
) -> None:
    """The form says why, and keeps the text."""
    globex, page = visit("globex"), f"/disputes/{dispute.id}"
    with workspace.database.writing() as session:
        long_ago = utc_now() - APPEAL_TIME - timedelta(hours=1)
        rulings.rule(session, dispute.id, "earlier", reason="A cut-out.", now=long_ago)
    refused = say(globex, f"{page}/appeal", "But the sketch!")
    assert (refused.status_code, "within 14 days" in refused.text) == (409, True)
    assert "But the sketch!</textarea>" in refused.text


def opened(content: bytes) -> Image.Image:
    """Return a picture."""
    return Image.open(io.BytesIO(content)).convert("RGBA")


def test_an_owner_sees_only_what_lies_within_the_own_picture(
    visit: Open, operator: Browser, dispute: Dispute
) -> None:
    """Whoever registers a cut-out to see the whole design sees the cut-out. The operator sees all."""
    acme, globex, page = visit(), visit("globex"), f"/disputes/{dispute.id}"
    own, other = (opened(globex.get(f"{page}/pictures/{which}").content) for which in ("seen", "other"))
    with Image.open(io.BytesIO(cut_out())) as cut:
        assert own.size == other.size == cut.size
    assert other.getextrema()[3][1] == 255
    whole = opened(acme.get(f"{page}/pictures/seen").content)
    assert whole.width > own.width
    alpha = opened(acme.get(f"{page}/pictures/other").content).getchannel("A")
    assert alpha.getextrema() == (0, 255), "around the cut-out is nothing"
    assert opened(operator.get(f"{page}/pictures/seen").content).size == own.size
    assert (
        "You see of the other picture only the places where it shows the same as yours."
        in globex.get(page).text
    )
    assert globex.get(f"{page}/pictures/all").status_code == 404


def test_a_resemblance_shows_no_picture_to_the_owners(
    workspace: Workspace, visit: Open, operator: Browser, dispute: Dispute
) -> None:
    """Two pictures that only resemble each other are compared by the operator alone."""
    with workspace.database.writing() as session:
        session.get_one(Dispute, dispute.id).verdict = "lookalike"
    acme, page = visit(), f"/disputes/{dispute.id}"
    assert acme.get(f"{page}/pictures/other").status_code == 404
    assert "The pictures are not shown" in acme.get(page).text
    assert operator.get(f"{page}/pictures/other").status_code == 200
    assert page in acme.get("/disputes?kind=similar").text
    assert page not in acme.get("/disputes").text


def test_a_lost_picture_leaves_the_page(workspace: Workspace, visit: Open, dispute: Dispute) -> None:
    """A file that is gone takes the comparison away, and nothing else."""
    for path in (workspace.settings.data_dir / "pictures").rglob("*"):
        if path.is_file():
            path.unlink()
    page = visit().get(f"/disputes/{dispute.id}")
    assert (page.status_code, "The pictures are not shown" in page.text) == (200, True)
    assert "Add a statement" in page.text


def test_strangers_and_readers(visit: Open, dispute: Dispute) -> None:
    """Another brand finds nothing. A reader of the own brand reads and has no form. Analysts have no page."""
    page = f"/disputes/{dispute.id}"
    stranger, reader = visit("initech"), visit(role="protector")
    for path in (page, f"{page}/pictures/seen", f"{page}/statements/1/document"):
        assert stranger.get(path).status_code == 404
    assert say_nothing(stranger, f"{page}/accept") == 404
    assert "Add a statement" not in reader.get(page).text
    assert say_nothing(reader, f"{page}/accept") == 403
    assert say_nothing(reader, f"{page}/rule") == 403
    assert visit(role="analyst").get(page).status_code == 403


def say_nothing(browser: Browser, path: str) -> int:
    """Press a button, and return the status."""
    status: int = browser.post(path).status_code
    return status
