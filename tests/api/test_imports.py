"""Bulk imports over HTTP."""

import csv
import io
from collections.abc import Callable
from typing import Any

import make
import pytest
from foreign_files import xlsx, zip_of
from starlette.testclient import TestClient

Headers = dict[str, str]


def _image(name: str, seed: int, image_format: str = "PNG") -> tuple[str, tuple[str, bytes]]:
    return "image", (name, make.picture_bytes(seed, image_format))


def _table(text: str | bytes, name: str = "designs.csv") -> tuple[str, tuple[str, bytes]]:
    return "table", (name, text.encode() if isinstance(text, str) else text)


def _import(client: TestClient, headers: Headers, *parts: Any, query: str = "") -> Any:
    return client.post(f"/v1/imports{query}", headers=headers, files=list(parts))


@pytest.mark.slow
def test_good_rows_land_whatever_the_others_are(
    client: TestClient, brand: Headers, login: Callable[..., Headers]
) -> None:
    """Every row gets its own answer: registered, already yours, near another owner's design, or refused."""
    rival = login("designs:write", owner="globex")
    _import(client, rival, _image("theirs.png", 9))
    table = (
        "reference;title;picture\n"
        "A;Koi;a.png\n"
        "B;;missing.png\n"
        "C;;folder/c.png\n"
        "A;again;a.png\n"
        "D;;broken.png\n"
        "E;;near.jpg\n"
    )
    answer = _import(
        client,
        brand,
        _table("\ufeff" + table),
        _image("a.png", 1),
        _image("c.png", 2),
        ("image", ("broken.png", b"not a picture")),
        _image("near.jpg", 9, "JPEG"),
    )
    assert answer.status_code == 201
    body = answer.json()
    assert [
        (row["line"], row["reference"], row["status"], row["code"], row["column"]) for row in body["rows"]
    ] == [
        (2, "A", "registered", "", ""),
        (3, "B", "rejected", "row.picture_missing", "picture"),
        (4, "C", "registered", "", ""),
        (5, "A", "rejected", "row.duplicate_reference", "reference"),
        (6, "D", "rejected", "image.unreadable", "picture"),
        (7, "E", "disputed", "", ""),
    ]
    assert body["counts"] == {"registered": 2, "already_yours": 0, "disputed": 1, "rejected": 3}
    assert (body["rows"][5]["near_owner"], body["rows"][5]["near_reference"]) == ("globex", "theirs")
    assert client.get(answer.headers["location"], headers=brand).json() == body


def test_running_an_import_again_changes_nothing(client: TestClient, brand: Headers) -> None:
    """In a second import all rows are already yours, with the same designs."""
    first = _import(client, brand, _image("a.png", 1), _image("b.png", 2)).json()
    again = _import(client, brand, _image("a.png", 1), _image("b.png", 2)).json()
    assert again["counts"]["already_yours"] == 2
    assert [row["design_id"] for row in again["rows"]] == [row["design_id"] for row in first["rows"]]


def test_a_dry_run_registers_nothing(client: TestClient, brand: Headers) -> None:
    """The stored report gives the result of each row, without an id of a design that does not exist."""
    answer = _import(client, brand, _image("a.png", 1), query="?dry_run=true")
    assert answer.json()["dry_run"] is True
    assert answer.json()["counts"]["registered"] == 1
    assert answer.json()["rows"][0]["design_id"] == ""
    assert client.get("/v1/designs", headers=brand).json()["items"] == []
    assert client.get(answer.headers["location"], headers=brand).json() == answer.json()


def test_jsonl_names_several_pictures(client: TestClient, brand: Headers) -> None:
    """Each line is an object, and `pictures` is a list."""
    line = '{"reference": "A", "pictures": ["a.png", "b.png"], "kind": "logo", "public_preview": true}\n'
    answer = _import(client, brand, _table(line, "t.jsonl"), _image("a.png", 1), _image("b.png", 2))
    design = client.get(f"/v1/designs/{answer.json()['rows'][0]['design_id']}", headers=brand).json()
    assert (len(design["views"]), design["kind"], design["public_preview"]) == (2, "logo", True)


def test_two_different_pictures_of_one_name_are_ambiguous(client: TestClient, brand: Headers) -> None:
    """A row with an ambiguous name is refused. Without a table the second file of a name is refused."""
    pictures = (_image("a.png", 1), _image("a.png", 2))
    row = _import(client, brand, _table("reference,picture\nA,a.png\n"), *pictures).json()["rows"][0]
    assert (row["status"], row["code"]) == ("rejected", "row.picture_ambiguous")
    rows = _import(client, brand, *pictures).json()["rows"]
    assert [row["code"] for row in rows] == ["", "row.duplicate_reference"]


