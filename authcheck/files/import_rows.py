"""Rows of the tables that people import: CSV, JSON or a workbook.

A row that cannot be read does not stop the others.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Any

from authcheck.errors import Rejected, RowRejected
from authcheck.files.csv_records import HEADER_LINES, read_table_lines
from authcheck.files.json_rows import NOT_JSON, is_json, read_json_rows
from authcheck.files.table_text import (
    SAVE_AS_UTF8,
    clean_text,
    column_name,
    decode_table,
    shown,
    unwrapped,
    without_apostrophe,
)
from authcheck.files.workbooks import SAVE_AS_CSV, Cell, is_workbook, read_sheet

BETWEEN = re.compile(r"[|\r\n]")  # several values in a cell
TRUE = {"true", "1", "yes", "y", "on", "x", "wahr", "ja", "vrai", "oui", "verdadero", "sí", "vero", "sì"}
TRUE |= {"✓", "✔", "☑", "はい"}
FALSE = {"false", "0", "no", "n", "off", "", "falsch", "nein", "faux", "non", "falso"}
FALSE |= {"✗", "✘", "☐", "-", "いいえ"}
Tell = Callable[[str], None]  # takes a sentence about the table that its owner should read


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row: its line, from 1, and its fields by column, as text in CSV and as JSON values in JSON.

    In a JSON array the line is the number of the element. `error` says why the row cannot be used. Its fields
    are then those that were read, or none. `odd` says which cells of `spare` columns have no value that can
    be used. The row can be used without them.
    """

    line: int
    fields: Mapping[str, Any] = field(default_factory=dict)
    error: RowRejected | None = None
    odd: Mapping[str, RowRejected] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns that a table must have and may have, and what people also call them."""

    required: Sequence[str]
    known: Sequence[str]
    spare: Collection[str]
    spellings: Mapping[str, str]

    def name_of(self, text: str) -> str:
        """Return a column's name as we write it. `pictures` is `picture` without a column `pictures`."""
        name = column_name(text)
        name = self.spellings.get(name, name)
        numbers = (name, f"{name}s", name.removesuffix("s"))
        return next((known for known in numbers if known and known in self.known), name)


def read_import(
    data: bytes,
    name: str,
    *,
    required: Sequence[str],
    columns: Sequence[str],
    lists: Sequence[str] = (),
    spare: Collection[str] = (),
    spellings: Mapping[str, str] | None = None,
    tell: Tell | None = None,
) -> Iterator[TableRow]:
    """Read the rows of a table in UTF-8 or UTF-16, or of a workbook, which is known by its bytes.

    JSON has an object on each line, or an array of objects, with fields of `columns`, and of `lists`, whose
    values are lists: see `is_json`. Any other text is CSV. `tell` hears of sheets that are not read.
    `spellings` are other names of columns, as `column_name` writes them. An odd cell of a `spare` column does
    not cost a row.

    Raises Rejected (`table.empty`, `table.encoding`, `table.columns`, `table.json`, `table.workbook`,
    `table.sheets`: there are several sheets, and `tell` is missing).
    """
    names = _Columns(required, columns, spare, spellings or {})
    if is_workbook(data):
        return _read_records(_sheet_records(data, tell), names, tell)
    text = decode_table(data)
    if not clean_text(text):
        raise Rejected("The table is empty.", code="table.empty")
    if text.lstrip().startswith("<"):
        raise Rejected(
            f"The table is HTML or XML, as some programs export it under the name .xls. {SAVE_AS_CSV}",
            code="table.workbook",
        )
    if is_json(text, name):
        return (_json_row(line, value, names, lists) for line, value in read_json_rows(text, name))
    records = read_table_lines(text, lambda fields: _is_header(fields, names))
    return _read_records(records, names, tell)


def _sheet_records(data: bytes, tell: Tell | None) -> Iterator[tuple[int, list[Cell]]]:
    sheet = read_sheet(data)
    if sheet.others:
        others = shown(", ".join(sheet.others))
        if tell is None:
            raise Rejected(
                f"The workbook has several sheets with content: {shown(sheet.name)}, {others}. "
                "Send a workbook with one sheet.",
                code="table.sheets",
            )
        tell(f"We read the sheet {shown(sheet.name)}. We do not read the other sheets: {others}.")
    return (
        (line, row)
        for line, row in enumerate(sheet.rows, 1)
        if any(not isinstance(cell, str) or clean_text(cell) for cell in row)
    )


def _is_header(record: Sequence[Cell] | str, columns: _Columns) -> bool:
    """Return whether a record names all required columns."""
    names = [] if isinstance(record, str) else [columns.name_of("".join(cell)) for cell in record]
    return set(columns.required) <= set(names)


def _read_records(
    records: Iterator[tuple[int, list[str] | list[Cell] | str]],
    columns: _Columns,
    tell: Tell | None,
) -> Iterator[TableRow]:
    """Return the rows below the header, which is the first of HEADER_LINES records with all required columns.

    A column without a name is no column: it must be empty in each row. `tell` hears of lines above the
    header.

    Raises Rejected (`table.columns`) unless the header names all required columns, only names in `columns`,
    and each name once. Raises Rejected (`table.empty`) without a row below it.
    """
    first = list(islice(records, HEADER_LINES))
    headers = (place for place, (_, record) in enumerate(first) if _is_header(record, columns))
    place = next(headers, 0)
    line, header = first[place] if first else (0, "")
    names = _column_names(header, columns)
    if place and tell:
        tell(f"Line {line} of the table names the columns. We skip what is above it.")
    if len(first) == place + 1:
        raise Rejected("The table has no row below the names of its columns.", code="table.empty")
    rows = chain(first[place + 1 :], records)
    return (_read_record(line, names, record, columns.spare) for line, record in rows)


