"""Flow: a marketplace hands in listings and decides cases at a server that somebody else runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cases_made as cases
import make
import pytest
from members_made import picture

from authcheck.errors import Unavailable
from authcheck.terminal.remote.service import Service
from authcheck.workspace import Workspace

pytestmark = pytest.mark.slow
Cli = Callable[..., Any]


def test_a_table_of_listings(member: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Good rows are judged in the table's order, bad ones are named with line and column, and a stop loses none."""
    kite = picture(tmp_path / "night", "kite.png", 1)
    assert member("designs", "import", kite).code == 0
    picture(tmp_path / "night", "other.png", 7)
    (tmp_path / "night" / "broken.png").write_bytes(b"no picture")
    table = tmp_path / "night" / "night.csv"
    table.write_text(
        "reference,seller,channel,territory,pictures,goods,listed_on,stock,price\n"
        "L-1,s1,market.example,FR,kite.png|broken.png,9|25,2026-11-01,12,19.90 EUR\n"
        "L-2,s2,market.example,FR,other.png,,,many,\n"
        "L-3,s3,market.example,XX,kite.png,,,,\n"
        "L-4,s4,market.example,FR,gone.png,,,,\n"
        "L-1,s1,market.example,FR,kite.png,,,,\n"
    )
    done = member("listings", "import", table)
    assert done.code == 0, done.err
    assert done.err.splitlines()[-1] == "1 none, 3 rejected, 1 unlicensed_use of 5 rows."
    lines = [line.split("  ")[0] for line in done.out.splitlines()]
    assert lines == ["line 2", "line 4", "line 5", "line 6"]
    assert "broken.png" in done.err
    assert "stock" in done.err
    assert "[listing.territory, territory]" in done.out
    assert "gone.png: The file does not exist. [file.missing, pictures]" in done.out
    rows = member("listings", "import", table, "--json").objects
    assert [row.get("verdict", row.get("code")) for row in rows] == [
        *("unlicensed_use", "none", "listing.territory", "file.missing", "row.duplicate_reference")
    ]
    listed = sorted(member("listings", "list", "--json").objects, key=lambda one: one["reference"])
    assert [(one["reference"], one["goods"], one["stock"]) for one in listed] == [
        ("L-1", [9, 25], 12), ("L-2", [], None),
    ]  # fmt: skip
    monkeypatch.setattr(Service, "upload", lambda *_, **__: _raise(Unavailable("It is gone.")))
    stopped = member("listings", "import", table)
    assert (stopped.code, "nothing of 5 rows." in stopped.err) == (3, True)


def test_a_case_is_taken_decided_and_undone(
    member: Cli, server_url: str, workspace: Workspace, environment: dict[str, str], tmp_path: Path
) -> None:
    """The key of a marketplace holds and decides the case. The reason is the weightiest that fits."""
    kite = picture(tmp_path / "art", "KITE-1.png", 1)
    assert member("designs", "import", kite).code == 0
    cases.market(workspace, "market")
    environment["AUTHCHECK_SERVER"] = server_url
    environment["AUTHCHECK_KEY"] = make.key(workspace, "listings:check", "cases:decide", owner="market")
    empty = member("cases", "next")
    assert (empty.code, "No case waits." in empty.err) == (1, True)
    offer = ("--marketplace", "market.example", "--shop", "s1", "--territory", "FR", "--goods", "25")
    assert member("check-listing", kite, *offer, "--reference", "L-1").code == 1
    refused = member("cases", "next", "--as", "mo@market.example")
    assert (refused.code, "[setting.person]" in refused.err) == (2, True)
    taken = member("cases", "next", "--json")
    (case,) = taken.objects
    assert "Decide within 10 minutes: authcheck cases decide cas_" in taken.err
    decided = member("cases", "decide", case["id"], "--decision", "unlicensed_use", "--restriction", "hide")
    assert decided.code == 0, decided.err
    assert "image.exact_copy" in decided.out
    assert f"authcheck cases undo {case['id']}" in decided.err
    assert "1 case is open again." in member("cases", "undo", case["id"]).err
    assert member("cases", "show", case["id"], "--json").objects[0]["decision"] is None
    late = member("cases", "undo", case["id"])
    assert (late.code, "[decision.none]" in late.err) == (2, True)


def _raise(error: Exception) -> Any:
    raise error
