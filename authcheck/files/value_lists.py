"""Lists of one value per line, such as serial numbers, as editors and spreadsheets write them."""

import re
from collections.abc import Collection, Sequence

from authcheck.errors import Rejected
from authcheck.files.csv_records import read_table_lines
from authcheck.files.import_rows import cell_error
from authcheck.files.json_rows import LINE_ENDS
from authcheck.files.table_text import SAVE_AS_UTF8, clean_text, column_name, decode_table, shown, unwrapped
from authcheck.files.workbooks import is_workbook, read_sheet

# Cells that are empty, at the end of a line. A value may hold these characters, so they are cut off only
# where every line has the same ones.
EMPTY_CELLS = re.compile(r"[;,\t]+$")


def read_values(data: bytes, headers: Collection[str]) -> tuple[str, ...]:
    """Return the values of a text file with one value per line, of a CSV table or of a workbook.

    A first line that is one of `headers` (see `column_name`) is no value. A table has its values in the
    column with such a header, or in its only column. Raises Rejected (`table.*`, `row.encoding`,
    `row.rounded`, `row.malformed`).
    """
    if is_workbook(data):
        sheet = read_sheet(data)
        if sheet.others:
            others = shown(", ".join(sheet.others))
            raise Rejected(
                f"The workbook has several sheets with content: {shown(sheet.name)}, {others}. "
                "Send a workbook with one sheet.",
                code="table.sheets",
            )
        return _pick_column([(line, list(row)) for line, row in enumerate(sheet.rows, 1)], headers)
    lines = LINE_ENDS.split(decode_table(data))
    records = list(read_table_lines("\n".join(lines))) if any(map(clean_text, lines)) else []
    first = records[0][1] if records else []
    if isinstance(first, list) and len(first) > 1 and {column_name(cell) for cell in first} & set(headers):
        return _pick_column(records, headers)
    values = [
        (number, unwrapped(clean_text(line))) for number, line in enumerate(lines, 1) if clean_text(line)
    ]
    endings = {match[0] if (match := EMPTY_CELLS.search(value)) else "" for _, value in values}
    if len(endings) == 1 and (ending := endings.pop()):
        values = [(number, value.removesuffix(ending)) for number, value in values]
    if values and column_name(values[0][1]) in headers:
        values = values[1:]
    return tuple(_check_value(number, value) for number, value in values)


def _pick_column(
    records: Sequence[tuple[int, list[str] | list[str | list[str]] | str]], headers: Collection[str]
) -> tuple[str, ...]:
    """Return the values of the column with one of the headers, or of the only column."""
    column: int | None = None
    values: list[str] = []
    for number, record in records:
        if isinstance(record, str):
            raise Rejected(f"Line {number} is not CSV: {record}.", code="row.malformed")
        texts = [unwrapped(clean_text("".join(cell))) for cell in record]
        if not any(texts) and all(isinstance(cell, str) for cell in record):
            continue
        if column is None:
            named = [place for place, text in enumerate(texts) if column_name(text) in headers]
            column = named[0] if named else 0
            if named:
                continue
            if any(texts[1:]):
                raise Rejected(
                    f"Line {number} has several columns and none is named {next(iter(headers))}. "
                    f"Found: {shown(', '.join(texts))}.",
                    code="table.columns",
                )
        if column < len(record) and not isinstance(record[column], str):
            raise cell_error(f"Line {number}", texts[column])
        if column < len(record) and texts[column]:
            values.append(_check_value(number, texts[column]))
    return tuple(values)


def _check_value(number: int, value: str) -> str:
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise Rejected(f"Line {number} is not UTF-8: {shown(value)}. {SAVE_AS_UTF8}", code="row.encoding")
    return value
