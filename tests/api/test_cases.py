"""Cases over HTTP: a decision leaves by itself, and an undo comes before."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import cases_made
import make
import pytest
from starlette.testclient import TestClient

from api import settling
from api.app import create_app
from authcheck.cases import decisions
from authcheck.config import Settings
from authcheck.errors import Unavailable
from authcheck.storage.database import Database
from authcheck.workspace import Workspace

RULING = {"decision": "unlicensed_use", "reason": "listing.no_licence", "restriction": "remove"}


@pytest.fixture
def client(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A client of an app that settles cases at once."""
    monkeypatch.setattr(settling, "EVERY_S", 0.02)
    monkeypatch.setattr(decisions, "UNDO", timedelta(seconds=0.1))
    with TestClient(create_app(settings)) as started:
        yield started


def until(client: TestClient, headers: dict[str, str], case_id: str, state: str) -> dict[str, object]:
    """Return a case as soon as it has this state."""
    for _ in range(200):
        case: dict[str, object] = client.get(f"/v1/cases/{case_id}", headers=headers).json()
        if case["state"] == state:
            return case
        time.sleep(0.02)
    raise AssertionError(case)


def test_a_decision_leaves_by_itself(
    client: TestClient, workspace: Workspace, login: Callable[..., dict[str, str]]
) -> None:
    """The running service lets it take effect. Another key is told who decided."""
    make.register(workspace, seed=1)
    cases_made.hand_in(workspace)
    moderator, other = (login("cases:decide", owner="bazaar") for _ in range(2))
    case_id = client.post("/v1/cases/next", headers=moderator).json()["id"]
    decided = client.post(f"/v1/cases/{case_id}/decision", json=RULING, headers=moderator)
    assert (decided.status_code, decided.json()["decision"]["restriction"]) == (201, "remove")
    case = until(client, moderator, case_id, "effective")
    assert [row["kind"] for row in case["timeline"]] == ["opened", "decided", "effective"]  # type: ignore[attr-defined]
    late = client.delete(f"/v1/cases/{case_id}/decision", headers=moderator)
    assert (late.status_code, late.json()["code"]) == (409, "decision.left")
    second = client.post(f"/v1/cases/{case_id}/decision", json=RULING, headers=other).json()
    assert (second["code"], second["params"]["by"][:4]) == ("case.decided", "ack_")


def test_a_failure_waits_for_the_next_round(
    client: TestClient,
    workspace: Workspace,
    login: Callable[..., dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A ledger that takes no entry for a moment, or a bug, ends no background work."""
    make.register(workspace, seed=1)
    cases_made.hand_in(workspace)
    moderator = login("cases:decide", owner="bazaar")
    failures, settle = iter([Unavailable(), RuntimeError()]), settling.settle

    def fail_first(*words: object) -> int:
        if error := next(failures, None):
            raise error
        return settle(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(settling, "settle", fail_first)
    case_id = client.post("/v1/cases/next", headers=moderator).json()["id"]
    client.post(f"/v1/cases/{case_id}/decision", json=RULING, headers=moderator)
    until(client, moderator, case_id, "effective")


def test_the_end_waits_for_what_works_in_the_background(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that holds a connection ends before the database is closed."""
    working, ended = threading.Event(), []
    app = create_app(settings)

    def settle_slowly(database: Database, *_: object) -> int:
        if database is app.state.workspace.database:  # a server of another test may still run in this process
            working.set()
            time.sleep(0.2)
            ended.append("settled")
        return 0

    monkeypatch.setattr(settling, "EVERY_S", 0.01)
    monkeypatch.setattr(settling, "settle", settle_slowly)
    with TestClient(app):
        assert working.wait(5)
        dispose = app.state.workspace.database.dispose
        monkeypatch.setattr(Database, "dispose", lambda _: (ended.append("closed"), dispose()))
    assert ended[-1] == "closed"
    assert len(ended) >= 2
    time.sleep(0.3)
    assert ended[-1] == "closed"
