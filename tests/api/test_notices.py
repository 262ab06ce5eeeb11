"""Notices over HTTP: JSON and tables, the receipt, repetition, and who may read them."""

import json
from typing import Any

import cases_made
import make
import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from authcheck.cases.tables import Case
from authcheck.workspace import Workspace

SAID = {"claim": "unlicensed_use", "good_faith": True, "accuracy": True}


def bearer(work: Workspace, owner: str = "acme", *scopes: str) -> dict[str, str]:
    """Return the headers of a program of a brand."""
    return {"Authorization": f"Bearer {make.key(work, *(scopes or ('notices:write',)), owner=owner)}"}


@pytest.fixture
def kite(workspace: Workspace) -> str:
    """Return acme's design of seed 1."""
    return make.register(workspace, seed=1).design.id


@pytest.fixture
def listing(workspace: Workspace, kite: str) -> Any:
    """Return a listing of bazaar that shows the design."""
    return cases_made.hand_in(workspace)


@pytest.mark.slow
def test_a_receipt_and_its_answer(client: TestClient, workspace: Workspace, kite: str, listing: Any) -> None:
    """The receipt tells each row. Later the same address tells what became of it. A repetition files nothing."""
    key = bearer(workspace)
    body = {
        **SAID, "design": kite, "note": "see our shop",
        "rows": [{"listing": listing.id}, {"reference": "X", "marketplace": "bazaar"}],
    }  # fmt: skip
    first = client.post("/v1/notices", headers={**key, "Idempotency-Key": "a"}, json=body)
    assert first.status_code == 201
    receipt = first.json()
    assert receipt["id"].startswith("ntc_")
    assert receipt["stages"] == {"reported": 1, "refused": 1}
    good, bad = receipt["rows"]
    assert (good["row"], good["listing"], good["stage"], good["code"]) == (1, listing.id, "reported", None)
    assert (bad["stage"], bad["case"], bad["code"]) == ("refused", None, "notice.listing_not_found")
    assert bad["detail"].startswith("We have no such listing.")
    repeated = client.post("/v1/notices", headers={**key, "Idempotency-Key": "a"}, json=body)
    assert repeated.json() == receipt
    with workspace.database.writing() as session:
        session.execute(update(Case).values(state="escalated"))
    answer = client.get(first.headers["location"], headers=key).json()
    assert [row["stage"] for row in answer["rows"]] == ["under_review", "refused"]
    (listed,) = client.get("/v1/notices", headers=key).json()["items"]
    assert (listed["id"], listed["total"], listed["stages"]) == (
        receipt["id"],
        2,
        {"under_review": 1, "refused": 1},
    )
    assert client.get("/v1/notices", headers=bearer(workspace, "globex")).json()["items"] == []


@pytest.mark.slow
def test_a_table_is_a_notice(client: TestClient, workspace: Workspace, kite: str, listing: Any) -> None:
    """CSV with marketplace and reference reports as JSON does. An odd line is a refused row with its number."""
    table = 'Referenz;Marktplatz\nL-1;bazaar\n"L-1"x;bazaar\n'.encode("utf-16")
    fields = {**SAID, "design": kite, "good_faith": "true", "accuracy": "True "}
    files = {"table": ("t.csv", table)}
    answer = client.post("/v1/notices/csv", headers=bearer(workspace), data=fields, files=files)
    assert answer.status_code == 201, answer.text
    good, odd = answer.json()["rows"]
    assert (good["listing"], good["stage"], good["marketplace"]) == (listing.id, "reported", "bazaar")
    assert (odd["stage"], odd["code"]) == ("refused", "row.malformed")
    assert odd["detail"].startswith("Line 3: ")
    for changed, code in (({"accuracy": "no"}, "notice.statements"), ({"claim": "x"}, "notice.claim")):
        sent = client.post(
            "/v1/notices/csv", headers=bearer(workspace), data={**fields, **changed}, files=files
        )
        assert sent.json()["code"] == code
    unknown = client.post(
        "/v1/notices/csv", headers=bearer(workspace), data=fields, files={"table": ("t.csv", b"shop\n1\n")}
    )
    assert unknown.json()["code"] == "table.columns"
    missing = client.post("/v1/notices/csv", headers=bearer(workspace), files={"design": (None, kite)})
    assert missing.json()["code"] == "notice.table"


def test_a_notice_is_for_those_who_may(client: TestClient, workspace: Workspace, kite: str) -> None:
    """A key that reads files nothing, and 301 rows are refused before any work."""
    rows = [{"listing": f"lst_{number}"} for number in range(301)]
    body = {**SAID, "design": kite, "rows": rows}
    refused = client.post("/v1/notices", headers=bearer(workspace, "acme", "notices:read"), json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "auth.scope")
    many = client.post("/v1/notices", headers=bearer(workspace), json=body)
    assert (many.status_code, many.json()["code"]) == (422, "notice.too_many")
    assert many.json()["params"]["rows"] == 301


def test_odd_names_are_refused_rows(client: TestClient, workspace: Workspace, kite: str) -> None:
    """Formulas, HTML, NUL, half a character and texts of any length name no listing, and change nothing."""
    names = ["=1+1", "<script>", "a\0b", "\ud800", "\u202eabc", "x" * 100_000]
    rows = [{"reference": name, "marketplace": "bazaar"} for name in names]
    rows += [{"listing": name} for name in names]
    headers = {**bearer(workspace), "Content-Type": "application/json"}
    body = json.dumps({**SAID, "design": kite, "rows": rows, "note": "half \ud800"})
    answer = client.post("/v1/notices", headers=headers, content=body)
    assert answer.status_code == 201, answer.text
    assert {row["stage"] for row in answer.json()["rows"]} == {"refused"}
    assert max(len(row["reference"]) for row in answer.json()["rows"]) == 200
