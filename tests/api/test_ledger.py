"""The ledger over HTTP. The server serves only signed entries, as C2SP tlog-tiles."""

from collections.abc import Callable
from typing import Any

import make
import pytest
from ledger_attacks import back_up, restore
from starlette.testclient import TestClient

from authcheck.ledger import journal, publishing
from authcheck.tlog.entries import Draft
from authcheck.tlog.merkle import leaf_hash, root_of
from authcheck.tlog.note import Checkpoint, verify_note
from authcheck.tlog.tiles import decode_entries, root_at, tile_path
from authcheck.workspace import Workspace

NewDesign = Callable[..., dict[str, Any]]


def grow(workspace: Workspace, count: int, first: int = 0) -> None:
    """Append this number of entries."""
    drafts = [Draft("cert.flag", f"urn:uuid:{number}", make.NOW) for number in range(first, first + count)]
    with workspace.database.writing() as session:
        journal.record(session, drafts)


def test_a_registered_design_is_in_the_next_checkpoint(
    client: TestClient, workspace: Workspace, new_design: NewDesign
) -> None:
    """The checkpoint is a signed note of all entries, and caches keep it only briefly."""
    new_design()
    answer = client.get("/ledger/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=1"
    verifier = publishing.ledger_signer(workspace.settings, workspace.settings.ledger_origin).verifier
    assert verify_note(answer.text, [verifier]) == [verifier]
    assert Checkpoint.from_note(answer.text).size == 2


def test_the_tree_is_rebuilt_from_what_is_served(client: TestClient, workspace: Workspace) -> None:
    """Served entries and hashes, full and partial, give the signed root. Caches may keep them permanently."""
    grow(workspace, 259)
    signed = Checkpoint.from_note(client.get("/ledger/checkpoint").text)
    bodies = []
    for path in ("entries/000", "entries/001.p/3"):
        answer = client.get(f"/ledger/tile/{path}")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        bodies += decode_entries(answer.content)
    assert (signed.size, signed.root) == (259, root_of([leaf_hash(body) for body in bodies]))

    def read(level: int, number: int) -> bytes:
        width = min(256, (259 >> 8 * level) - 256 * number)
        return client.get("/ledger/" + tile_path(level, number, width)).content

    assert root_at(259, read) == signed.root
    assert client.get("/ledger/tile/0/000.p/7").content == client.get("/ledger/tile/0/000").content[: 7 * 32]


@pytest.mark.parametrize(
    "path",
    [
        "0/001", "0/001.p/4", "0/002", "0/002.p/1", "1/000", "1/000.p/2", "2/000.p/1", "entries/001",
        "entries/001.p/4", "0/000.p/0", "0/000.p/256", "0/0", "0/x000/000", "64/000", "-1/000", "entries/", "x",
        "0/x999/x999/x999/x999/x999/x999/999",
    ],
)  # fmt: skip
def test_nothing_is_served_that_was_not_signed(client: TestClient, workspace: Workspace, path: str) -> None:
    """A tile beyond the signed size, or at a malformed address, is not found, even when its entries exist."""
    grow(workspace, 259)
    client.get("/ledger/checkpoint")
    grow(workspace, 2, first=259)
    answer = client.get(f"/ledger/tile/{path}")
    assert answer.status_code == 404
    assert "cache-control" not in answer.headers


@pytest.mark.slow
def test_before_the_first_checkpoint_there_are_no_tiles(client: TestClient, workspace: Workspace) -> None:
    """Unsigned entries are not served."""
    grow(workspace, 3)
    answer = client.get("/ledger/tile/0/000.p/3")
    assert (answer.status_code, answer.json()["code"]) == (404, "ledger.no_such_tile")


def test_a_restored_backup_is_not_served(client: TestClient, workspace: Workspace) -> None:
    """A restored database that lacks signed entries serves no checkpoint."""
    grow(workspace, 3)
    kept = back_up(workspace.database)
    assert client.get("/ledger/checkpoint").status_code == 200
    restore(workspace.database, kept)
    answer = client.get("/ledger/checkpoint")
    assert answer.status_code == 200
    grow(workspace, 1, first=3)
    first = publishing.publish(workspace.database, workspace.settings)
    restore(workspace.database, kept)
    answer = client.get("/ledger/checkpoint")
    assert (first.size, answer.status_code, answer.json()["code"]) == (4, 503, "ledger.rolled_back")