def _column_names(header: list[str] | list[Cell] | str, columns: _Columns) -> list[str]:
    """Return the names in a header, "" for a column without a name. Raises Rejected (`table.columns`)."""
    names = [] if isinstance(header, str) else [columns.name_of("".join(cell)) for cell in header]
    named = [name for name in names if name]
    missing = [column for column in columns.required if column not in names]
    unknown = [column for column in named if column not in columns.known]
    repeated = sorted({column for column in named if named.count(column) > 1})
    if not (missing or unknown or repeated):
        return names
    found = shown(", ".join(named) or (header if isinstance(header, str) else "")) or "nothing"
    advice = [
        f" Add {', '.join(missing)}." * bool(missing),
        f" Delete the columns that we do not know: {shown(', '.join(unknown))}." * bool(unknown),
        f" Keep one column of each name: {shown(', '.join(repeated))}." * bool(repeated),
    ]
    optional = ", ".join(column for column in columns.known if column not in columns.required)
    raise Rejected(
        "The first line must name the columns: "
        f"{' and any of '.join(filter(None, (', '.join(columns.required), optional)))}, each once. "
        f"Found: {found}.{''.join(advice)}",
        code="table.columns",
        missing=", ".join(missing),
        unknown=shown(", ".join(unknown)),
    )


def _read_record(
    line: int, names: Sequence[str], record: list[str] | list[Cell] | str, spare: Collection[str]
) -> TableRow:
    if isinstance(record, str):
        return TableRow(line, error=_malformed(f"This line is not CSV: {record}."))
    cells = ["".join(cell) for cell in record]
    fields = {name: cell for name, cell in zip(names, cells, strict=False) if name}
    odd: dict[str, RowRejected] = {}
    for number, cell in enumerate(record):
        name = names[number] if number < len(names) else ""
        if name and not isinstance(cell, str):
            odd[name] = cell_error(name, cells[number])
            if name not in spare:
                return TableRow(line, fields, odd[name])
            fields[name] = ""
        if not name and clean_text(cells[number]):
            what = (
                "a field in a column without a name" if number < len(names) else "more fields than the header"
            )
            return TableRow(line, fields, _malformed(f"This row has {what}: {shown(cells[number])}."))
    return TableRow(line, fields, odd=odd)


def _json_row(line: int, value: object, columns: _Columns, lists: Sequence[str]) -> TableRow:
    if value is NOT_JSON:
        return TableRow(line, error=_malformed("This line is not JSON."))
    known = {*columns.known, *lists}
    names = replace(columns, known=(*columns.known, *lists))
    fields = None
    if isinstance(value, dict):
        fields = {names.name_of(name): cell for name, cell in value.items()}
    if fields is not None and fields.keys() <= known:
        return TableRow(line, fields)
    or_lists = "".join(f" or {name} (a list)" for name in lists)
    return TableRow(
        line, error=_malformed(f"A line must be an object with {', '.join(columns.known)}{or_lists}.")
    )


def _malformed(detail: str) -> RowRejected:
    return RowRejected(detail, code="row.malformed")


def cell_error(place: str, number: str) -> RowRejected:
    """Return the error for a cell of a workbook that holds a rounded number, or "": no value at all."""
    if not number:
        return RowRejected(
            f"{place} has an error, or a formula without its value. Open the workbook and save it again, or "
            "write the value itself.",
            code="row.no_value",
            column=place,
        )
    return RowRejected(
        f"{place} is the number {number}, of which the workbook keeps only the first 15 digits. "
        "Format the column as text and write the number again.",
        code="row.rounded",
        column=place,
    )


def cell_text(value: object, column: str) -> str:
    """Return a cell as the text that a person sees, see `clean_text`. "" for a missing one.

    Raises RowRejected (`row.not_text`; `row.encoding` for what a database cannot keep).
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        raise RowRejected(f"{column} must be text.", code="row.not_text", column=column)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None else without_apostrophe(unwrapped(clean_text(str(value))))
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise RowRejected(
            f"{column} is not UTF-8 text, or holds a NUL character: {shown(text)}. {SAVE_AS_UTF8}",
            code="row.encoding",
            column=column,
        )
    return text


def cell_list(value: object, column: str) -> list[str]:
    """Return a cell of several values, a list or text with `|` or line ends between, without empty ones.

    Raises as `cell_text`.
    """
    parts = value if isinstance(value, list) else BETWEEN.split(cell_text(value, column))
    return [text for text in (cell_text(part, column) for part in parts) if text]


def cell_flag(value: object, column: str) -> bool:
    """Return a cell as yes or no. An empty cell is no. Raises RowRejected (`row.not_a_flag`)."""
    text = clean_text(str(value if value is not None else "")).lower()
    if text in TRUE | FALSE:
        return text in TRUE
    raise RowRejected(
        f"{column} must be true or false, not {shown(text)}.", code="row.not_a_flag", column=column
    )
