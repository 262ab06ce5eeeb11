"""Tables of offers, CSV or JSONL, read into rows that can be stored and checked later."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from authcheck.errors import Rejected, RowRejected
from authcheck.files.import_rows import TableRow, Tell, cell_list, cell_text, read_import
from authcheck.listings.offers import NewListing, read_date, read_goods

REQUIRED = ("reference", "seller", "channel", "territory", "pictures")
COLUMNS = (*REQUIRED, "goods", "price", "listed_on", "certificate")
LISTS = {"pictures", "goods"}
ODD_COLUMNS = {"date": "listed_on"}  # from an error's code to its column, where the two differ


@dataclass(frozen=True, slots=True)
class OfferRow:
    """A row. `given` holds its values as text, fit for JSON.

    `error` and `column` say why and where it cannot be used.
    """

    line: int
    given: Mapping[str, Any]
    error: Rejected | None = None
    column: str = ""


def read_offers(data: bytes, name: str, tell: Tell | None = None) -> Iterator[OfferRow]:
    """Read the offers of a table, see `read_import`.

    Several pictures or goods stand in one field with `|` between.

    A reference that was in the table before is refused the second time. Raises Rejected (`table.*`).
    """
    return _refuse_repeated(
        _read_row(row) for row in read_import(data, name, required=REQUIRED, columns=COLUMNS, tell=tell)
    )


def _refuse_repeated(rows: Iterable[OfferRow]) -> Iterator[OfferRow]:
    first_lines: dict[str, int] = {}
    for row in rows:
        reference = row.given.get("reference", "")
        first_line = first_lines.setdefault(reference, row.line) if row.error is None else row.line
        if first_line == row.line:
            yield row
            continue
        repeated = RowRejected(
            f"{reference} is in line {first_line} already.",
            code="row.duplicate_reference",
            first_line=first_line,
        )
        yield OfferRow(row.line, row.given, repeated, "reference")


def _read_row(row: TableRow) -> OfferRow:
    if row.error is not None:
        return OfferRow(row.line, {}, row.error)
    given: dict[str, Any] = {}
    for column in COLUMNS:
        cell = row.fields.get(column)
        try:
            given[column] = cell_list(cell, column) if column in LISTS else cell_text(cell, column)
        except RowRejected as error:
            return OfferRow(row.line, {"reference": given.get("reference", "")}, error, column)
    return OfferRow(row.line, given)


def new_listing(given: Mapping[str, Any], day: date) -> tuple[NewListing, list[Path]]:
    """Return the offer of a stored row, and its pictures. `day` is its day if it names none.

    Raises Rejected (`listing.*`).
    """
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
    """Return the column that an error's code is about, "" when it is about no single column."""
    family, _, name = code.partition(".")
    column = ODD_COLUMNS.get(name, name)
    return column if family == "listing" and column in COLUMNS else ""
