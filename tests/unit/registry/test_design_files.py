"""Tables of designs, as strangers' spreadsheets write them."""

import json
import os
from pathlib import Path

import pytest

from authcheck.errors import Rejected
from authcheck.files.folders import search
from authcheck.registry.design_files import Defaults, Row, RowProblem, picture_row, read_folder, read_table

HEADER = "reference,title,kind,owner,picture,public_preview\n"


def read(table: str | bytes, name: str = "designs.csv") -> list[Row | RowProblem]:
    """Read all rows of a table."""
    return list(read_table(table if isinstance(table, bytes) else table.encode(), name))


def references(rows: list[Row | RowProblem]) -> list[str]:
    """Return the references of the good rows."""
    return [row.new.reference for row in rows if isinstance(row, Row)]


def problems(rows: list[Row | RowProblem]) -> list[tuple[int, str, str]]:
    """Return line, code and column of the bad rows."""
    return [(row.line, row.error.code, row.column) for row in rows if isinstance(row, RowProblem)]


def test_every_column_is_taken_over() -> None:
    """A full row names its design, owner and pictures."""
    (row,) = read(HEADER + "A-1, Kite ,Logo,acme,a.png|b.png,yes\n")
    assert isinstance(row, Row)
    assert (row.line, row.owner, row.pictures) == (2, "acme", ("a.png", "b.png"))
    assert (row.new.reference, row.new.title, row.new.kind) == ("A-1", "Kite", "logo")
    assert row.new.public_preview


def test_only_reference_and_picture_are_needed() -> None:
    """A missing title becomes the reference. A missing kind becomes other."""
    (row,) = read("picture,reference\na.png,A-1\n")
    assert isinstance(row, Row)
    assert (row.new.title, row.new.kind, row.owner, row.new.public_preview) == ("A-1", "other", "", False)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-16-le unmarked"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_spreadsheets_of_all_kinds_are_read(delimiter: str, encoding: str, end: str) -> None:
    """Delimiters, byte order marks and line ends of the usual programs are understood."""
    text = end.join([delimiter.join(["reference", "picture"]), delimiter.join(["Ä-1", "é.png"]), ""])
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    assert references(read(mark + text.encode(encoding.removesuffix(" unmarked")))) == ["Ä-1"]


def test_latin1_bytes_refuse_their_row_only() -> None:
    """A row that is not UTF-8 is refused and its column named. The other rows are read."""
    rows = read(b"reference,title,picture\nA,ok,a.png\nB,caf\xe9,b.png\nC,ok,c.png\n")
    assert references(rows) == ["A", "C"]
    assert problems(rows) == [(3, "row.encoding", "title")]


def test_nul_characters_and_lone_surrogates_refuse_their_row() -> None:
    """A row with text that PostgreSQL cannot store is refused."""
    lines = [{"reference": "A\0", "picture": "a"}, {"reference": "B", "picture": "a", "owner": "x\ud800"}]
    rows = read("\n".join(map(json.dumps, lines)), "x.jsonl")
    assert problems(rows) == [(1, "row.encoding", "reference"), (2, "row.encoding", "owner")]
    assert problems(read(b"reference,picture\nA\0,a.png\n")) == [(2, "row.encoding", "reference")]
    assert all(row.reference.isprintable() for row in rows if isinstance(row, RowProblem))


def test_a_quoted_newline_is_part_of_its_field() -> None:
    """Rows after a field of two lines keep their own line numbers."""
    rows = read('reference,title,picture\nA,"two\nlines",a.png\nB,,b.png\n')
    assert references(rows) == ["A", "B"]
    assert [row.line for row in rows] == [2, 4]


def test_a_stray_quote_costs_its_line_only() -> None:
    """A quote that is never closed does not swallow the rest of the table."""
    body = "".join(f"R{number},t,{number}.png\n" for number in range(500))
    rows = read('reference,title,picture\nA,"open,a.png\n' + body)
    assert len(references(rows)) == 500
    assert problems(rows) == [(2, "row.malformed", "")]


def test_the_tail_of_a_broken_row_is_not_taken_for_a_row() -> None:
    """The second line of a malformed field is refused even though it has the right number of columns."""
    rows = read('title,reference,picture\n"two\nlines"x,B,b.png\nt,C,c.png\n')
    assert references(rows) == ["C"]
    assert problems(rows) == [(2, "row.malformed", ""), (3, "row.malformed", "")]


