"""The reader of workbooks, inside a bounded process. `workbooks` starts it."""

import encodings.cp437  # names in a ZIP archive; a confined process can load no module
import html
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from typing import Any

from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from authcheck.files.bounded_child import Answer, serve

# A workbook keeps 15 digits of a number. Of a longer number nobody knows the last digits.
KNOWN_NUMBERS = 10**15
LOADED = encodings.cp437
LOST = object()  # a cell whose value the workbook does not have
SHEET, LINK = re.compile(rb"<sheet\b[^>]*>"), re.compile(rb"<Relationship\b[^>]*>")
ATTRIBUTE = re.compile(rb'([\w:]+)="([^"]*)"')
CELL = re.compile(rb"<c\b([^>]*[^/>])>(.*?)</c>", re.DOTALL)
PLACE = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
FORMULA, VALUE = re.compile(rb"<f\b"), re.compile(rb"<v>[^<]|<t[ >]")


def main() -> None:
    """Answer for the workbook on standard input."""
    serve(read_workbook)


def read_workbook(data: bytes, options: Mapping[str, Any]) -> Answer:
    """Return the names of the visible sheets with content, and the rows of the first as lines of JSON."""
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheets = [sheet for sheet in _visible_sheets(book) if _has_content(sheet)]
        if not sheets:
            return {"sheets": []}, b""
        rows = sheets[0].to_python(skip_empty_area=False)
    except MemoryError:
        raise
    except PasswordError:
        return {"error": "protected"}, b""
    except Exception:  # noqa: BLE001 - the reader of untrusted bytes raises whatever it likes
        return {"error": "damaged"}, b""
    if sum(map(len, rows)) > options["cells"]:
        return {"error": "too_large"}, b""
    for row, column in lost_cells(data, sheets[0].name):
        if row < len(rows) and column < len(rows[row]):
            rows[row][column] = LOST
    return {"sheets": [sheet.name for sheet in sheets]}, _lines(rows)


def lost_cells(data: bytes, sheet: str) -> Iterator[tuple[int, int]]:
    """Return the row and the column, from 0, of each cell of an .xlsx that has an error or was not computed.

    The reader gives them as empty cells.
    """
    if not data.startswith(b"PK"):
        return
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= set(archive.namelist()):
            return
        sheets = _attributes(SHEET, archive.read("xl/workbook.xml"))
        links = _attributes(LINK, archive.read("xl/_rels/workbook.xml.rels"))
        relation = next((found.get("r:id") for found in sheets if found.get("name") == sheet), None)
        target = next((found["Target"] for found in links if found.get("Id") == relation), "")
        path = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
        xml = archive.read(path) if path in archive.namelist() else b""
    if b't="e"' not in xml and b"<f" not in xml:
        return
    for cell in CELL.finditer(xml):
        is_empty = FORMULA.search(cell[2]) and not VALUE.search(cell[2])  # but not if it is an empty text
        is_lost = b't="e"' in cell[1] or (is_empty and b't="str"' not in cell[1])
        if is_lost and (place := PLACE.search(cell[1])):
            column = 0
            for letter in place[1]:
                column = column * 26 + letter - ord("A") + 1
            yield int(place[2]) - 1, column - 1


def _attributes(element: re.Pattern[bytes], xml: bytes) -> list[dict[str, str]]:
    """Return the attributes of each such element."""
    return [
        {name.decode(): html.unescape(value.decode()) for name, value in ATTRIBUTE.findall(found)}
        for found in element.findall(xml)
    ]


def _visible_sheets(book: CalamineWorkbook) -> list[Any]:
    return [
        book.get_sheet_by_name(sheet.name)
        for sheet in book.sheets_metadata
        if sheet.typ is SheetTypeEnum.WorkSheet and sheet.visible is SheetVisibleEnum.Visible
    ]


def _has_content(sheet: Any) -> bool:
    rows = sheet.iter_rows() if sheet.height else ()
    return any(str(value).strip() for row in rows for value in row)


def _lines(rows: Iterable[Iterable[Any]]) -> bytes:
    """Return one line of JSON per row. A blank far below, which Excel counts as content, adds no rows."""
    lines = (json.dumps([cell_of(value) for value in row]) if _is_used(row) else "" for row in rows)
    return "\n".join(lines).rstrip("\n").encode()


def _is_used(row: Iterable[Any]) -> bool:
    return any(value != "" for value in row)


def cell_of(value: object) -> str | list[str]:
    """Return a cell as text: ISO days and times, whole numbers without `.0`, `true` and `false`.

    A number that the workbook has rounded is a list with its text. A cell without its value is an empty list.
    """
    if value is LOST:
        return []
    if isinstance(value, float | int) and not isinstance(value, bool):
        text = str(int(value)) if value == int(value) else repr(value)
        return [text] if abs(value) >= KNOWN_NUMBERS else text
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time(0) else value.isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)
