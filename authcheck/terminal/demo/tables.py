"""The tables of the sample data."""

import csv
from collections.abc import Sequence
from pathlib import Path

from authcheck.errors import Rejected


def read_rows(table: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Return these columns of the rows of one table of the sample data. Raises Rejected (`demo.fixtures`)."""
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise Rejected(
            f"We found no sample data in {table.parent}. Run the demo in a checkout of authcheck, or name the"
            " folder with --fixtures.",
            code="demo.fixtures",
        ) from error
    if not rows or any(row.get(column) is None for row in rows for column in columns):
        raise Rejected(f"{table} needs rows with {', '.join(columns)}.", code="demo.fixtures")
    return [{column: row[column] for column in columns} for row in rows]
