"""Import tables: a CSV file, a JSONL file or a folder of pictures, read as rows.

Each row names a design and its pictures. A bad row becomes a RowProblem, and reading continues with the next
row. Reading raises an error only for a table that is unreadable as a whole.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from authcheck.errors import ImageRejected, NotFound, Rejected, RowRejected
from authcheck.files.file_kinds import foreign_kind
from authcheck.files.folders import Found, skipped_text
from authcheck.files.import_rows import TableRow, Tell, cell_flag, cell_list, cell_text, read_import
from authcheck.files.named_files import Folder
from authcheck.files.picture_files import read_file
from authcheck.files.table_text import clean_text, shown
from authcheck.registry.registration import NewDesign
from authcheck.vision.pictures.decode import Limits, foreign_error

COLUMNS = ("reference", "title", "kind", "owner", "picture", "mask", "public_preview", "collection")
REQUIRED = ("reference", "picture")
LINE_ENDS = re.compile(r"\s*[\r\n\v\f]\s*")  # inside a title; a cell of a spreadsheet may have them
MASK_WORDS = ("auto", "none")
SEPARATOR = re.compile(r"(?<=\w)[-_]+(?=[^\W\d_])")  # before a letter: `kite-red`, not `KITE-1`
MOST_PICTURES = 64  # of one design
SEVERAL = " Write | between several pictures."

Loader = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Defaults:
    """The kind, collection and preview of designs whose pictures are in no table."""

    kind: str = "other"
    collection: str = ""
    public_preview: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One design of a table.

    `line` counts from 1. `pictures` are the names in the table. `owner` is a handle or empty. `masks` has one
    entry per picture: `auto`, `none` or a file's name. It is empty when the row does not mention masks.
    """

    line: int
    new: NewDesign
    pictures: tuple[str, ...]
    owner: str = ""
    masks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowProblem:
    """An unusable row. `column` is empty when the problem is not in a single column."""

    line: int
    reference: str
    column: str
    error: Rejected


def read_folder(folder: Path, found: Found, defaults: Defaults) -> list[Row | RowProblem]:
    """Return one row per picture found in `folder` or in an archive, in path order.

    The reference is the file's stem. A file that we cannot read is a problem and takes no reference, because
    `KITE.psd` usually lies beside `KITE.png`. Raises Rejected (`table.no_pictures`) without pictures.
    """
    if not found.paths:
        raise no_pictures_error(folder, found)
    rows: list[Row | RowProblem] = []
    for line, path in enumerate(found.paths, 1):
        name = str(Path(path).relative_to(folder)) if Path(path).is_relative_to(folder) else path
        row = picture_row(line, name, defaults)
        if foreign := foreign_kind(found.foreign.get(path, "")):
            rows.append(RowProblem(line, row.new.reference, "picture", foreign_error(foreign, name)))
        else:
            rows.append(row)
    return rows


def no_pictures_error(path: Path, found: Found) -> Rejected:
    """Return the error for a folder or an archive without pictures, with the files that were left out."""
    others = f" {skipped_text(found.skipped)}" if found.skipped else ""
    return Rejected(f"We found no pictures in {path}.{others}", code="table.no_pictures", path=str(path))


def picture_row(line: int, name: str, defaults: Defaults) -> Row:
    """Return the row of a picture file without a table.

    The reference is the file's stem. So is the title, with blanks between the words: buyers read it.
    """
    stem = clean_text(Path(name).stem)
    title = SEPARATOR.sub(" ", stem)
    return Row(
        line, NewDesign(stem, title, defaults.kind, defaults.public_preview, defaults.collection), (name,)
    )


def read_table(data: bytes, name: str, tell: Tell | None = None) -> Iterator[Row | RowProblem]:
    """Return the designs of a table, see `read_import`. Each row has at least `reference` and `picture`.

    One field can name several pictures of a design, separated by `|`. JSONL may name them in a list
    `pictures`. Raises Rejected (`table.*`).
    """
    rows = read_import(data, name, required=REQUIRED, columns=COLUMNS, lists=("pictures",), tell=tell)
    return (read_row(row) for row in rows)


