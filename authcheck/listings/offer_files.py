"""Tables of offers: CSV or JSONL to rows that can be kept and worked off later; a bad row is told, and the rest go on."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from authcheck.errors import Rejected, RowRejected
from authcheck.files.csv_records import decode_table, read_table_lines
from authcheck.listings.offers import NewListing, read_date, read_goods

REQUIRED = ("reference", "seller", "channel", "territory", "pictures")
COLUMNS = (*REQUIRED, "goods", "price", "listed_on", "certificate")
ODD_COLUMNS = {"date": "listed_on"}  # an error's code to the column it speaks of, where they differ


@dataclass(frozen=True, slots=True)
class OfferRow:
    """One row: `given` is fit for JSON, its values as text; `error` says why it cannot be used, and `column` where."""

    line: int
    given: Mapping[str, Any]
    error: Rejected | None = None
    column: str = ""


def read_offers(data: bytes, name: str) -> Iterator[OfferRow]:
    """Rows of a CSV or (names ending in .jsonl or .ndjson) JSONL file, in UTF-8 or UTF-16 with a byte order mark.

    CSV: `,`, `;` or tab between columns, `|` between pictures. A reference that stands there twice is refused the second
    time. Raises Rejected (`table.empty`, `table.encoding`, `table.columns`).
    """
    text = decode_table(data)
    if not text.strip():
        raise Rejected("The table is empty.", code="table.empty")
    is_jsonl = name.lower().endswith((".jsonl", ".ndjson"))
    return _once(_read_jsonl(text) if is_jsonl else _read_csv(text))


def _once(rows: Iterable[OfferRow]) -> Iterator[OfferRow]:
    seen: dict[str, int] = {}
    for row in rows:
        reference = row.given.get("reference", "")
        first = seen.setdefault(reference, row.line) if row.error is None else row.line
        if first == row.line:
            yield row
            continue
        twice = RowRejected(
            f"{reference} stands in line {first} already.", code="row.duplicate_reference", first_line=first
        )
        yield OfferRow(row.line, row.given, twice, "reference")


def _read_csv(text: str) -> Iterator[OfferRow]:
    return _csv_rows(*read_table_lines(text, required=REQUIRED, columns=COLUMNS))


def _csv_rows(columns: Sequence[str], records: Iterable[tuple[int, Any]]) -> Iterator[OfferRow]:
    for line, record in records:
        if isinstance(record, str):
            yield _malformed(line, f"This line is not CSV: {record}.")
        elif len(record) > len(columns):
            yield _malformed(line, "This row has more fields than the header.")
        else:
            yield _row(line, dict(zip(columns, record, strict=False)))


def _read_jsonl(text: str) -> Iterator[OfferRow]:
    for line, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        try:
            fields = json.loads(content)
        except (ValueError, RecursionError):
            yield _malformed(line, "This line is not JSON.")
            continue
        if isinstance(fields, dict) and set(fields) <= {*COLUMNS}:
            yield _row(line, fields)
        else:
            yield _malformed(line, f"A line is an object with {', '.join(COLUMNS)}.")


def _malformed(line: int, detail: str) -> OfferRow:
    return OfferRow(line, {}, RowRejected(detail, code="row.malformed"))


def _row(line: int, fields: Mapping[str, Any]) -> OfferRow:
    given: dict[str, Any] = {}
    for column in COLUMNS:
        try:
            found = fields.get(column)
            given[column] = _list(found, column) if column in {"pictures", "goods"} else _text(found, column)
        except RowRejected as error:
            return OfferRow(line, {"reference": given.get("reference", "")}, error, column)
    return OfferRow(line, given)


def _text(value: object, column: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        raise RowRejected(f"{column} must be text.", code="row.not_text", column=column)
    text = "" if value is None else str(value).strip()
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise RowRejected(
            f"{column} is not UTF-8 text, or holds a NUL character.", code="row.encoding", column=column
        )
    return text


def _list(value: object, column: str) -> list[str]:
    """A field of several values: a list, or text with `|` between."""
    parts = value if isinstance(value, list) else _text(value, column).split("|")
    return [text for text in (_text(part, column) for part in parts) if text]


def new_listing(given: Mapping[str, Any], day: date) -> tuple[NewListing, list[Path]]:
    """The offer that a kept row is, and its pictures; `day` where it names none. Raises Rejected (`listing.*`)."""
    new = NewListing(
        reference=given["reference"],
        seller=given["seller"],
        channel=given["channel"],
        territory=given["territory"],
        goods=read_goods(" ".join(given["goods"])),
        price=given["price"] or None,
        listed_on=read_date(given["listed_on"]) if given["listed_on"] else day,
        certificate_code=given["certificate"] or None,
    )
    return new.checked(), [Path(name) for name in given["pictures"]]


def column_of(code: str) -> str:
    """The column that an error's code speaks of; empty where it is not one column's fault."""
    noun, _, what = code.partition(".")
    column = ODD_COLUMNS.get(what, what)
    return column if noun == "listing" and column in COLUMNS else ""
