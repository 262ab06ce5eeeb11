"""A CSV reader that survives mistakes: a stray quote costs its own line, not the rest of the file."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence

from authcheck.files.table_text import clean_text

Record = list[str] | str  # the fields, or the reason why the record cannot be read
HEADER_LINES = 10  # a title or a day of export may be above the names of the columns
EMPTY_LINE = ',; \t\r\n"\ufeff'  # a line of these characters only has no field
SEPARATOR_LINE = re.compile(r"\s*\"?sep=([^\w\s\"]|\t)\"?[,; \t]*", re.IGNORECASE)


def read_records(lines: Sequence[str], delimiter: str) -> Iterator[tuple[int, Record]]:
    """Yield each record with the number of its first line, from 1. Leave out blank lines and blank records.

    A quote that is never closed makes the csv module read all further lines as one field. So when a record
    breaks, give up only its first line and begin again at the next line. The lines inside the broken record
    may be the end of a field, so give up each of these lines that holds a quote as well.
    """
    start = suspect_until = 0
    while start < len(lines):
        base = start
        reader = csv.reader(
            (lines[number] for number in range(base, len(lines))), delimiter=delimiter, strict=True
        )
        try:
            for record in reader:
                if start < suspect_until and any(
                    '"' in line for line in lines[start : base + reader.line_num]
                ):
                    yield start + 1, "a quote is out of place"
                elif any(clean_text(field) for field in record):
                    yield start + 1, record
                start = base + reader.line_num
        except csv.Error as error:
            yield start + 1, str(error)
            suspect_until = max(suspect_until, base + reader.line_num)
            start += 1


def read_table_lines(
    text: str, is_header: Callable[[Sequence[str]], bool] = lambda _fields: False
) -> Iterator[tuple[int, Record]]:
    """Yield the records of a CSV table, from its first line that is not blank.

    Fields are divided by `,`, `;`, a tab or `|`: the character that makes a header of one of the first lines,
    or else one of the first three, which the first line has most often. A line `sep=;` before the header,
    which Excel writes and reads, names another character.
    """
    lines = list(io.StringIO(text, newline=""))
    first = next((number for number, line in enumerate(lines) if line.strip(EMPTY_LINE)), 0)
    if separator := SEPARATOR_LINE.fullmatch(lines[first].lstrip("\ufeff").rstrip("\r\n")):
        lines[first] = "\n"
        return read_records(lines, separator[1])
    usual = max(",;\t", key=lines[first].count)
    candidates = ((line, mark) for line in lines[first : first + HEADER_LINES] for mark in f"{usual},;\t|")
    fitting = (mark for line, mark in candidates if mark in line and is_header(_fields_of(line, mark)))
    return read_records(lines, next(fitting, usual))


def _fields_of(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []
