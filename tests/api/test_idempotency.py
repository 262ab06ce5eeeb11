"""Repeated POST requests: one effect and one answer."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import make
import pytest
import sqlalchemy as sa
from starlette.responses import Response
from starlette.testclient import TestClient

from api.idempotency import ABANDONED_AFTER, IN_PROGRESS, KEPT_FOR, Once
from authcheck.checks.tables import Check
from authcheck.errors import Conflict
from authcheck.members.principals import Principal
from authcheck.members.tables import IdempotencyRecord
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

Headers = dict[str, str]


def _check(client: TestClient, headers: Headers, key: str, seed: int = 1) -> Any:
    files = {"image": ("a.png", make.picture_bytes(seed))}
    return client.post("/v1/checks", headers={**headers, "Idempotency-Key": key}, files=files)


def _count(workspace: Workspace) -> int | None:
    with workspace.database.reading() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(Check))


@pytest.fixture
def record(workspace: Workspace, checker: Headers) -> Callable[..., None]:
    """Change the only record."""

    def change(**values: Any) -> None:
        with workspace.database.writing() as session:
            session.execute(sa.update(IdempotencyRecord).values(**values))

    return change


@pytest.mark.slow
def test_a_repeated_check_is_answered_once_and_replayed(
    client: TestClient, checker: Headers, workspace: Workspace
) -> None:
    """The repeat gets the first status, body and Location, marked as replayed, even with another boundary."""
    first, again = _check(client, checker, "k1"), _check(client, checker, "k1")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["content-type"] == first.headers["content-type"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert _count(workspace) == 1


def test_designs_and_imports_are_replayed_too(client: TestClient, brand: Headers) -> None:
    """The second POST of a design replays 201 instead of 200 already_yours.

    A repeated import makes one report.
    """
    headers = {**brand, "Idempotency-Key": "k"}
    files = {"image": ("a.png", make.picture_bytes(1))}
    answers = [
        client.post("/v1/designs", headers=headers, data={"reference": "R"}, files=files) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[1].headers["etag"] == answers[0].headers["etag"]
    headers = {**brand, "Idempotency-Key": "k2"}
    imports = [client.post("/v1/imports", headers=headers, files=files).json()["id"] for _ in range(2)]
    assert imports[0] == imports[1]


@pytest.mark.slow
def test_the_same_key_for_another_request_is_refused(client: TestClient, checker: Headers) -> None:
    """Another picture under the same key gets 422, never the first answer."""
    _check(client, checker, "k")
    other = _check(client, checker, "k", seed=2)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency.mismatch")


@pytest.mark.slow
def test_a_key_is_bound_to_its_caller(
    client: TestClient, checker: Headers, login: Callable[..., Headers], workspace: Workspace
) -> None:
    """Another tenant, or another key of the same tenant, gets its own answer under the same Idempotency-Key."""
    ids = [
        _check(client, headers, "shared").json()["id"]
        for headers in (
            checker,
            login("listings:check", owner="other"),
            login("listings:check", owner="market"),
        )
    ]
    assert len(set(ids)) == 3
    assert _count(workspace) == 3


@pytest.mark.slow
def test_the_public_has_no_idempotency(client: TestClient, workspace: Workspace) -> None:
    """Public requests are never replayed, because they belong to no principal."""
    assert _check(client, {}, "k").json()["id"] != _check(client, {}, "k").json()["id"]
    assert _count(workspace) == 2


@pytest.mark.slow
def test_a_request_still_at_work_is_not_started_twice(
    client: TestClient, checker: Headers, record: Callable[..., None]
) -> None:
    """The repeat gets 409 while the first request is at work. A request that must have died is taken over."""
    _check(client, checker, "k")
    record(status=IN_PROGRESS, body=b"")
    busy = _check(client, checker, "k")
    assert (busy.status_code, busy.json()["code"]) == (409, "idempotency.in_progress")
    record(created_at=utc_now() - ABANDONED_AFTER - timedelta(seconds=1))
    assert _check(client, checker, "k").status_code == 201


@pytest.mark.slow
def test_a_record_ends_after_a_day(client: TestClient, checker: Headers, record: Callable[..., None]) -> None:
    """After 24 hours the key is free again."""
    first = _check(client, checker, "k").json()
    record(created_at=utc_now() - KEPT_FOR - timedelta(seconds=1))
    assert _check(client, checker, "k").json()["id"] != first["id"]


def test_a_refusal_is_not_kept(client: TestClient, checker: Headers) -> None:
    """A corrected request may use the key of a refused request."""
    headers = {**checker, "Idempotency-Key": "k"}
    bad = client.post("/v1/checks", headers=headers, files={"image": ("a.png", b"no picture")})
    assert bad.json()["code"] == "image.unreadable"
    assert _check(client, checker, "k").status_code == 201


@pytest.mark.slow
@pytest.mark.parametrize("key", ["", "x" * 201, "with space", "tab\t", "caf\u00e9"])
def test_a_key_that_is_none_is_refused(client: TestClient, checker: Headers, key: str) -> None:
    """A key has 1 to 200 visible ASCII characters."""
    headers = {"Idempotency-Key": key.encode("latin-1"), **{k: v.encode() for k, v in checker.items()}}
    files = {"image": ("a.png", make.picture_bytes(1))}
    answer = client.post("/v1/checks", headers=headers, files=files)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency.key")


def test_of_two_at_once_one_works(workspace: Workspace) -> None:
    """Of two threads with the same key, one does the work and the other must wait."""
    principal = Principal("org", "acme", "ack_1", frozenset(), {})
    at_work, finish = threading.Event(), threading.Event()
    done = []

    def work() -> Response:
        done.append(1)
        at_work.set()
        assert finish.wait(10)
        return Response(b"{}", 201)

    def other() -> Response:
        done.append(2)
        return Response(b"{}", 201)

    once = Once("k", "POST /x?")
    first = threading.Thread(target=once.run, args=(workspace.database, principal, "d", work))
    first.start()
    assert at_work.wait(10)
    with pytest.raises(Conflict) as caught:
        once.run(workspace.database, principal, "d", other)
    finish.set()
    first.join()
    assert caught.value.code == "idempotency.in_progress"
    assert once.run(workspace.database, principal, "d", other).status_code == 201
    assert done == [1]
