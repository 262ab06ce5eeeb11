"""Rows of JSON tables: an object on each line, or an array of objects."""

import json
import re
from collections.abc import Iterator

from authcheck.errors import Rejected

LINE_SUFFIXES = (".jsonl", ".ndjson")
JSON_SUFFIXES = (".json", *LINE_SUFFIXES)
LINE_ENDS = re.compile(r"\r\n|\r|\n")
NOT_JSON = object()  # the value of a line that is not JSON


def is_json(text: str, name: str) -> bool:
    """Return whether a table is JSON, by its name or its first character. No CSV header begins like JSON."""
    return name.lower().endswith(JSON_SUFFIXES) or text.lstrip().startswith(("{", "["))


def read_json_rows(text: str, name: str) -> Iterator[tuple[int, object]]:
    """Return each line's value with the line's number, or each element of an array with its number, from 1.

    A file that is one object, over several lines, is one row. An object with nothing but a list of objects,
    such as `{"designs": [...]}`, is that list. Raises Rejected (`table.empty`, `table.json`).
    """
    if not text.lstrip().startswith("["):
        value = _parse(text)
        elements = next(iter(value.values())) if isinstance(value, dict) and len(value) == 1 else None
        if isinstance(elements, list) and elements and all(isinstance(item, dict) for item in elements):
            return iter(enumerate(elements, 1))
        return _read_lines(text) if value is NOT_JSON else iter([(1, value)])
    if name.lower().endswith(LINE_SUFFIXES) and _parse(text) is NOT_JSON:
        return _read_lines(text)
    array = _parse_array(text)
    if not array:
        raise Rejected("The table is empty.", code="table.empty")
    return iter(enumerate(array, 1))


def _parse_array(text: str) -> list[object]:
    """Return the elements of an array. Raises Rejected (`table.json`)."""
    try:
        elements: list[object] = json.loads(text)
    except (ValueError, RecursionError) as error:
        place = ""
        if isinstance(error, json.JSONDecodeError):
            place = f" (line {error.lineno}, column {error.colno})"
        raise Rejected(
            f"The table begins as a JSON array but is not JSON{place}. Repair the file, or write one object "
            "on each line and name the file .jsonl.",
            code="table.json",
        ) from error
    return elements


def _read_lines(text: str) -> Iterator[tuple[int, object]]:
    for number, line in enumerate(LINE_ENDS.split(text), 1):
        if line.strip():
            yield number, _parse(line)


def _parse(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return NOT_JSON
