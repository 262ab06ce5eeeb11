"""Import tables: CSV, JSONL or a folder of pictures to rows that name a design and its pictures.

A bad row becomes a RowProblem and the rest go on; only a table that cannot be read at all raises.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from authcheck.errors import Rejected, RowRejected
from authcheck.files.csv_records import Record, decode_table, read_table_lines, shown
from authcheck.files.picture_files import find_pictures
from authcheck.registry.registration import NewDesign

COLUMNS = ("reference", "title", "kind", "owner", "picture", "mask", "public_preview", "collection")
REQUIRED = ("reference", "picture")
TRUE, FALSE = {"true", "1", "yes", "y"}, {"false", "0", "no", "n", ""}
MASK_WORDS = ("auto", "none")
MOST_PICTURES = 64  # of one design


@dataclass(frozen=True, slots=True)
class Row:
    """One design of a table: `line` counts from 1; `pictures` are names as given; `owner` is a handle or empty.

    `masks` has an entry a picture, `auto`, `none` or a file's name, or is empty where the row says nothing of it.
    """

    line: int
    new: NewDesign
    pictures: tuple[str, ...]
    owner: str = ""
    masks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row that cannot be used; `column` is empty where it is not one column's fault."""

    line: int
    reference: str
    column: str
    error: Rejected


def read_folder(folder: Path, kind: str, collection: str = "") -> Iterator[Row]:
    """A row per picture file below `folder`, in path order; the reference is the file's stem.

    Raises Rejected (`table.no_pictures`).
    """
    files = [Path(name).relative_to(folder) for name in find_pictures(str(folder))]
    if not files:
        raise Rejected(f"We found no pictures in {folder}.", code="table.no_pictures", path=str(folder))
    return (
        Row(line, NewDesign(path.stem, path.stem, kind, collection=collection), (str(path),))
        for line, path in enumerate(files, 1)
    )


def read_table(data: bytes, name: str) -> Iterator[Row | RowProblem]:
    """Rows of a CSV or (names ending in .jsonl or .ndjson) JSONL file, in UTF-8 or UTF-16 with a byte order mark.

    CSV: `,`, `;` or tab between columns; a header line with at least `reference` and `picture`; several pictures of
    one design stand in one field with `|` between. Raises Rejected (`table.empty`, `table.encoding`,
    `table.columns`).
    """
    text = decode_table(data)
    if not text.strip():
        raise Rejected("The table is empty.", code="table.empty")
    if name.lower().endswith((".jsonl", ".ndjson")):
        return _read_jsonl(text)
    return _read_csv(text)


def _read_csv(text: str) -> Iterator[Row | RowProblem]:
    return _csv_rows(*read_table_lines(text, required=REQUIRED, columns=COLUMNS))


def _csv_rows(columns: Sequence[str], records: Iterable[tuple[int, Record]]) -> Iterator[Row | RowProblem]:
    for line, record in records:
        if isinstance(record, str):
            malformed = RowRejected(f"This line is not CSV: {record}.", code="row.malformed")
            yield RowProblem(line, "", "", malformed)
            continue
        fields = dict(zip(columns, record, strict=False))
        if len(record) > len(columns):
            too_long = RowRejected("This row has more fields than the header.", code="row.malformed")
            yield RowProblem(line, shown(fields["reference"]), "", too_long)
        else:
            yield _row(line, fields)


def _read_jsonl(text: str) -> Iterator[Row | RowProblem]:
    for line, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        try:
            fields = json.loads(content)
        except (ValueError, RecursionError):
            yield RowProblem(line, "", "", RowRejected("This line is not JSON.", code="row.malformed"))
            continue
        if not isinstance(fields, dict) or not set(fields) <= {*COLUMNS, "pictures"}:
            rejected = RowRejected(
                f"A line is an object with {', '.join(COLUMNS)} or pictures (a list).", code="row.malformed"
            )
            yield RowProblem(line, "", "", rejected)
            continue
        yield _row(line, fields)


def _row(line: int, fields: Mapping[str, Any]) -> Row | RowProblem:
    try:
        reference, title, kind, owner, collection = (
            _text(fields.get(column), column)
            for column in ("reference", "title", "kind", "owner", "collection")
        )
        pictures = _pictures(fields)
        masks = _masks(_text(fields.get("mask"), "mask"), len(pictures))
        preview = _flag(fields.get("public_preview"))
    except RowRejected as error:
        return RowProblem(line, shown(str(fields.get("reference") or "")), str(error.params["column"]), error)
    new = NewDesign(reference, title or reference, kind.lower() or "other", preview, collection)
    return Row(line, new, pictures, owner, masks)


def _text(value: object, column: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        raise RowRejected(f"{column} must be text.", code="row.not_text", column=column)
    text = "" if value is None else str(value).strip()
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise RowRejected(
            f"{column} is not UTF-8 text, or holds a NUL character.", code="row.encoding", column=column
        )
    return text


def _pictures(fields: Mapping[str, Any]) -> tuple[str, ...]:
    given = fields.get("pictures") or _text(fields.get("picture"), "picture").split("|")
    if not isinstance(given, list):
        raise RowRejected("pictures must be a list.", code="row.not_text", column="picture")
    names = dict.fromkeys(_text(name, "picture") for name in given)
    names.pop("", None)
    if not names:
        raise RowRejected("The row names no picture.", code="row.no_picture", column="picture")
    if len(names) > MOST_PICTURES:
        raise RowRejected(
            f"A row names at most {MOST_PICTURES} pictures.",
            code="row.too_many_pictures",
            column="picture",
            limit=MOST_PICTURES,
        )
    return tuple(names)


def _masks(given: str, pictures: int) -> tuple[str, ...]:
    """What a row says of its pictures' masks; one word for all, or an entry a picture."""
    if given in {"", *MASK_WORDS}:
        return (given,) * pictures if given else ()
    names = tuple(name.strip() or "none" for name in given.split("|"))
    if len(names) != pictures:
        raise RowRejected(
            f"The row names {pictures} pictures and {len(names)} masks.", code="row.masks", column="mask"
        )
    return names


def _flag(value: object) -> bool:
    text = str(value if value is not None else "").strip().lower()
    if text in TRUE | FALSE:
        return text in TRUE
    raise RowRejected("public_preview is true or false.", code="row.not_a_flag", column="public_preview")
