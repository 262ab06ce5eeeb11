"""Cells of the CSV tables that people open in a spreadsheet."""

import csv
from collections.abc import Iterable
from typing import TextIO

FORMULA_STARTS = (*"=+-@\t\r\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four are full-width


def as_text(cell: str) -> str:
    """Return the cell as text for a spreadsheet: put an apostrophe before the start of a formula (OWASP).

    A stranger's file name or another member's reference must not run as a formula: `=1+2.png` becomes
    `'=1+2.png`.
    """
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell


class CellWriter:
    """A writer of CSV whose cells never run as a formula. All tables that we write go through it.

    Lines end with a line feed. Rows with a carriage return are quoted, because the csv module does not quote
    them by itself.
    """

    def __init__(self, file: TextIO) -> None:
        self._plain = csv.writer(file, lineterminator="\n")
        self._quoting = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)

    def write_row(self, cells: Iterable[object]) -> None:
        """Write a row. Text becomes text, None an empty cell, and a number stays a number."""
        row = [as_text(cell) if isinstance(cell, str) else cell for cell in cells]
        has_return = any(isinstance(cell, str) and "\r" in cell for cell in row)
        (self._quoting if has_return else self._plain).writerow(row)
