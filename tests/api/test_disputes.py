"""Disputes and rulings over HTTP."""

from collections.abc import Callable
from typing import Any

import certificates_made as made
import make
import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from authcheck.certificates.tables import Certificate
from authcheck.registry import designs
from authcheck.registry.reading import read_view
from authcheck.registry.registration import Registration
from authcheck.registry.tables import Design, Dispute
from authcheck.workspace import Workspace

Headers = dict[str, str]


@pytest.fixture
def dispute(workspace: Workspace, client: TestClient, brand: Headers) -> dict[str, Any]:
    """A dispute of Globex's copy with Acme's design, as Acme reads it."""
    make.register(workspace, "FIRST", owner="acme")
    make.register(workspace, "COPY", owner="globex", pictures=[make.picture_bytes(0, "JPEG", quality=60)])
    (item,) = client.get("/v1/disputes", headers=brand).json()["items"]
    assert isinstance(item, dict)
    return item


def test_both_owners_are_told_and_nobody_else(
    client: TestClient, brand: Headers, rival: Headers, login: Callable[..., Headers], dispute: dict[str, Any]
) -> None:
    """Each owner sees both sides. A third organisation sees nothing, under the same error as for no dispute."""
    assert (dispute["later"]["reference"], dispute["earlier"]["reference"]) == ("COPY", "FIRST")
    path = f"/v1/disputes/{dispute['id']}"
    assert client.get(path, headers=rival).json() == dispute
    third = login("designs:write", owner="third")
    assert client.get("/v1/disputes", headers=third).json()["items"] == []
    hidden, missing = (client.get(f"/v1/disputes/{name}", headers=third) for name in (dispute["id"], "dsp_0"))
    assert (hidden.status_code, hidden.json()["code"]) == (missing.status_code, missing.json()["code"])
    assert hidden.json()["code"] == "dispute.not_found"
    for headers, design in ((brand, "earlier"), (rival, "later")):
        shown = client.get(f"/v1/designs/{dispute[design]['design']}", headers=headers).json()
        assert [one["id"] for one in shown["disputes"]] == [dispute["id"]]


def test_only_the_operator_rules(
    client: TestClient, brand: Headers, admin: Headers, dispute: dict[str, Any]
) -> None:
    """An owner may not rule on the own dispute. The operator may, once."""
    path, body = (
        f"/v1/disputes/{dispute['id']}/ruling",
        {"ruling": "earlier", "reason": "A copy.", "final": True},
    )
    assert client.post(path, headers=brand, json=body).json()["code"] == "auth.scope"
    ruled = client.post(path, headers=admin, json=body)
    assert (ruled.status_code, ruled.json()["ended_by"], ruled.json()["batches"]) == (200, "earlier", [])
    assert client.post(path, headers=admin, json=body).json()["code"] == "dispute.ended"
    assert client.get("/v1/disputes", headers=brand).json()["items"] == []
    assert client.get("/v1/disputes?ended=true", headers=brand).json()["items"][0]["reason"] == "A copy."
    revoked = client.post(f"/v1/disputes/{dispute['id']}/revoke-certificates", headers=admin)
    assert revoked.json() == {"revoked": 0, "revoked_before": 0}


@pytest.mark.parametrize(
    "body", [{"ruling": "nobody", "reason": "x"}, {"ruling": "both"}, {"ruling": "both", "reason": ""}]
)
def test_a_ruling_needs_a_choice_and_a_reason(
    client: TestClient, admin: Headers, dispute: dict[str, Any], body: dict[str, str]
) -> None:
    """Anything else is refused and changes nothing."""
    refused = client.post(f"/v1/disputes/{dispute['id']}/ruling", headers=admin, json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "request.invalid")


def test_a_copied_view_is_shown_as_disputed(
    client: TestClient, workspace: Workspace, rival: Headers, dispute: dict[str, Any]
) -> None:
    """The owner of the later picture sees its standing."""
    shown = client.get(f"/v1/designs/{dispute['later']['design']}", headers=rival).json()
    assert (shown["state"], [view["standing"] for view in shown["views"]]) == ("disputed", ["disputed"])


