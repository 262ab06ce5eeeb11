"""Fixtures: a running app and its callers."""

from collections.abc import Callable, Iterator
from typing import Any

import make
import pytest
from starlette.testclient import TestClient

from api import dropping, notifying, settling
from api.app import create_app
from authcheck.config import Settings
from authcheck.workspace import Workspace

Headers = dict[str, str]


@pytest.fixture
def client(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A client of a freshly started app, without the statements of work in the background."""
    monkeypatch.setattr(settling, "EVERY_S", 3600.0)
    monkeypatch.setattr(dropping, "EVERY_S", 3600.0)
    monkeypatch.setattr(notifying, "EVERY_S", 3600.0)
    monkeypatch.setattr(dropping, "_first", lambda _workspace: None)
    monkeypatch.setattr(settling, "_sort_again", lambda _workspace: None)
    with TestClient(create_app(settings)) as started:
        yield started


@pytest.fixture
def workspace(client: TestClient) -> Workspace:
    """The workspace of that app."""
    opened: Workspace = client.app.state.workspace  # type: ignore[attr-defined]
    return opened


@pytest.fixture
def login(workspace: Workspace) -> Callable[..., Headers]:
    """Return headers with a new key: `login("designs:write", owner="acme")`."""
    return lambda *scopes, owner="acme": {
        "Authorization": f"Bearer {make.key(workspace, *scopes, owner=owner)}"
    }


@pytest.fixture
def brand(login: Callable[..., Headers]) -> Headers:
    """Headers of Acme, a brand that registers designs."""
    return login("designs:write")


@pytest.fixture
def rival(login: Callable[..., Headers]) -> Headers:
    """Headers of Globex, another brand that registers designs."""
    return login("designs:write", owner="globex")


@pytest.fixture
def checker(login: Callable[..., Headers]) -> Headers:
    """Headers of a marketplace that checks listings."""
    return login("listings:check", owner="market")


@pytest.fixture
def admin(login: Callable[..., Headers]) -> Headers:
    """Headers of the operator."""
    return login("admin", owner="operator")


@pytest.fixture
def new_design(client: TestClient, brand: Headers) -> Callable[..., dict[str, Any]]:
    """Register a design over HTTP and return it: `new_design("R-1", seed=3, public_preview="true")`."""

    def register(reference: str = "R-1", *, seed: int = 1, **words: str) -> dict[str, Any]:
        image = ("a.png", make.picture_bytes(seed))
        answer = client.post(
            "/v1/designs", headers=brand, data={"reference": reference, **words}, files={"image": image}
        )
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return register


@pytest.fixture(autouse=True)
def _designs_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Extract the local features of each registered picture only once for all tests."""
    monkeypatch.setattr("authcheck.vision.features.extract.of_design", make.design_features)
