"""Flow: a marketplace hands in a night's listings as a table.

After a stop, the remaining rows are checked later.
"""

import json
from pathlib import Path
from typing import Any

import make
import pytest

from authcheck.errors import Unavailable
from authcheck.listings import imports, judging
from authcheck.listings.offer_files import read_offers
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

HEADER = "reference,seller,channel,territory,goods,price,listed_on,certificate,pictures\n"


@pytest.fixture
def folder(workspace: Workspace, tmp_path: Path) -> Path:
    """A registered design, a copy of it, another picture, and a table with good and bad rows."""
    make.register(workspace, seed=1)
    (tmp_path / "copy.jpg").write_bytes(make.picture_bytes(1, "JPEG"))
    (tmp_path / "other.jpg").write_bytes(make.picture_bytes(7, "JPEG"))
    rows = [
        "L-1,kites,bigmarket,DE,25|28,19.90 EUR,2026-11-01,,copy.jpg|other.jpg",
        "L-2,kites,bigmarket,DE,,,,,other.jpg",
        "L-3,kites,bigmarket,Atlantis,,,,,other.jpg",
        "L-1,kites,bigmarket,DE,,,,,other.jpg",
        "L-4,kites,bigmarket,DE,,,,,missing.jpg",
        "L-5,kites,bigmarket,DE,,,,,other.jpg|missing.jpg",
        "L-6,kites,bigmarket,DE,,,yesterday,,other.jpg",
        "L-7,kites,bigmarket,DE,,,,,",
    ]
    (tmp_path / "night.csv").write_text(HEADER + "\n".join(rows) + "\n")
    return tmp_path


@pytest.mark.slow
def test_good_rows_land_and_bad_ones_are_told(cli: Any, folder: Path, workspace: Workspace) -> None:
    """Each line has a verdict, or a code and a column."""
    done = cli("listings", "import", "--json", folder / "night.csv")
    found = {one["line"]: one for one in done.objects}
    assert done.code == 0
    assert [found[line].get("verdict") for line in (2, 3, 7)] == ["unlicensed_use", "none", "none"]
    assert [(line, found[line]["code"], found[line]["column"]) for line in (4, 5, 6, 8, 9)] == [
        (4, "listing.territory", "territory"),
        (5, "row.duplicate_reference", "reference"),
        (6, "listing.pictures", "pictures"),
        (8, "listing.date", "listed_on"),
        (9, "listing.pictures", "pictures"),
    ]
    assert "file.missing" in found[7]["unreadable"][0]
    assert "5 rejected" in done.err
    with workspace.database.reading() as session:
        assert [one.reference for one in judging.list_listings(session)] in (
            ["L-1", "L-2", "L-5"], ["L-2", "L-1", "L-5"], ["L-1", "L-5", "L-2"], ["L-2", "L-5", "L-1"],
            ["L-5", "L-1", "L-2"], ["L-5", "L-2", "L-1"],
        )  # fmt: skip


