"""The columns of a table and its first rows, for a person who says which column is which."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from authcheck.files.csv_records import HEADER_LINES, read_table_lines
from authcheck.files.json_rows import is_json, read_json_rows
from authcheck.files.table_text import column_name, decode_table, shown
from authcheck.files.workbooks import is_workbook, read_sheet

EXAMPLES = 3
MOST_COLUMNS = 60


@dataclass(frozen=True, slots=True)
class Columns:
    """The names of a table's columns as the table writes them, and the cells of its first rows.

    A column without a name has "".
    """

    names: Sequence[str]
    examples: Sequence[Sequence[str]]

    @property
    def keys(self) -> list[str]:
        """Return the names without differences of spelling, see `column_name`."""
        return [column_name(name) for name in self.names]


def peek_columns(data: bytes, name: str) -> Columns:
    """Return the columns of a table. The header is the first line with the most cells of the first lines.

    Raises Rejected (`table.*`).
    """
    if is_workbook(data):
        rows = (["".join(cell) for cell in row] for row in read_sheet(data).rows)
        return _columns_of(islice(rows, HEADER_LINES))
    text = decode_table(data)
    if is_json(text, name):
        values = [value for _, value in islice(read_json_rows(text, name), EXAMPLES)]
        objects = [value for value in values if isinstance(value, dict)]
        names = list(dict.fromkeys(str(key) for value in objects for key in value))
        return _shortened(names, [[str(value.get(key, "")) for key in names] for value in objects])
    records = (record for _, record in read_table_lines(text) if not isinstance(record, str))
    return _columns_of(islice(records, HEADER_LINES))


def _columns_of(rows: Iterable[Sequence[str]]) -> Columns:
    first = [row for row in rows if any(cell.strip() for cell in row)]
    if not first:
        return Columns([], [])
    place = max(range(len(first)), key=lambda number: (sum(map(bool, first[number])), -number))
    return _shortened(first[place], first[place + 1 : place + 1 + EXAMPLES])


def _shortened(names: Sequence[str], examples: Sequence[Sequence[str]]) -> Columns:
    width = min(len(names), MOST_COLUMNS)
    rows = [[shown(cell) for cell in [*row, *[""] * width][:width]] for row in examples]
    return Columns([shown(name) for name in names[:width]], rows)
