"""Flow: the disk that has the head file is full. An order is acknowledged and there, or refused and absent."""

import errno
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path

import certificates_made as made
import make
import pytest
import units_made
from ledger_acts import ACTS, build
from ledger_attacks import all_rows, findings, put_back, sign
from starlette.testclient import TestClient

from api.app import create_app
from authcheck.config import Settings
from authcheck.errors import StorageFailed, Unavailable
from authcheck.files.writing import write_whole
from authcheck.ledger import heads, publishing
from authcheck.workspace import Workspace

Fill = Callable[..., None]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def fill(monkeypatch: pytest.MonkeyPatch) -> Fill:
    """Let the disk be full for files of these names. Without names there is room again."""

    def fill_for(*names: str, code: int = errno.ENOSPC) -> None:
        def write(path: Path, data: bytes, **options: bool) -> None:
            if path.name in names:
                raise OSError(code, os.strerror(code), str(path))
            write_whole(path, data, **options)

        monkeypatch.setattr(heads, "write_whole", write)

    return fill_for


@pytest.mark.slow
def test_an_act_without_room_for_the_head_is_refused_and_leaves_nothing(
    workspace: Workspace, fill: Fill
) -> None:
    """Every act says that the disk is full, and no act leaves a row. With room again, the act succeeds."""
    scene = build(workspace)
    sign(workspace)
    before = all_rows(workspace)
    for name, act in ACTS.items():
        fill(heads.HEAD_FILE, heads.ROOM_FILE)
        with pytest.raises(StorageFailed) as refused:
            act(scene)
        assert refused.value.code == "storage.full", name
        assert all_rows(workspace) == before, name
        fill()
        act(scene)
        assert all_rows(workspace) != before, name
        put_back(workspace, before)


@pytest.mark.parametrize(
    ("code", "status", "said"), [(errno.ENOSPC, 507, "storage.full"), (errno.EROFS, 503, "storage.read_only")]
)
def test_the_caller_is_told_and_may_repeat_the_order(
    settings: Settings, fill: Fill, code: int, status: int, said: str
) -> None:
    """The answer names the head file and says that nothing was recorded. The same order succeeds later."""
    with TestClient(create_app(settings)) as client:
        work: Workspace = client.app.state.workspace  # type: ignore[attr-defined]
        design_id = units_made.brand_with_key(work)
        token = make.key(work, "certificates:issue")
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "order-1"}
        order = {"design": design_id, "gtin": units_made.GTIN, "lot": "L", "product": "Kite", "count": 2}
        fill(heads.HEAD_FILE, heads.ROOM_FILE, code=code)
        answer = client.post("/v1/batches", json=order, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, said)
        assert "head file" in answer.json()["detail"]
        assert "Nothing was recorded" in answer.json()["detail"]
        assert str(settings.data_dir) not in answer.text
        assert client.get("/v1/batches", headers=headers).json()["items"] == []
        fill()
        assert client.post("/v1/batches", json=order, headers=headers).status_code == 201
        assert len(client.get("/v1/batches", headers=headers).json()["items"]) == 1


def test_an_order_that_is_committed_is_acknowledged(
    settings: Settings, fill: Fill, caplog: pytest.LogCaptureFixture
) -> None:
    """The disk fills up between the commit and the signature. The order stands, and the log has a warning."""
    with TestClient(create_app(settings)) as client:
        work: Workspace = client.app.state.workspace  # type: ignore[attr-defined]
        design_id = units_made.brand_with_key(work)
        token = make.key(work, "certificates:issue")
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "order-1"}
        order = {"design": design_id, "gtin": units_made.GTIN, "lot": "L", "product": "Kite", "count": 1}
        fill(heads.HEAD_FILE)
        with caplog.at_level(logging.WARNING, "authcheck.ledger.publishing"):
            answer = client.post("/v1/batches", json=order, headers=headers)
        assert answer.status_code == 201
        assert "no checkpoint covers them yet" in caplog.text
        assert client.post("/v1/batches", json=order, headers=headers).json()["id"] == answer.json()["id"]
        code = client.get("/v1/certificates", headers=headers).json()["items"][0]["code"]
        assert client.get(f"/v1/certificates/{code}").status_code == 507
        fill()
        assert client.get(f"/v1/certificates/{code}").json()["outcome"] == "good"
        assert findings(work) == []


def test_the_room_is_given_back(workspace: Workspace) -> None:
    """The look for room leaves no file, and a head file that is there stays as it is."""
    acme = made.brand(workspace)
    sign(workspace)
    head = (workspace.settings.keys_dir / heads.HEAD_FILE).read_bytes()
    acme.issue()
    names = {path.name for path in workspace.settings.keys_dir.iterdir()}
    assert heads.ROOM_FILE not in names
    assert not [name for name in names if name.startswith(".new-")]
    assert (workspace.settings.keys_dir / heads.HEAD_FILE).read_bytes() == head


def test_an_order_whose_database_vanished_is_not_acknowledged(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signature that fails because the database is another one refuses the order: its entries are gone."""

    def replaced(*_: object, **__: object) -> None:
        raise Unavailable(code="database.replaced")

    monkeypatch.setattr(publishing, "publish", replaced)
    with pytest.raises(Unavailable):
        publishing.publish_recorded(workspace.database, workspace.settings)


def test_no_act_refuses_what_it_has_committed() -> None:
    """Commands and routes publish by `publish_recorded`. Only the ledger's own command may fail to sign."""
    folders = (ROOT / "api" / "routes", ROOT / "authcheck" / "terminal" / "commands")
    signing = {
        path.name
        for folder in folders
        for path in folder.glob("*.py")
        if re.search(r"\bpublish\(", path.read_text())
    }
    assert signing == {"ledger.py"}