def read_row(row: TableRow) -> Row | RowProblem:
    """Return the design of a table's row, or what is wrong with the row."""
    fields = row.fields
    try:
        if row.error is not None:
            raise row.error
        reference, title, kind, owner, collection = (
            cell_text(fields.get(column), column)
            for column in ("reference", "title", "kind", "owner", "collection")
        )
        pictures = _read_pictures(fields)
        masks = _read_masks(cell_text(fields.get("mask"), "mask"), len(pictures))
        preview = cell_flag(fields.get("public_preview"), "public_preview")
    except RowRejected as error:
        column = str(error.params.get("column", ""))
        return RowProblem(row.line, shown(str(fields.get("reference") or "")), column, error)
    title = LINE_ENDS.sub(" ", title)
    new = NewDesign(reference, title or reference, kind.lower() or "other", preview, collection)
    return Row(row.line, new, pictures, owner, masks)


def _read_pictures(fields: Mapping[str, Any]) -> tuple[str, ...]:
    values = fields.get("pictures") or cell_list(fields.get("picture"), "picture")
    if not isinstance(values, list):
        raise RowRejected("pictures must be a list.", code="row.not_text", column="picture")
    names = dict.fromkeys(cell_text(value, "picture") for value in values)
    names.pop("", None)
    if not names:
        raise RowRejected(
            "The row names no picture. Name at least one picture.", code="row.no_picture", column="picture"
        )
    check_number(len(names))
    return tuple(names)


def check_number(pictures: int) -> None:
    """Raise RowRejected (`row.too_many_pictures`) for more pictures than a design may have."""
    if pictures > MOST_PICTURES:
        raise RowRejected(
            f"A row can name at most {MOST_PICTURES} pictures, and each page of a PDF or TIFF is one.",
            code="row.too_many_pictures",
            column="picture",
            limit=MOST_PICTURES,
        )


def _read_masks(field: str, pictures: int) -> tuple[str, ...]:
    """Return one mask per picture. The field has one word for all pictures, or one entry per picture."""
    words = [name.strip().lower() for name in field.split("|")]
    if len(words) == 1 and words[0] in {"", *MASK_WORDS}:
        return (words[0],) * pictures if words[0] else ()
    names = tuple(
        word if word in MASK_WORDS else name.strip() or "none"
        for word, name in zip(words, field.split("|"), strict=True)
    )
    if len(names) != pictures:
        raise RowRejected(
            f"The row names {pictures} pictures but {len(names)} masks. Name one mask for each picture.",
            code="row.masks",
            column="mask",
        )
    return names


def load_from(folder: Path, max_bytes: int = Limits().bytes) -> Loader:
    """Return a loader of picture files. A file's name is absolute or relative to `folder`, see `Folder`."""
    files = Folder(folder)

    def load(name: str) -> bytes:
        try:
            return read_file(files.find(name), max_bytes)
        except NotFound as error:
            raise RowRejected(
                f"The file {name} does not exist. In a table, write its path from the table's folder on."
                f"{SEVERAL * any(mark in name for mark in ',;')}",
                code="row.picture_missing",
                picture=name,
            ) from error
        except (ImageRejected, RowRejected):
            raise
        except Rejected as error:
            raise RowRejected(
                f"We cannot read the file {name}.", code="row.picture_unreadable", picture=name
            ) from error

    return load


def column_of(code: str) -> str:
    """Return the column that an error code is about, or an empty string."""
    if code.startswith(("image.", "row.picture")):
        return "picture"
    noun, _, detail = code.partition(".")
    if noun == "licence":
        return "collection"
    if noun == "mask":
        return "mask"
    if noun == "row":
        return {"owner": "owner", "duplicate_reference": "reference"}.get(detail, "")
    if noun == "design":
        return detail if detail in {"title", "kind", "collection"} else "reference"
    return "owner" if noun == "organisation" else ""