def test_a_buyer_is_told_that_the_design_is_disputed(client: TestClient, workspace: Workspace) -> None:
    """Certificates that were issued before the dispute say so, on the page and in JSON, until it ends."""
    rival = made.brand(workspace, "globex", seed=3)
    batch = rival.issue("r1")
    with workspace.database.reading() as session:
        code = session.scalars(select(Certificate.code).where(Certificate.batch_id == batch.id)).first()
    make.register(workspace, "FIRST", owner="acme", pictures=[make.picture_bytes(50)])
    told = "another owner registered the same picture before"
    assert told not in client.get(f"/c/{code}", headers={"Accept": "text/html"}).text
    with workspace.database.writing() as session:
        registration = Registration(session, workspace.comparer(), workspace.store, make.NOW)
        design = designs.get_design(session, rival.design.id)
        registration.add_views(design, [read_view(make.picture_bytes(50, "JPEG"), workspace.limits)])
        session.execute(update(Dispute).values(holds_design=True))
        session.execute(update(Design).where(Design.id == rival.design.id).values(state="disputed"))
    page = client.get(f"/c/{code}", headers={"Accept": "text/html"})
    assert (page.status_code, told in page.text) == (200, True)
    assert client.get(f"/v1/certificates/{code}").json()["design"]["disputed"] is True


@pytest.fixture
def speakers(login: Callable[..., Headers]) -> tuple[Headers, Headers]:
    """Keys of both owners that may speak in disputes: of the earlier and of the later picture."""
    return login("disputes:write"), login("disputes:write", owner="globex")


def test_owners_speak_appeal_and_accept(
    client: TestClient, admin: Headers, speakers: tuple[Headers, Headers], dispute: dict[str, Any]
) -> None:
    """Statements with a document, a ruling that waits, an appeal, and the second ruling."""
    first, later = speakers
    path = f"/v1/disputes/{dispute['id']}"
    paper = {"document": ("sketch.pdf", b"%PDF-1.7\n%%EOF\n")}
    said = client.post(f"{path}/statements", headers=later, data={"text": "We drew it."}, files=paper)
    assert (said.status_code, said.json()["stage"]) == (201, "open")
    (statement,) = said.json()["statements"]
    assert (statement["side"], statement["appeal"], statement["text"]) == ("later", False, "We drew it.")
    for reader in (first, later, admin):
        saved = client.get(f"{path}/statements/1/document", headers=reader)
        assert (saved.status_code, saved.headers["content-disposition"]) == (
            200,
            f'attachment; filename="{dispute["id"]}-1.pdf"',
        )
        assert "sandbox" in saved.headers["content-security-policy"]
    assert client.get(f"{path}/statements/2/document", headers=first).json()["code"] == "dispute.no_statement"
    ruled = client.post(f"{path}/ruling", headers=admin, json={"ruling": "earlier", "reason": "A copy."})
    assert (ruled.json()["stage"], ruled.json()["ended_by"], ruled.json()["batches"]) == ("ruled", None, [])
    assert ruled.json()["appeal_until"] > ruled.json()["rulings"][0]["ruled_at"]
    appeal = {"files": {"text": (None, "See the date on our sketch.")}}
    assert client.post(f"{path}/appeal", headers=first, **appeal).json()["code"] == "dispute.no_appeal"
    assert client.post(f"{path}/appeal", headers=later, **appeal).json()["stage"] == "appealed"
    assert client.post(f"{path}/acceptance", headers=later).json()["code"] == "dispute.no_loser"
    final = client.post(f"{path}/ruling", headers=admin, json={"ruling": "later", "reason": "It is older."})
    assert (final.json()["stage"], final.json()["ended_by"]) == ("ended", "later")
    assert [row["final"] for row in final.json()["rulings"]] == [False, True]


def test_who_loses_may_accept(
    client: TestClient, admin: Headers, speakers: tuple[Headers, Headers], dispute: dict[str, Any]
) -> None:
    """The ruling takes effect at once. A reader's key, and a stranger, cannot."""
    path = f"/v1/disputes/{dispute['id']}"
    client.post(f"{path}/ruling", headers=admin, json={"ruling": "earlier", "reason": "A copy."})
    assert client.post(f"{path}/acceptance", headers=speakers[0]).json()["code"] == "dispute.no_loser"
    assert client.post(f"{path}/acceptance", headers=admin).json()["code"] == "dispute.not_found"
    assert client.post(f"{path}/acceptance", headers=speakers[1]).json()["ended_by"] == "earlier"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"MZ", "document.kind"),
        (b"%PDF-1.7 /JavaScript\n%%EOF\n", "document.active"),
        (None, "dispute.statement"),
    ],
)
def test_a_bad_statement_is_refused(
    client: TestClient,
    speakers: tuple[Headers, Headers],
    dispute: dict[str, Any],
    document: bytes | None,
    code: str,
) -> None:
    """A document that could run, no document at all, no text: nothing is stored."""
    files = {"document": ("a.pdf", document)} if document else {"text": (None, " ")}
    data = {"text": "We drew it."} if document else {}
    path = f"/v1/disputes/{dispute['id']}"
    refused = client.post(f"{path}/statements", headers=speakers[0], data=data, files=files)
    assert refused.json()["code"] == code
    assert client.get(path, headers=speakers[0]).json()["statements"] == []
