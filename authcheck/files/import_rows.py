"""Rows of the tables that people import, CSV or JSONL. A row that cannot be read does not stop the others."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from authcheck.errors import Rejected, RowRejected
from authcheck.files.csv_records import decode_table, read_table_lines

JSONL_SUFFIXES = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row: its line, from 1, and its fields by column, as text in CSV and as JSON values in JSONL.

    `error` says why the row cannot be used. Its fields are then those that were read, or none.
    """

    line: int
    fields: Mapping[str, Any] = field(default_factory=dict)
    error: RowRejected | None = None


def read_import(
    data: bytes, name: str, *, required: Sequence[str], columns: Sequence[str], lists: Sequence[str] = ()
) -> Iterator[TableRow]:
    """Read the rows of a table in UTF-8, or in UTF-16 with a byte order mark.

    A table whose `name` ends in .jsonl or .ndjson is JSONL. Each line is then an object with fields of
    `columns`, and of `lists`, whose values are lists. Any other table is CSV: see `read_table_lines`.
    Raises Rejected (`table.empty`, `table.encoding`, `table.columns`).
    """
    text = decode_table(data)
    if not text.strip():
        raise Rejected("The table is empty.", code="table.empty")
    if name.lower().endswith(JSONL_SUFFIXES):
        return _read_jsonl(text, columns, lists)
    return _read_csv(text, required, columns)


def _read_csv(text: str, required: Sequence[str], columns: Sequence[str]) -> Iterator[TableRow]:
    names, records = read_table_lines(text, required=required, columns=columns)
    return (_csv_row(line, names, record) for line, record in records)


def _csv_row(line: int, names: Sequence[str], record: list[str] | str) -> TableRow:
    if isinstance(record, str):
        return TableRow(line, error=_malformed(f"This line is not CSV: {record}."))
    fields = dict(zip(names, record, strict=False))
    if len(record) > len(names):
        return TableRow(line, fields, _malformed("This row has more fields than the header."))
    return TableRow(line, fields)


def _read_jsonl(text: str, columns: Sequence[str], lists: Sequence[str]) -> Iterator[TableRow]:
    for line, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        try:
            fields = json.loads(content)
        except (ValueError, RecursionError):
            yield TableRow(line, error=_malformed("This line is not JSON."))
            continue
        if isinstance(fields, dict) and fields.keys() <= {*columns, *lists}:
            yield TableRow(line, fields)
        else:
            or_lists = "".join(f" or {name} (a list)" for name in lists)
            yield TableRow(
                line, error=_malformed(f"A line must be an object with {', '.join(columns)}{or_lists}.")
            )


def _malformed(detail: str) -> RowRejected:
    return RowRejected(detail, code="row.malformed")


def cell_text(value: object, column: str) -> str:
    """Return a cell as text without surrounding blanks, "" for a missing one.

    Raises RowRejected (`row.not_text`; `row.encoding` for what a database cannot keep).
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        raise RowRejected(f"{column} must be text.", code="row.not_text", column=column)
    text = "" if value is None else str(value).strip()
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise RowRejected(
            f"{column} is not UTF-8 text, or holds a NUL character.", code="row.encoding", column=column
        )
    return text


def cell_list(value: object, column: str) -> list[str]:
    """Return a cell of several values, a list or text with `|` between, without empty ones.

    Raises as `cell_text`.
    """
    parts = value if isinstance(value, list) else cell_text(value, column).split("|")
    return [text for text in (cell_text(part, column) for part in parts) if text]
