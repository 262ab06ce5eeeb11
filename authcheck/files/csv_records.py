"""A CSV reader that survives mistakes: a stray quote costs its own line, not the rest of the file."""

import csv
import io
from collections.abc import Iterator, Sequence

from authcheck.errors import Rejected

SHOWN_CHARS = 200
Record = list[str] | str  # the fields, or the reason why the record cannot be read


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
                elif any(field.strip() for field in record):
                    yield start + 1, record
                start = base + reader.line_num
        except csv.Error as error:
            yield start + 1, str(error)
            suspect_until = max(suspect_until, base + reader.line_num)
            start += 1


def decode_table(table_bytes: bytes) -> str:
    """Decode a table from UTF-8, or from UTF-16 with a byte order mark.

    Bytes that are not UTF-8 become surrogates, so that only the rows with such bytes are refused.
    Raises Rejected (`table.encoding`) when the bytes begin as UTF-16 but are not UTF-16.
    """
    if not table_bytes.startswith((b"\xff\xfe", b"\xfe\xff")):
        return table_bytes.decode("utf-8-sig", errors="surrogateescape")
    try:
        return table_bytes.decode("utf-16", errors="surrogatepass")
    except UnicodeDecodeError as error:
        raise Rejected(
            "The table begins as UTF-16 but is damaged. Save the table as UTF-8.", code="table.encoding"
        ) from error


def read_table_lines(
    text: str, *, required: Sequence[str], columns: Sequence[str]
) -> tuple[list[str], Iterator[tuple[int, Record]]]:
    """Return the column names in the first line, and the records below it.

    Fields are divided by `,`, `;` or a tab: the character that the first line has most often. Raises Rejected
    (`table.columns`) unless the first line names all required columns, only names in `columns`, and each name
    once.
    """
    lines = list(io.StringIO(text, newline=""))
    header_line = next(line for line in lines if line.strip())
    records = read_records(lines, max(",;\t", key=header_line.count))
    _, first_record = next(records)
    names = [] if isinstance(first_record, str) else [column.strip().lower() for column in first_record]
    missing = [column for column in required if column not in names]
    unknown = [column for column in names if column not in columns]
    if missing or unknown or len(set(names)) < len(names):
        raise Rejected(
            f"The first line must name the columns: {', '.join(required)} and any of "
            f"{', '.join(column for column in columns if column not in required)}, each once. "
            f"Found: {shown(', '.join(names) or header_line)}.",
            code="table.columns",
            missing=", ".join(missing),
            unknown=shown(", ".join(unknown)),
        )
    return names, records


def shown(text: str) -> str:
    """Make text from an untrusted file safe to show: at most 200 characters, `?` for each unprintable one."""
    return "".join(char if char.isprintable() else "?" for char in text[:SHOWN_CHARS].strip())