def test_rows_of_the_wrong_length() -> None:
    """Rows with too many fields are refused. Missing fields are empty, and blank rows are skipped."""
    rows = read("reference,picture\nA,a.png,extra\n\n,,\n , \nB\nC,c.png\n")
    assert references(rows) == ["C"]
    assert problems(rows) == [(2, "row.malformed", ""), (6, "row.no_picture", "picture")]


def test_a_field_of_a_megabyte_refuses_its_row() -> None:
    """A field beyond the csv module's limit is one bad row."""
    rows = read("reference,picture\nA," + "x" * 1_000_000 + "\nB,b.png\n")
    assert references(rows) == ["B"]
    assert [code for _, code, _ in problems(rows)] == ["row.malformed"]


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ("", "table.empty"),
        (" \n\n", "table.empty"),
        ("\ufeff", "table.empty"),
        ("A-1,a.png\nA-2,b.png\n", "table.columns"),
        ("reference,picture,colour\nA,a.png,red\n", "table.columns"),
        ("reference,reference,picture\nA,B,a.png\n", "table.columns"),
        ("reference\nA\n", "table.columns"),
        ('"reference"x,picture\nA,a.png\n', "table.columns"),
        ('"reference,picture\nA,a.png\n', "table.columns"),
        ("reference,picture\n".encode("utf-32"), "table.empty"),
        (b"\xff\xfeabc", "table.encoding"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "table.columns"),
    ],
)
def test_a_table_that_is_none_is_refused_as_a_whole(table: str | bytes, code: str) -> None:
    """A table without usable columns gives one printable line of error."""
    with pytest.raises(Rejected) as refused:
        read(table)
    assert refused.value.code == code
    assert str(refused.value).isprintable()


def test_a_table_without_rows_is_refused() -> None:
    """A header alone is named, because nobody means to import nothing."""
    with pytest.raises(Rejected) as refused:
        read(HEADER)
    assert refused.value.code == "table.empty"


def test_numbers_in_json_are_text() -> None:
    """References that a spreadsheet exported as numbers are read as text, including 0."""
    rows = read('{"reference": 0, "picture": "a"}\n{"reference": 12.5, "picture": "a"}\n', "x.ndjson")
    assert references(rows) == ["0", "12.5"]


def test_json_lines_keep_their_unicode_line_separators() -> None:
    """U+2028 and U+0085 inside a JSON string do not end the line."""
    line = json.dumps({"reference": "A", "title": "a\u2028b\u0085c", "picture": "a"}, ensure_ascii=False)
    (row,) = read(line + "\r\n\r\n", "x.jsonl")
    assert isinstance(row, Row)
    assert row.new.title == "a\u2028b\u0085c"


@pytest.mark.parametrize(
    ("line", "code", "column"),
    [
        ("{", "row.malformed", ""),
        ("[]", "row.malformed", ""),
        ("null", "row.malformed", ""),
        ("[" * 100_000, "row.malformed", ""),
        ("9" * 10_000, "row.malformed", ""),
        ('{"reference": "A", "picture": "a", "colour": "red"}', "row.malformed", ""),
        ('{"reference": ["A"], "picture": "a"}', "row.not_text", "reference"),
        ('{"reference": true, "picture": "a"}', "row.not_text", "reference"),
        ('{"reference": "A", "picture": {"a": 1}}', "row.not_text", "picture"),
        ('{"reference": "A", "pictures": "a"}', "row.not_text", "picture"),
        ('{"reference": "A", "pictures": [["a"]]}', "row.not_text", "picture"),
        ('{"reference": "A", "pictures": [" "]}', "row.no_picture", "picture"),
        ('{"reference": "A"}', "row.no_picture", "picture"),
        ('{"reference": "A", "picture": "a", "public_preview": "maybe"}', "row.not_a_flag", "public_preview"),
    ],
)
def test_a_wrong_json_line_is_one_bad_row(line: str, code: str, column: str) -> None:
    """A bad line is refused with its code and column, and the next line is read."""
    rows = read(line + '\n{"reference": "B", "pictures": ["b", "c"]}\n', "x.JSONL")
    assert problems(rows) == [(1, code, column)]
    assert references(rows) == ["B"]


def test_a_row_cannot_ask_for_endless_pictures() -> None:
    """A repeated name counts once. A row with 65 names is refused."""
    (same,) = read("reference,picture\nA," + "|".join(["a.png"] * 100) + "\n")
    assert isinstance(same, Row)
    assert same.pictures == ("a.png",)
    many = read("reference,picture\nA," + "|".join(f"{number}.png" for number in range(65)) + "\n")
    assert problems(many) == [(2, "row.too_many_pictures", "picture")]


