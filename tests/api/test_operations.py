"""Health checks and metrics."""

from collections.abc import Callable
from typing import Any

import make
import pytest
from ledger_attacks import sign
from prometheus_client import REGISTRY
from starlette.testclient import TestClient

from authcheck.errors import Unavailable
from authcheck.ledger.heads import HeadFile, Held
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql


def test_a_started_process_is_alive_and_ready(client: TestClient) -> None:
    """/livez says that the process is alive. /readyz lists its checks, and all are ok."""
    assert client.get("/livez").json()["status"] == "alive"
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"] == {"database": "ok", "migrations": "ok", "index": "ok", "ledger": "ok"}


def test_a_process_whose_index_does_not_load_is_not_ready(
    client: TestClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process without its index is alive, and not ready: 503 with the code."""

    def fail(*_args: object) -> None:
        raise Unavailable("old", code="registry.old_scheme")

    monkeypatch.setattr(type(workspace.finder.live), "refresh", fail)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["index"]) == (503, "registry.old_scheme")
    assert client.get("/livez").status_code == 200


def test_a_process_of_another_release_is_not_ready(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database at another migration than this release's head is named."""
    monkeypatch.setattr("api.routes.operations.head", lambda: "9999")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["migrations"]) == (503, "database.not_upgraded")


def test_a_rolled_back_ledger_is_not_ready(client: TestClient, workspace: Workspace) -> None:
    """A database that lacks signed entries is not ready, because it takes no orders."""
    sign(workspace)
    HeadFile(workspace.settings.keys_dir).write(Held("the head file", 99, None))
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["ledger"]) == (503, "ledger.rolled_back")


def test_metrics_count_requests_by_route_and_checks_by_verdict(
    client: TestClient, new_design: Callable[..., dict[str, Any]]
) -> None:
    """Requests count under the template of their route, so ids in paths make no series."""
    new_design(seed=1)
    client.post("/v1/checks", files={"image": ("a.png", make.picture_bytes(1))})
    for number in range(3):
        client.get(f"/v1/checks/chk_{number}")
        client.get(f"/nothing/{number}")
    client.request("BREW", "/v1/me")
    text = client.get("/metrics").text
    assert 'authcheck_requests_total{method="GET",route="/v1/checks/{check_id}",status="404"} 3.0' in text
    assert 'authcheck_requests_total{method="GET",route="(none)",status="404"} 3.0' in text
    assert 'authcheck_checks_total{source="api",verdict="match"} 1.0' in text
    assert "authcheck_index_views 1.0" in text
    assert "BREW" not in text
    assert "chk_" not in text


@pytest.mark.slow
def test_two_apps_in_one_process_count_apart(client: TestClient) -> None:
    """Each app has a registry of its own, and the global registry is empty."""
    client.get("/livez")
    assert not any(metric.name.startswith("authcheck") for metric in REGISTRY.collect())
