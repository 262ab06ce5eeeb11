"""The reader of workbooks, inside a bounded process. `workbooks` starts it."""

import io
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from authcheck.files.bounded_child import Answer, serve

# A workbook keeps 15 digits of a number. Of a longer number nobody knows the last digits.
KNOWN_NUMBERS = 10**15


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
    return {"sheets": [sheet.name for sheet in sheets]}, _lines(rows)


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

    A number that the workbook has rounded is a list with its text.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float | int):
        text = str(int(value)) if value == int(value) else repr(value)
        return [text] if abs(value) >= KNOWN_NUMBERS else text
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time(0) else value.isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return str(value)
