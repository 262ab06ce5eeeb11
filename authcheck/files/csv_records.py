"""CSV that survives its own mistakes: one stray quote costs its line, not the rest of the file."""

import csv
import io
from collections.abc import Iterator, Sequence

from authcheck.errors import Rejected

SHOWN_CHARS = 200
Record = list[str] | str  # the fields, or why they cannot be read


def read_records(lines: Sequence[str], delimiter: str) -> Iterator[tuple[int, Record]]:
    """Each record with the number of its first line, from 1. Blank lines and records of blank fields are left out.

    A quote that is never closed makes the csv module take all further lines as one field. So where a record breaks,
    only its first line is given up and reading begins again at the next. The lines that the broken record had
    swallowed may be the tail of a field: any of them that holds a quote is given up as well.
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
                elif any(field.strip() for field in record):
                    yield start + 1, record
                start = base + reader.line_num
        except csv.Error as error:
            yield start + 1, str(error)
            suspect_until = max(suspect_until, base + reader.line_num)
            start += 1


def decode_table(data: bytes) -> str:
    """A table's text, from UTF-8 or marked UTF-16. Bytes that are no text become surrogates: only rows with them are refused.

    Raises Rejected (`table.encoding`).
    """
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-8-sig", errors="surrogateescape")
    try:
        return data.decode("utf-16", errors="surrogatepass")
    except UnicodeDecodeError as error:
        raise Rejected(
            "The table begins as UTF-16 but is not: save it as UTF-8.", code="table.encoding"
        ) from error


def read_table_lines(
    text: str, *, required: Sequence[str], columns: Sequence[str]
) -> tuple[list[str], Iterator[tuple[int, Record]]]:
    """The columns that the first line names, and the records below it; `,`, `;` or tab between fields, whichever it has most of.

    Raises Rejected (`table.columns`) unless it names the required columns, no others than `columns`, and each once.
    """
    lines = list(io.StringIO(text, newline=""))
    header = next(line for line in lines if line.strip())
    records = read_records(lines, max(",;\t", key=header.count))
    _, first = next(records)
    found = [] if isinstance(first, str) else [column.strip().lower() for column in first]
    missing = [column for column in required if column not in found]
    unknown = [column for column in found if column not in columns]
    if missing or unknown or len(set(found)) < len(found):
        raise Rejected(
            f"The first line must name the columns: {', '.join(required)} and any of "
            f"{', '.join(column for column in columns if column not in required)}, each once. "
            f"Found: {shown(', '.join(found) or header)}.",
            code="table.columns",
            missing=", ".join(missing),
            unknown=shown(", ".join(unknown)),
        )
    return found, records


def shown(text: str) -> str:
    """Text of a stranger's file, fit for a message."""
    return "".join(char if char.isprintable() else "?" for char in text[:SHOWN_CHARS].strip())
