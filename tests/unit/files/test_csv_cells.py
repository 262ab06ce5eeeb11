"""No table that authcheck writes runs a formula in somebody's spreadsheet."""

import csv
import io

import pytest

from authcheck.checks.scan import COLUMNS, CsvWriter
from authcheck.files.csv_cells import as_text

STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", *"\uff1d\uff0b\uff0d\uff20")  # the last four are full-width


@pytest.mark.parametrize("start", STARTS, ids=ascii)
def test_a_formula_becomes_text(start: str) -> None:
    """Every cell that a spreadsheet could take for a formula gets an apostrophe in front."""
    assert as_text(f"{start}1+2") == f"'{start}1+2"


@pytest.mark.parametrize("cell", ["", "KITE-1", "a=1", "'=1", "1.5"])
def test_other_cells_stay(cell: str) -> None:
    """A cell that starts no formula is written unchanged."""
    assert as_text(cell) == cell


@pytest.mark.parametrize("start", STARTS, ids=ascii)
def test_a_scan_runs_no_formula(start: str) -> None:
    """A stranger's file name and another member's reference are both plain text in the CSV of a scan."""
    file = io.StringIO(newline="")
    CsvWriter(file).write([dict.fromkeys(COLUMNS, f"{start}SUM(A1)")])
    rows = list(csv.reader(io.StringIO(file.getvalue(), newline="")))
    assert rows[1] == [f"'{start}SUM(A1)"] * len(COLUMNS)
