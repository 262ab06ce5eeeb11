"""Tables as Excel, LibreOffice, a Mac, Windows and careless colleagues hand them in."""

import io
import re
import time
import unicodedata
from pathlib import Path

import pytest
from foreign_files import Day, Formula, declare, ods, xlsx, zip_of

from authcheck.errors import Rejected, RowRejected
from authcheck.files.csv_cells import CellWriter
from authcheck.files.import_rows import TableRow, cell_text, read_import
from authcheck.files.named_files import Folder
from authcheck.files.value_lists import read_values

COLUMNS = ("reference", "picture", "title", "public_preview")
ROOT = Path(__file__).parents[3]


def read(data: bytes | str, name: str = "t.csv", **words: object) -> list[TableRow]:
    """Read a table of designs."""
    table = data.encode() if isinstance(data, str) else data
    return list(read_import(table, name, required=COLUMNS[:2], columns=COLUMNS, **words))  # type: ignore[arg-type]


def cells(rows: list[TableRow]) -> list[tuple[str, str]]:
    """Return reference and picture of each row that can be used."""
    return [
        (cell_text(row.fields.get("reference"), "reference"), cell_text(row.fields.get("picture"), "picture"))
        for row in rows
        if row.error is None
    ]


def errors(rows: list[TableRow]) -> list[tuple[int, str]]:
    """Return line and code of each row that cannot be used."""
    return [(row.line, row.error.code) for row in rows if row.error]


@pytest.mark.parametrize(
    "table",
    [
        "reference;picture;;\r\nK;k.png;;\r\n",
        "reference,picture,, \u00a0,\nK,k.png,,,\n",
        "reference,,picture\nK,,k.png\n",
        "reference,picture\nK,k.png,,,\n",
        ";;;\n;;;\nreference;picture\n;;\nK;k.png\n\u00a0;\u200b\n;;\n",
        "sep=;\r\nreference;picture\r\nK;k.png\r\n",
        "SEP=,\nreference,picture\nK,k.png\n",
        "sep=\t\nreference\tpicture\nK\tk.png\n",
        '"sep=|"\nreference|picture\nK|k.png\n',
        "sep=;;;\nreference;picture;\nK;k.png;\n",
        "\ufeffsep=;\r\nreference;picture\r\nK;k.png\r\n",
        "\ufeff\ufeffReference , PICTURE\nK,k.png\n",
        "'reference';\"Picture\"\rK;k.png\r",
        "reference,picture,Public Preview\nK,k.png,yes\n",
        "reference,picture,public-preview\nK,k.png,\n",
        "Designs, prints and more, 2026\n\nreference;picture\nK;k.png\n",
        "# export,,\nof today,,\nreference,picture,\nK,k.png,\n",
        "reference|picture\nK|k.png\n",
        "reference,picture\n\u200b K\u00a0,\ufeff k.png \u200e\n",
        '[{"reference": "K", "picture": "k.png"}]',
        '[\n  {"Reference": "K",\n   "picture": "k.png"}\n]\n',
        '{"reference": "K",\n "picture": "k.png"}',
        '{"reference": "K", "picture": "k.png"}\r',
        "References,Pictures\nK,k.png\n\x1a",
        '{"reference": "K", "Picture": "k.png"}',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_what_means_one_thing_is_read_as_that(table: str, encoding: str) -> None:
    """Empty columns and rows, `sep=`, odd headers, odd blanks and JSON arrays give the same row."""
    assert cells(read(table.encode(encoding))) == [("K", "k.png")]
    assert errors(read(table.encode(encoding))) == []


def test_content_outside_the_named_columns_refuses_its_row() -> None:
    """A field beyond the header, or in a column without a name, is named. The other rows are read."""
    rows = read("reference,,picture\nA,,a.png\nB,loose,b.png\nC,,c.png,more\n")
    assert cells(rows) == [("A", "a.png")]
    assert errors(rows) == [(3, "row.malformed"), (4, "row.malformed")]
    assert [word for row in rows for word in ("loose", "more") if word in str(row.error)] == ["loose", "more"]


def test_a_separator_line_keeps_line_numbers() -> None:
    """A problem after `sep=` is reported with the line as an editor counts it."""
    assert errors(read("sep=;\nreference;picture\nA;a;more;x\n")) == [(3, "row.malformed")]


def test_a_bad_json_array_says_where() -> None:
    """An array that is not JSON is refused with line and column. An element that is no object costs its row."""
    with pytest.raises(Rejected, match=r"line 2, column 1.*jsonl") as refused:
        read('[{"reference": "K"},\n')
    assert refused.value.code == "table.json"
    assert errors(read('[{"reference": "K"}, null, {"colour": 1}]')) == [
        (2, "row.malformed"),
        (3, "row.malformed"),
    ]


def test_a_number_in_json_has_no_decimals_that_say_nothing() -> None:
    """`4006381333931.0` is the number that a person sees."""
    assert cells(read('[{"reference": 4006381333931.0, "picture": 7}]')) == [("4006381333931", "7")]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('="00123"', "00123"), ('= "00123"', "00123"), ("'00123", "00123"), ("'=1+2", "=1+2"), ("'@SUM", "@SUM"),
        ("'90s kite", "'90s kite"), ("'Kite'", "'Kite'"), ('="a', '="a'),
    ],
)  # fmt: skip
def test_marks_of_text_are_taken_away(written: str, meant: str) -> None:
    """What a spreadsheet or our own tables put around a text so that it stays a text is no part of it."""
    assert cell_text(written, "reference") == meant


