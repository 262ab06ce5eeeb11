"""Tables of orders, as people paste them from a spreadsheet: a header, and a batch per row."""

from dataclasses import dataclass

from authcheck.errors import Rejected, RowRejected
from authcheck.files.import_rows import TableRow, cell_flag, cell_text, read_import
from authcheck.licences.written import read_count

REQUIRED = ("design", "gtin", "lot", "product", "units")
COLUMNS = (*REQUIRED, "pins")
SPELLINGS = {
    "reference": "design",
    "ean": "gtin",
    "upc": "gtin",
    "batch": "lot",
    "name": "product",
    "count": "units",
    "quantity": "units",
}
MOST_ROWS = 200


@dataclass(frozen=True, slots=True)
class OrderRow:
    """A row that can be ordered. `line` counts from 1. `design` is an id or an own reference."""

    line: int
    design: str
    gtin: str
    lot: str
    product: str
    units: int
    pins: bool


@dataclass(frozen=True, slots=True)
class OrderProblem:
    """A row that cannot be read."""

    line: int
    error: Rejected


def read_orders(text: str) -> list[OrderRow | OrderProblem]:
    """Return the rows of a pasted table. A row that cannot be read does not stop the others.

    Raises Rejected (`table.columns`, `table.empty`, `table.too_many_rows`, and the others of `read_import`).
    """
    rows = list(
        read_import(text.encode(), "orders.csv", required=REQUIRED, columns=COLUMNS, spellings=SPELLINGS)
    )
    if len(rows) > MOST_ROWS:
        message = f"Send at most {MOST_ROWS} rows at a time."
        raise Rejected(message, code="table.too_many_rows", limit=MOST_ROWS)
    return [_read_row(row) for row in rows]


def _read_row(row: TableRow) -> OrderRow | OrderProblem:
    try:
        if row.error is not None:
            raise row.error
        cells = {column: cell_text(row.fields.get(column), column) for column in COLUMNS}
        units, pins = read_count(cells["units"]), cell_flag(cells["pins"], "pins")
    except (RowRejected, Rejected) as error:
        return OrderProblem(row.line, error)
    return OrderRow(row.line, cells["design"], cells["gtin"], cells["lot"], cells["product"], units, pins)