@pytest.mark.slow
def test_what_was_stopped_goes_on(
    cli: Any, folder: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows with a result are not checked again. Any process can check the remaining rows."""
    calls = []
    check = judging.check_listing

    def breaks_down(*words: Any, **named: Any) -> Any:
        calls.append(words[1].reference)
        if len(calls) == 1:
            return check(*words, **named)
        raise Unavailable("the database went away", code="database.busy")

    monkeypatch.setattr(imports, "check_listing", breaks_down)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    done = cli("listings", "import", folder / "night.csv")
    assert done.code == 3
    import_id = next(word for word in done.err.split() if word.startswith("lim_")).strip(":")
    assert f"authcheck listings resume {import_id}" in done.err
    calls.clear()

    def works(*words: Any, **named: Any) -> Any:
        calls.append(words[1].reference)
        return check(*words, **named)

    monkeypatch.setattr(imports, "check_listing", works)
    monkeypatch.chdir("/")
    again = cli("listings", "resume", "--json", import_id)
    assert "L-1" not in calls
    assert len(again.objects) == 8
    with workspace.database.reading() as session:
        assert imports.get_import(session, import_id).finished_at is not None
        assert len(judging.list_listings(session)) == 3
    assert [one["line"] for one in cli("listings", "resume", "--json", import_id).objects] == [*range(2, 10)]


def test_a_hand_in_that_is_none(cli: Any, folder: Path) -> None:
    """A missing table, an unknown import and wrong columns are refused.

    A table without a usable row exits with 1.
    """
    assert "[file.missing]" in cli("listings", "import", folder / "none.csv").err
    assert "[import.not_found]" in cli("listings", "resume", "lim_0").err
    (folder / "odd.csv").write_text("reference,colour\na,red\n")
    assert "[table.columns]" in cli("listings", "import", folder / "odd.csv").err
    (folder / "bad.jsonl").write_text("[]\n{}\n")
    assert cli("listings", "import", folder / "bad.jsonl").code == 1


def test_jsonl_is_read_as_csv_is() -> None:
    """JSONL accepts lists and numbers. A value that is no text is reported by line and column."""
    lines = [
        {"reference": "L-1", "seller": 7, "goods": [25, 28], "pictures": ["a.jpg"]},
        {"reference": "L-2", "seller": ["x"]},
        {"reference": "L-3", "seller": "a\0"},
        {"surprise": 1},
        "text",
    ]
    found = list(read_offers("\n".join(map(json.dumps, lines)).encode(), "t.jsonl"))
    assert (found[0].given["seller"], found[0].given["goods"]) == ("7", ["25", "28"])
    assert [(row.line, row.error.code if row.error else "", row.column) for row in found[1:]] == [
        (2, "row.not_text", "seller"),
        (3, "row.encoding", "seller"),
        (4, "row.malformed", ""),
        (5, "row.malformed", ""),
    ]


@pytest.mark.slow
def test_names_of_windows_find_their_pictures(cli: Any, folder: Path) -> None:
    """Backslashes lead to the picture. A path on another machine refuses its row in words."""
    rows = ["W-1,kites,bigmarket,DE,,,,,.\\Copy.JPG", "W-2,kites,bigmarket,DE,,,,,C:\\copy.jpg"]
    (folder / "windows.csv").write_text("sep=,\n" + HEADER + "\n".join(rows) + "\n")
    found = cli("listings", "import", "--json", folder / "windows.csv").objects
    assert sorted((one["line"], one.get("verdict"), one.get("code"), one.get("column")) for one in found) == [
        (3, "unlicensed_use", None, None),
        (4, None, "row.picture_elsewhere", "pictures"),
    ]


@pytest.mark.slow
def test_details_of_a_table_cost_no_row(cli: Any, folder: Path, workspace: Workspace) -> None:
    """German and Chinese names of columns are read. An odd detail is named with its line and column."""
    header = "reference,seller,channel,territory,pictures,Preis,W\u00e4hrung,\u6807\u9898,Beschreibung,EAN,Sold 30d,link\n"
    rows = [
        'D-1,kites,bigmarket,DE,other.jpg,"19,90",EUR,\u98ce\u7b5d,rot,4006381333931,"1,200",https://m.example/1',
        f"D-2,kites,bigmarket,DE,other.jpg,5 EUR,USD,\u202etxt.exe,{'x' * 100_000},1,-3,ftp://m.example",
        "D-3,kites,bigmarket,DE,other.jpg,,,NUL\0,,,,",
    ]
    (folder / "d.csv").write_text(header + "\n".join(rows) + "\n", encoding="utf-8")
    done = cli("listings", "import", "--json", folder / "d.csv")
    lines = {one["line"]: one for one in done.objects}
    assert [lines[line]["verdict"] for line in (2, 3, 4)] == ["none"] * 3
    assert {line: {one["field"] for one in lines[line]["remarks"]} for line in (2, 3, 4)} == {
        2: set(), 3: {"price", "title", "description", "gtin", "sold_30d", "url"}, 4: {"title"},
    }  # fmt: skip
    assert lines[4]["remarks"][0]["code"] == "row.encoding"
    plain = cli("listings", "import", folder / "d.csv")
    assert "line 3  D-2: We left gtin out." in plain.err
    with workspace.database.reading() as session:
        first, second, third = sorted(judging.list_listings(session), key=lambda row: row.reference)
    assert (first.title, first.description, first.gtin, first.sold_30d) == (
        "\u98ce\u7b5d",
        "rot",
        "04006381333931",
        1200,
    )
    assert (first.price, str(first.price_amount), first.currency) == ("19.90 EUR", "19.9000", "EUR")
    assert (second.title, len(second.description or ""), second.price_amount) == ("txt.exe", 20_000, None)
    assert third.title is None
    shown = cli("listings", "show", second.id).out
    assert "(20,000 characters, all of them with --json)" in shown
    assert "[listing.field_hidden]" in shown


@pytest.mark.slow
def test_the_command_line_takes_details(cli: Any, folder: Path) -> None:
    """The options are read as people write values. The reader of the terminal sees no escape of a stranger."""
    words = (
        "--shop",
        "k",
        "--marketplace",
        "bigmarket",
        "--territory",
        "DE",
        "--price",
        "20",
        "--currency",
        "eur",
    )
    more = ("--title", "Kite\x1b[31m", "--sold-30d", "1,200", "--rank", "0", "--url", "https://m.example/1")
    done = cli("check-listing", folder / "other.jpg", *words, *more, "--json")
    (listing,) = done.objects
    assert (listing["price"], listing["price_amount"], listing["currency"]) == ("20 EUR", "20", "EUR")
    assert (listing["title"], listing["sold_30d"], listing["rank"]) == ("Kite[31m", 1200, None)
    assert [one["field"] for one in listing["remarks"]] == ["title", "rank"]
    shown = cli("check-listing", folder / "other.jpg", *words, *more).out
    assert "url: https://m.example/1" in shown
    assert "[listing.field_unread]" in shown
    assert "\x1b" not in shown
