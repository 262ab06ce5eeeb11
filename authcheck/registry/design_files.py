"""Import tables: CSV, JSONL or a folder of pictures to rows that name a design and its pictures.

A bad row becomes a RowProblem and the rest go on; only a table that cannot be read at all raises.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from authcheck.errors import Rejected, RowRejected
from authcheck.files.csv_records import shown
from authcheck.files.import_rows import ImportRow, cell_text, read_import
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
    """Read the designs of a table, see `read_import`: at least `reference` and `picture`.

    Several pictures of one design stand in one field with `|` between; JSONL may name them in a list `pictures`.
    Raises Rejected (`table.empty`, `table.encoding`, `table.columns`).
    """
    rows = read_import(data, name, required=REQUIRED, columns=COLUMNS, lists=("pictures",))
    return (_read_row(row) for row in rows)


def _read_row(row: ImportRow) -> Row | RowProblem:
    fields = row.fields
    try:
        if row.error is not None:
            raise row.error
        reference, title, kind, owner, collection = (
            cell_text(fields.get(column), column)
            for column in ("reference", "title", "kind", "owner", "collection")
        )
        pictures = _pictures(fields)
        masks = _masks(cell_text(fields.get("mask"), "mask"), len(pictures))
        preview = _flag(fields.get("public_preview"))
    except RowRejected as error:
        column = str(error.params.get("column", ""))
        return RowProblem(row.line, shown(str(fields.get("reference") or "")), column, error)
    new = NewDesign(reference, title or reference, kind.lower() or "other", preview, collection)
    return Row(row.line, new, pictures, owner, masks)


def _pictures(fields: Mapping[str, Any]) -> tuple[str, ...]:
    given = fields.get("pictures") or cell_text(fields.get("picture"), "picture").split("|")
    if not isinstance(given, list):
        raise RowRejected("pictures must be a list.", code="row.not_text", column="picture")
    names = dict.fromkeys(cell_text(name, "picture") for name in given)
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