def test_old_encodings_say_how_to_save() -> None:
    """A row in Windows-1252 is refused with its value and the way to save as UTF-8."""
    (row,) = read("reference,picture\nKäse,k.png\n".encode("cp1252"))
    with pytest.raises(RowRejected, match=r"K\?se.*CSV UTF-8"):
        cell_text(row.fields["reference"], "reference")


SHEET = [["Reference", "picture", None, "Public preview"], ["K", "k.png", None, True]]


@pytest.mark.parametrize("name", ["t.xlsx", "t.csv", "t"])
@pytest.mark.parametrize("data", [xlsx({"A": SHEET}), ods([*SHEET[:1], ["K", "k.png"]])], ids=["xlsx", "ods"])
def test_a_workbook_is_known_by_its_bytes(data: bytes, name: str) -> None:
    """Workbooks are read, whatever their names say."""
    assert cells(read(data, name)) == [("K", "k.png")]


def test_cells_of_a_workbook_are_what_a_person_sees() -> None:
    """Whole numbers have no decimals, days are ISO days, and lines count from the top of the sheet."""
    sheet = [
        [], ["reference", "picture", "title"], [4006381333931.0, "a", True], [Day(46000), "b", 19.9], [],
        [1.2345678901234567e17, "c"], ["D", "d", None, "x"], ["E", "e", "#N/A"], ["F", "f", Formula("B2&amp;1")],
    ]  # fmt: skip
    rows = read(xlsx({"A": sheet}))
    assert cells(rows) == [("4006381333931", "a"), ("2025-12-09", "b")]
    assert [row.fields["title"] for row in rows[:2]] == ["true", "19.9"]
    assert errors(rows) == [
        (6, "row.rounded"), (7, "row.malformed"), (8, "row.no_value"), (9, "row.no_value"),
    ]  # fmt: skip


def test_sheets_that_nobody_reads_are_named() -> None:
    """Only further visible sheets with content are named. Without somebody to tell, the workbook is refused."""
    sentences: list[str] = []
    data = xlsx({"Empty": [], "New": SHEET, "Old": SHEET, "Blank": [[" "]], "Lists": SHEET}, hidden=["Lists"])
    assert cells(read(data, tell=sentences.append)) == [("K", "k.png")]
    assert sentences == ["We read the sheet New. We do not read the other sheets: Old."]
    with pytest.raises(Rejected) as refused:
        read(data)
    assert refused.value.code == "table.sheets"
    assert cells(read(xlsx({"Empty": [], "New": SHEET}))) == [("K", "k.png")]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\3\4\x14\0\6\0", "damaged"),
        (b"<html><table><tr><td>reference</td></tr></table></html>", "HTML"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><Workbook/>', "XML"),
        (xlsx({"A": SHEET})[:700], "damaged"),
        (zip_of({"photo.png": b"x"}), "of another kind"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000), "protected"),
        (declare(zip_of({"xl/workbook.xml": "x"}), 2**30), "unpacked"),
    ],
    ids=["cut", "html", "xml", "truncated", "archive", "protected", "bomb"],
)
def test_a_workbook_that_cannot_be_read_says_what_to_do(data: bytes, words: str) -> None:
    """Damaged, protected and hostile workbooks are refused before they cost anything."""
    start = time.process_time()
    with pytest.raises(Rejected, match=f"{words}.*CSV") as refused:
        read(data)
    assert refused.value.code == "table.workbook"
    assert time.process_time() - start < 1


