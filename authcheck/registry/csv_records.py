"""CSV that survives its own mistakes: one stray quote costs its line, not the rest of the file."""

import csv
from collections.abc import Iterator, Sequence

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
