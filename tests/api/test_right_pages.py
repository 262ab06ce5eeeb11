"""Pages of rights in designs: an owner names one, the operator decides."""

import re

import make
import people_made
import pytest
from browsers_made import OURS, Browser
from starlette.testclient import TestClient

from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

FIELDS = {
    "kind": "trade_mark",
    "number": "1234",
    "office": "INPI",
    "territories": "FR, Italy",
    "classes": "25",
}
PAPER = ("paper.png", make.picture_bytes(3))


def person(client: TestClient, workspace: Workspace, email: str, owner: str, kind: str, role: str) -> Browser:  # noqa: PLR0917 - as a sentence
    """Return the browser of somebody who is signed in."""
    people_made.person(workspace.database, email, owner=owner, kinds=(kind,), roles=(role,), now=utc_now())
    opened = Browser(client)
    opened.sign_in(email)
    return opened


@pytest.fixture
def mei(client: TestClient, workspace: Workspace) -> Browser:
    """Return the browser of an admin of acme."""
    return person(client, workspace, "mei@acme.example", "acme", "brand", "admin")


@pytest.fixture
def olga(client: TestClient, workspace: Workspace) -> Browser:
    """Return the browser of an operator."""
    return person(client, workspace, "olga@op.example", "operators", "operator", "operator")


def name(browser: Browser, client: TestClient, design_id: str, **words: str) -> int:
    """Name a right by the form, with a document. Return the status."""
    cookie = "; ".join(f"{key}={value}" for key, value in browser.cookies.items())
    answer = client.post(
        f"/designs/{design_id}/rights",
        headers={**OURS, "Cookie": cookie},
        data={"form_token": "", **FIELDS, **words},
        files={"document": PAPER},
        follow_redirects=False,
    )
    return answer.status_code


def test_a_right_is_named_and_decided(
    mei: Browser, olga: Browser, client: TestClient, workspace: Workspace
) -> None:
    """The owner sees the decision with its reason, the operator saves the document."""
    design = make.register(workspace, "KITE", seed=1).design
    assert name(mei, client, design.id) == 303
    assert "INPI 1234" in mei.get(f"/designs/{design.id}/rights").text
    assert "In review" in mei.get(f"/designs/{design.id}/rights").text
    waiting = olga.get("/rights").text
    (right_id,) = set(re.findall(r"/rights/(rgt_\w+)/accept", waiting))
    paper = olga.get(f"/rights/{right_id}/document")
    assert (paper.content, paper.headers["content-disposition"][:11]) == (PAPER[1], "attachment;")
    bare = olga.post(f"/rights/{right_id}/refuse", reason="")
    assert (bare.status_code, "right.reason" in bare.text) == (422, True)
    olga.post(f"/rights/{right_id}/refuse", reason="Another owner is in the register.")
    assert "No right waits" in olga.get("/rights").text
    assert "Another owner is in the register." in mei.get(f"/designs/{design.id}/rights").text
    assert olga.post(f"/rights/{right_id}/accept").status_code == 303
    assert "Accepted" in mei.get(f"/designs/{design.id}/rights").text
    mei.post(f"/designs/{design.id}/rights/withdraw", right=right_id)
    assert "Withdrawn" in mei.get(f"/designs/{design.id}/rights").text


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ({"number": ""}, 422),
        ({"territories": ""}, 422),
        ({"expires_on": "2001-01-01"}, 422),
        ({"classes": "x"}, 422),
    ],
)
def test_a_bad_form_is_shown_again(
    mei: Browser, client: TestClient, workspace: Workspace, words: dict[str, str], status: int
) -> None:
    """Nothing is named."""
    design = make.register(workspace, "KITE", seed=1).design
    assert name(mei, client, design.id, **words) == status
    assert "No right is named yet." in mei.get(f"/designs/{design.id}/rights").text


def test_others_see_nothing(mei: Browser, client: TestClient, workspace: Workspace) -> None:
    """Another brand finds neither the page, nor the document, nor the operator's list."""
    design = make.register(workspace, "KITE", seed=1).design
    name(mei, client, design.id)
    li = person(client, workspace, "li@globex.example", "globex", "brand", "admin")
    (right_id,) = set(re.findall(r"rgt_\w+", mei.get(f"/designs/{design.id}/rights").text))
    assert li.get(f"/designs/{design.id}/rights").status_code == 404
    assert li.get(f"/designs/{design.id}/rights/{right_id}/document").status_code == 404
    assert name(li, client, design.id, number="99") == 404 or name(li, client, design.id, number="99") == 422
    for path in ("/rights", f"/rights/{right_id}/document"):
        assert li.get(path).status_code == 403
        assert mei.get(path).status_code == 403