def test_a_row_cannot_name_another_owner(client: TestClient, brand: Headers) -> None:
    """A row may name its own organisation as owner, and no other."""
    table = "reference,owner,picture\nA,globex,a.png\nB,acme,b.png\n"
    rows = _import(client, brand, _table(table), _image("a.png", 1), _image("b.png", 2)).json()["rows"]
    assert [(row["status"], row["code"]) for row in rows] == [("rejected", "row.owner"), ("registered", "")]


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ((("table", ("t.csv", b"")),), "table.empty"),
        ((("table", ("t.csv", b"a,b\n1,2\n")),), "table.columns"),
        ((("table", ("t.csv", b"x")), ("table", ("t.csv", b"x"))), "request.repeated"),
        ((("picture", ("t.png", b"x")),), "request.unknown_field"),
        ((("kind", (None, b"logo")),), "request.image_missing"),
        ((("image", (None, b"text")),), "request.not_a_file"),
        ((("kind", ("f.txt", b"logo")), ("image", ("a.png", b"x"))), "request.not_text"),
    ],
)
def test_an_import_that_is_none_is_refused(
    client: TestClient, brand: Headers, parts: tuple[Any, ...], code: str
) -> None:
    """An error of the whole request is a problem with a code, not a report."""
    answer = _import(client, brand, *parts)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_bytes_that_are_not_text_spoil_their_row_only(client: TestClient, brand: Headers) -> None:
    """Rows with Latin-1, NUL or too many fields are refused alone, and the report is valid UTF-8."""
    table = b"reference,title,picture\nA,caf\xe9,a.png\nB\x00,,a.png\n\xff,x,a.png,more,fields\nC,,a.png\n"
    answer = _import(client, brand, _table(table), _image("a.png", 1))
    assert answer.status_code == 201
    codes = [row["code"] for row in answer.json()["rows"]]
    assert codes == ["row.encoding", "row.encoding", "row.malformed", ""]
    report = client.get(answer.headers["location"] + "/report.csv", headers=brand)
    assert report.status_code == 200


def test_the_report_runs_no_formula(client: TestClient, brand: Headers) -> None:
    """A cell that a spreadsheet would run as a formula starts with an apostrophe."""
    evil = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)"]
    lines = "".join(f'"{text}",nowhere.png\n' for text in evil)
    answer = _import(client, brand, _table("reference,picture\n" + lines))
    report = client.get(answer.headers["location"] + "/report.csv", headers=brand)
    assert report.headers["content-type"].startswith("text/csv")
    assert report.headers["content-disposition"].startswith("attachment")
    rows = list(csv.DictReader(io.StringIO(report.text)))
    assert [row["reference"] for row in rows] == [f"'{text}" for text in evil]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


def test_a_report_belongs_to_its_organisation(client: TestClient, brand: Headers, rival: Headers) -> None:
    """Another organisation gets the answer of an unknown id."""
    url = _import(client, brand, _image("a.png", 1)).headers["location"]
    for path in (url, f"{url}/report.csv", "/v1/imports/imp_NOBODY"):
        answer = client.get(path, headers=rival)
        assert (answer.status_code, answer.json()["code"]) == (404, "import.not_found")


@pytest.mark.slow
def test_names_of_other_systems_find_their_picture(client: TestClient, brand: Headers) -> None:
    """A workbook may name its pictures with backslashes, quotes, other capitals and the Mac's Unicode form."""
    rows = [["Reference", "picture"], ["A", '"prints\\A.PNG"'], ["B", "e\u0301.png"], ["C", "C:\\x\\c.png"]]
    answer = _import(
        client,
        brand,
        _table(xlsx({"New": rows}), "designs.xlsx"),
        _image("a.png", 1),
        _image("\u00e9.png", 2),
        _image("c.png", 3),
    )
    assert [row["status"] for row in answer.json()["rows"]] == ["registered"] * 3


def test_a_workbook_of_several_sheets_is_refused(client: TestClient, brand: Headers) -> None:
    """Nobody would read that a sheet was left out, so the request is refused."""
    sheet = [["reference", "picture"], ["A", "a.png"]]
    answer = _import(client, brand, _table(xlsx({"New": sheet, "Old": sheet})), _image("a.png", 1))
    assert (answer.status_code, answer.json()["code"]) == (422, "table.sheets")


@pytest.mark.slow
def test_system_files_are_left_out_and_counted(client: TestClient, brand: Headers) -> None:
    """A browser sends a whole folder: a Mac's notes are counted, and a drawing program's file is named."""
    answer = _import(
        client,
        brand,
        ("image", ("KITE.psd", b"8BPS\0\1")),
        ("image", ("._KITE.png", b"\0\5\x16\7\0\2\0\0")),
        ("image", ("COPY.png", b"\0\5\x16\7\0\2\0\0")),
        ("image", (".DS_Store", b"\0\0\0\1Bud1")),
        _image("KITE.png", 1),
    )
    body = answer.json()
    assert [(row["line"], row["status"], row["code"]) for row in body["rows"]] == [
        (1, "rejected", "image.format"),
        (5, "registered", ""),
    ]
    assert body["counts"]["left_out"] == 3