def test_a_folder_gives_a_row_a_picture(tmp_path: Path) -> None:
    """Pictures are found in path order below the folder.

    Other files, pipes and linked folders are left out.
    """
    for name in ("b.PNG", "a/z.jpg", "a/y.webp", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.jpg")
    rows = list(read_folder(tmp_path, search(str(tmp_path)), Defaults("logo")))
    assert [row.pictures for row in rows] == [("a/y.webp",), ("a/z.jpg",), ("b.PNG",)]
    assert [(row.new.reference, row.new.kind) for row in rows] == [
        ("y", "logo"),
        ("z", "logo"),
        ("b", "logo"),
    ]


def test_a_file_of_a_drawing_program_takes_no_reference(tmp_path: Path) -> None:
    """`KITE.ai`, `KITE.mov` and `KITE.psd` beside `KITE.png` are named. The PNG is the design."""
    for name, data in (
        ("ai", b"?"),
        ("mov", b"\0\0\0\x14ftypqt  "),
        ("png", b"\x89PNG\r\n\x1a\n"),
        ("psd", b"8BPS"),
    ):
        (tmp_path / f"KITE.{name}").write_bytes(data)
    rows = read_folder(tmp_path, search(str(tmp_path)), Defaults("logo"))
    assert references(rows) == ["KITE"]
    assert problems(rows) == [(line, "image.format", "picture") for line in (1, 2, 4)]


def test_several_pictures_may_stand_on_several_lines(tmp_path: Path) -> None:
    """A cell may have its pictures on lines of their own, as Alt and Enter write them in Excel."""
    (row,) = read('reference,pictures\nA,"a.png\nb.png\r\n"\n')
    assert isinstance(row, Row)
    assert row.pictures == ("a.png", "b.png")


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    """A folder without pictures gives an error."""
    with pytest.raises(Rejected) as refused:
        read_folder(tmp_path, search(str(tmp_path)), Defaults())
    assert refused.value.code == "table.no_pictures"


def test_a_link_to_nowhere_is_given_too(tmp_path: Path) -> None:
    """A dangling link is returned, so that its reader can report the problem."""
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert search(str(tmp_path)).paths == [str(tmp_path / "gone.jpg")]


@pytest.mark.parametrize(
    ("mask", "pictures", "expected"),
    [
        (" Auto ", "a.png|b.png", ("auto", "auto")),
        ("NONE|m.PNG", "a.png|b.png", ("none", "m.PNG")),
        ("", "a.png", ()),
        ("auto", "a.png|b.png", ("auto", "auto")),
        ("none", "a.png", ("none",)),
        ("m.png", "a.png", ("m.png",)),
        ("m.png| ", "a.png|b.png", ("m.png", "none")),
        ("auto|m.png", "a.png|b.png", ("auto", "m.png")),
    ],
)
def test_a_row_names_masks(mask: str, pictures: str, expected: tuple[str, ...]) -> None:
    """A row gives one mask for all pictures or an entry for each. An empty entry means no mask."""
    (row,) = read_table(f"reference,picture,mask\nA,{pictures},{mask}\n".encode(), "t.csv")
    assert isinstance(row, Row)
    assert row.masks == expected


@pytest.mark.parametrize(("mask", "pictures"), [("m.png", "a.png|b.png"), ("m.png|n.png", "a.png")])
def test_masks_are_as_many_as_pictures(mask: str, pictures: str) -> None:
    """A row must have as many masks as pictures, or one for all.

    Otherwise nobody knows which mask belongs to which.
    """
    (problem,) = read_table(f"reference,picture,mask\nA,{pictures},{mask}\n".encode(), "t.csv")
    assert isinstance(problem, RowProblem)
    assert (problem.error.code, problem.column) == ("row.masks", "mask")


@pytest.mark.parametrize(
    ("stem", "title"),
    [
        ("as-002-sun-mug-in-white", "as-002 sun mug in white"),
        ("red_kite", "red kite"),
        ("HL-003", "HL-003"),
        ("IMG_1234", "IMG_1234"),
        ("太阳_杯", "太阳 杯"),
        ("-draft", "-draft"),
        ("Sun mug - white", "Sun mug - white"),
    ],
)
def test_the_title_of_a_file_is_its_name_in_words(stem: str, title: str) -> None:
    """Buyers read the title. The reference stays the file's name."""
    new = picture_row(1, f"prints/{stem}.png", Defaults(public_preview=True)).new
    assert (new.reference, new.title, new.public_preview) == (stem, title, True)