def test_an_empty_workbook_is_empty() -> None:
    """A workbook without content is an empty table."""
    with pytest.raises(Rejected) as refused:
        read(xlsx({"A": []}))
    assert refused.value.code == "table.empty"


@pytest.fixture
def pictures(tmp_path: Path) -> Folder:
    """Return a folder of picture names as several systems write them."""
    for name in ("prints/kite.png", "prints/" + unicodedata.normalize("NFD", "é.png"), "Two.png", "tWo.png",
                 "Shot at 9\u202fPM.png", "back\\slash.png"):  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return Folder(tmp_path)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("prints/kite.png", "kite.png"),
        ("prints\\kite.png", "kite.png"),
        (".\\prints\\kite.png", "kite.png"),
        ("./prints//kite.png", "kite.png"),
        ('"prints\\kite.png"', "kite.png"),
        ("Prints/KITE.PNG", "kite.png"),
        ("prints/" + unicodedata.normalize("NFC", "é.png"), unicodedata.normalize("NFD", "é.png")),
        ("shot at 9 PM.png", "Shot at 9\u202fPM.png"),
        ("Two.png", "Two.png"),
        ("back\\slash.png", "back\\slash.png"),
    ],
)
def test_names_of_other_systems_find_their_file(pictures: Folder, name: str, file: str) -> None:
    """Backslashes, capitals, Unicode forms, blanks and quotes of other systems lead to the one file meant."""
    path = pictures.find(name)
    assert (path.is_file(), path.name) == (True, file)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("TWO.png", "row.picture_ambiguous"),
        ("C:\\Users\\me\\kite.png", "row.picture_elsewhere"),
        ("d:/kite.png", "row.picture_elsewhere"),
        ("\\\\nas\\share\\kite.png", "row.picture_elsewhere"),
        ("https://shop.example/kite.png", "row.picture_elsewhere"),
        ("file:///home/me/kite.png", "row.picture_elsewhere"),
    ],
)
def test_names_that_lead_nowhere_say_why(pictures: Folder, name: str, code: str) -> None:
    """Two files that fit, paths of another machine and addresses are refused in words."""
    with pytest.raises(RowRejected) as refused:
        pictures.find(name)
    assert refused.value.code == code


@pytest.mark.parametrize("name", ["none.png", "none/kite.png", "a\0b", "x" * 5000, "prints"])
def test_a_missing_name_stays_as_it_is(pictures: Folder, name: str) -> None:
    """A name without a file stays a path whose reading says what is wrong."""
    assert str(pictures.find(name)).endswith(name)


@pytest.mark.parametrize(
    "data",
    [
        "A1\nA2\n",
        "\ufeffA1\r\n\r\n A2\u00a0\r\n",
        "A1\rA2\r",
        '="A1"\n="A2"\n',
        "serial\nA1\nA2\n",
        "Serial Number;;\nA1;;\nA2;;\n",
        "A1;;\nA2;;\n",
        "sep=;\nlot;serial\nL;A1\nL;A2\n",
        "A1\nA2\n".encode("utf-16"),
        xlsx({"S": [["Serial"], ["A1"], [], ["A2"]]}),
        xlsx({"S": [["A1"], ["A2"]]}),
        xlsx({"S": [["lot", "serial"], ["L", "A1"], ["L", "A2"]]}),
    ],
)
def test_serial_numbers_come_from_any_list(data: bytes | str) -> None:
    """A text file, a column of a table and a workbook give the same serial numbers."""
    table = data.encode() if isinstance(data, str) else data
    assert read_values(table, ("serial", "serial_number")) == ("A1", "A2")