def _zip(files: dict[str, bytes | str], name: str = "prints.zip") -> tuple[str, tuple[str, bytes]]:
    return "image", (name, zip_of(files))


@pytest.mark.slow
def test_an_archive_is_taken_like_its_pictures(client: TestClient, brand: Headers) -> None:
    """The pictures of a ZIP have rows of their own. Its other files are counted."""
    files: dict[str, bytes | str] = {
        "b/KITE.png": make.picture_bytes(1),
        "b/ART.psd": b"8BPS\0\1",
        "__MACOSX/b/._KITE.png": b"\0\5\x16\7",
        "notes.txt": "text",
    }
    body = _import(client, brand, _zip(files)).json()
    assert [(row["line"], row["reference"], row["code"]) for row in body["rows"]] == [
        (1, "ART", "image.format"),
        (2, "KITE", ""),
    ]
    assert body["counts"]["left_out"] == 2
    other = _zip({"c/BOAT.png": make.picture_bytes(3)}, "more.ZIP")
    mixed = _import(client, brand, _image("SUN.png", 2), _zip(files), other).json()
    assert [(row["line"], row["reference"], row["status"]) for row in mixed["rows"]] == [
        (1, "SUN", "registered"),
        (2, "ART", "rejected"),
        (3, "KITE", "already_yours"),
        (6, "BOAT", "registered"),
    ]
    assert mixed["counts"]["left_out"] == 2


@pytest.mark.slow
def test_a_table_names_pictures_in_an_archive(client: TestClient, brand: Headers) -> None:
    """The table is a part, or in the archive if that is sent alone. Unnamed pictures are counted."""
    table = "reference,picture\nK-1,prints\\kite.PNG\nK-2,b/x.png\nK-3,x.png\nK-4,none.png\n"
    pictures = {
        "all/prints/KITE.png": make.picture_bytes(1),
        "all/b/x.png": make.picture_bytes(2),
        "all/c/x.png": make.picture_bytes(3),
        "all/unnamed.png": make.picture_bytes(4),
    }
    alone = _import(client, brand, _zip({**pictures, "all/designs.csv": table}), query="?dry_run=true").json()
    assert [row["code"] for row in alone["rows"]] == ["", "", "row.picture_missing", "row.picture_missing"]
    assert alone["counts"]["left_out"] == 2
    pictures = {name.removeprefix("all/"): data for name, data in pictures.items()}
    beside = _import(client, brand, _table(table), _zip(pictures), query="?dry_run=true").json()
    assert [row["code"] for row in beside["rows"]] == ["", "", "row.picture_ambiguous", "row.picture_missing"]
    assert beside["counts"]["left_out"] == 1
    several = _import(client, brand, _zip({**pictures, "a.csv": table, "b.csv": table}))
    assert (several.status_code, several.json()["code"]) == (422, "archive.several_tables")
    two = _import(client, brand, _image("a.png", 9), _zip({**pictures, "designs.csv": table}))
    assert (two.status_code, two.json()["code"]) == (422, "request.archived_table")


def test_a_damaged_archive_spoils_its_row_only(client: TestClient, brand: Headers) -> None:
    """An archive that is cut is named. So are the pictures in an archive with a password."""
    cut = zip_of({"a.png": make.picture_bytes(1)})[:-30]
    rows = _import(client, brand, ("image", ("cut.zip", cut)), _image("b.png", 2)).json()["rows"]
    assert [(row["reference"], row["code"]) for row in rows] == [("cut", "archive.unreadable"), ("b", "")]
    endless = b"PK\5\6" + bytes(8) + (2**22).to_bytes(4, "little") + bytes(6)
    rows = _import(client, brand, ("image", ("many.zip", endless))).json()["rows"]
    assert [row["code"] for row in rows] == ["archive.too_many_files"]
    empty = _import(client, brand, _zip({"a.txt": "text"}))
    assert (empty.status_code, empty.json()["code"]) == (422, "table.no_pictures")


def test_pictures_that_the_table_does_not_name_are_counted(client: TestClient, brand: Headers) -> None:
    """A picture that was sent for nothing is not left out silently."""
    table = "reference,owner,picture\nA,Acme,a.png\n"
    body = _import(client, brand, _table(table), _image("a.png", 1), _image("b.png", 2)).json()
    assert body["counts"] == {
        "registered": 1,
        "already_yours": 0,
        "disputed": 0,
        "rejected": 0,
        "left_out": 1,
    }