def test_serial_numbers_keep_their_characters() -> None:
    """GS1 allows commas and semicolons in a serial number."""
    assert read_values(b"A,1;\nB;2\n", ("serial",)) == ("A,1;", "B;2")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("Kä".encode("latin-1"), "row.encoding"),
        (xlsx({"S": [[1.2345678901234567e17]]}), "row.rounded"),
        (xlsx({"S": [["A1"], ["#REF!"]]}), "row.no_value"),
        (xlsx({"S": [["A1", "A2"]]}), "table.columns"),
        (xlsx({"S": [["A1"]], "T": [["A2"]]}), "table.sheets"),
    ],
)
def test_serial_numbers_that_cannot_be_right_are_refused(data: bytes, code: str) -> None:
    """Old encodings, rounded numbers and several columns are refused."""
    with pytest.raises(Rejected) as refused:
        read_values(data, ("serial",))
    assert refused.value.code == code


def test_every_csv_goes_through_the_safe_writer() -> None:
    """No module but `csv_cells` writes CSV by itself, so no cell can run as a formula."""
    writing = re.compile(r"csv\.(?:writer|DictWriter)\b|from csv import|text/csv")
    found = {
        str(path.relative_to(ROOT))
        for folder in ("authcheck", "api")
        for path in (ROOT / folder).rglob("*.py")
        if writing.search(path.read_text())
    }
    assert found == {
        "authcheck/files/csv_cells.py",
        "api/pages/batch_files.py",  # sends units_csv and batches_csv
        "api/pages/alert_desk.py",  # sends alerts_csv
        "api/pages/scan_figures.py",  # sends coverage_csv
        "api/pages/scan_list.py",  # sends scans_csv
        "api/pages/designs.py",  # sends designs_csv
        "api/pages/licences.py",  # sends licences_csv
        "api/pages/register.py",  # sends the report of a drop
        "api/pages/register_seen.py",  # sends the listings of a drop
        "api/pages/hits.py",  # sends hits_csv
        "api/routes/certificates.py",  # sends units_csv
        "api/routes/imports.py",  # sends report_csv
        "api/routes/scans.py",  # sends scans_csv
    }


def test_numbers_stay_numbers_and_formulas_become_text() -> None:
    """The writer escapes text only, and quotes a carriage return."""
    file = io.StringIO()
    CellWriter(file).write_row([-1.5, "-1.5", None, "a\rb"])
    assert file.getvalue() == '"-1.5","\'-1.5","","a\rb"\n'


def test_lines_above_the_header_are_told() -> None:
    """A title above the names of the columns is skipped, in a workbook as well, and the owner hears of it."""
    said: list[str] = []
    table = xlsx({"A": [["Our designs", None], [None], ["reference", "picture"], ["K", "k.png"]]})
    assert cells(read(table, tell=said.append)) == [("K", "k.png")]
    assert said == ["Line 3 of the table names the columns. We skip what is above it."]
    assert cells(read("reference,picture\nK,k.png\n", tell=said.append)) == [("K", "k.png")]
    assert len(said) == 1


def test_a_header_says_what_to_do() -> None:
    """Missing, unknown and repeated columns are named, each with what to do. A header alone is no table."""
    for table, words in (
        ("reference,price\nK,1\n", "Add picture. Delete the columns that we do not know: price."),
        ("reference,picture,picture\nK,k.png,l.png\n", "Keep one column of each name: picture."),
        ("reference,picture\n\n,,\n", "no row below"),
    ):
        with pytest.raises(Rejected, match=words):
            read(table)


def test_a_list_in_an_object_is_a_table() -> None:
    """Programs wrap the rows of an export in an object."""
    assert cells(read('{"data": [\n{"reference": "K", "picture": "k.png"}]}', "t.json")) == [("K", "k.png")]


def test_utf32_is_read() -> None:
    """A table in UTF-32 is known by its mark."""
    assert cells(read("reference,picture\nK,k.png\n".encode("utf-32"))) == [("K", "k.png")]


def test_an_odd_cell_of_a_spare_column_costs_no_row() -> None:
    """The cell is named and empty. Other names of columns are known, too."""
    table = xlsx({"S": [["Referenz", "title"], ["A", 1.2345678901234567e17], ["B", "x"]]})
    words = {"spare": ("title",), "spellings": {"referenz": "reference"}}
    rows = list(
        read_import(table, "t.xlsx", required=("reference",), columns=("reference", "title"), **words)
    )  # type: ignore[arg-type]
    assert [(row.fields["reference"], row.fields["title"], row.error) for row in rows] == [
        ("A", "", None),
        ("B", "x", None),
    ]
    assert [{name: error.code for name, error in row.odd.items()} for row in rows] == [
        {"title": "row.rounded"},
        {},
    ]
