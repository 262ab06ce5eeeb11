"""The table of a drop: which of its columns is which, its rows, and the files that each row names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from authcheck.errors import Rejected, RowRejected
from authcheck.files.import_rows import TableRow, cell_list, read_import
from authcheck.files.named_files import QUOTES, name_key
from authcheck.files.table_columns import Columns, peek_columns
from authcheck.registry.design_files import (
    COLUMNS,
    MASK_WORDS,
    Defaults,
    Row,
    RowProblem,
    column_of,
    picture_row,
    read_row,
)
from authcheck.registry.import_tables import Drop, DropFile
from authcheck.registry.registration import NewDesign
from authcheck.registry.reports import RowReport

PICTURE = "picture"
MOST_ROWS = 5_000
OFFERED = ("picture", "reference", "title", "kind", "collection", "public_preview", "mask")
LIKELY: Mapping[str, tuple[str, ...]] = {
    "picture": (
        *("image", "images", "file", "files", "filename", "file_name", "photo", "photos", "artwork"),
        *("bild", "datei", "dateiname", "fichier", "imagen", "archivo", "图片", "图像", "文件", "文件名"),
    ),
    "reference": (
        *("ref", "id", "sku", "number", "no", "nr", "article", "article_number", "item", "code", "design"),
        *("nummer", "artikelnummer", "编号", "货号", "款号"),
    ),
    "title": ("name", "designation", "caption", "titel", "titre", "título", "标题", "名称"),
    "kind": ("type", "category", "art", "类型"),
    "collection": ("series", "line", "season", "kollektion", "系列"),
    "public_preview": ("preview", "public", "预览"),
    "mask": ("maske", "蒙版"),
}
"""Names under which other programs write our columns, as `column_name` writes them."""


def guess(columns: Columns) -> dict[str, str]:
    """Return our column for each column of the table that we can guess, by the key of the latter."""
    guessed: dict[str, str] = {}
    for ours in OFFERED:
        names = (ours, f"{ours}s", *LIKELY[ours])
        key = next((key for name in names for key in columns.keys if key == name), None)
        if key is not None and key not in guessed:
            guessed[key] = ours
    return guessed


def is_ours(columns: Columns) -> bool:
    """Return whether a table has our own columns only, so that nobody needs to be asked."""
    known = {*COLUMNS, *(f"{name}s" for name in COLUMNS)}
    named = [key for key in columns.keys if key]
    return (
        set(named) <= known
        and len(set(named)) == len(named)
        and {"picture", "pictures"} & set(named) != set()
    )


def read_rows(data: bytes, name: str, chosen: Mapping[str, str]) -> list[Row | RowProblem]:
    """Return the designs of a table. `chosen` maps keys of the table's columns to ours. Others are ignored.

    Without a column for the reference, the name of the first picture is it. Raises Rejected (`table.*`,
    `drop.no_picture_column`, `drop.column_twice`, `drop.too_many_files`).
    """
    if PICTURE not in chosen.values():
        raise Rejected("Say which column names the picture.", code="drop.no_picture_column")
    if len(set(chosen.values())) < len(chosen):
        raise Rejected("Choose each column once.", code="drop.column_twice")
    ignored = [key for key in peek_columns(data, name).keys if key and key not in chosen]
    spellings = {**chosen, **{key: f"ignored_{number}" for number, key in enumerate(ignored)}}
    columns = (*COLUMNS, *(spellings[key] for key in ignored))
    rows = read_import(
        data, name, required=(PICTURE,), columns=columns, lists=("pictures",), spellings=spellings, tell=_hear
    )
    found = [_read(row) for row in islice(rows, MOST_ROWS + 1)]
    if len(found) > MOST_ROWS:
        raise Rejected(
            f"A table in the browser has at most {MOST_ROWS} rows. Send it in parts.",
            code="drop.too_many_files",
            limit=MOST_ROWS,
        )
    return found


def _hear(_sentence: str) -> None:
    """Ignore what is said about sheets and lines: the page shows the columns that are read."""


def _read(row: TableRow) -> Row | RowProblem:
    fields = {name: value for name, value in row.fields.items() if not name.startswith("ignored_")}
    if row.error is None and not fields.get("reference"):
        try:
            names = cell_list(fields.get("pictures") or fields.get(PICTURE), PICTURE)
        except RowRejected:
            names = []
        fields["reference"] = (
            picture_row(row.line, last_part(names[0]), Defaults()).new.reference if names else ""
        )
    return read_row(replace(row, fields=fields))


def last_part(name: str) -> str:
    """Return the file's name in a path of any system, without quotes around it."""
    return PurePosixPath(name.strip(QUOTES).replace("\\", "/")).name


class Pictures:
    """The files of a drop by name, as a table may write their names."""

    def __init__(self, files: Sequence[DropFile]) -> None:
        self._exact: dict[str, dict[str, DropFile]] = {}
        self._alike: dict[str, dict[str, DropFile]] = {}
        for file in files:
            if file.sha256:
                self._exact.setdefault(file.name, {}).setdefault(file.sha256, file)
                self._alike.setdefault(name_key(file.name), {}).setdefault(file.sha256, file)

    def find(self, name: str) -> DropFile:
        """Return the file of this name.

        Raises RowRejected (`row.picture_missing`, `row.picture_ambiguous`).
        """
        last = last_part(name)
        found = self._exact.get(last) or self._alike.get(name_key(last)) or {}
        if not found:
            raise RowRejected(f"The file {name} is not here.", code="row.picture_missing", picture=name)
        if len(found) > 1:
            raise RowRejected(
                f"Several different files are called {name}. Rename them.",
                code="row.picture_ambiguous",
                picture=name,
            )
        return next(iter(found.values()))


@dataclass(frozen=True, slots=True)
class Matched:
    """A row with its files, the first of which carries the row."""

    row: Row
    pictures: Sequence[DropFile]
    masks: Sequence[DropFile | str]


def match(row: Row, pictures: Pictures) -> Matched:
    """Return a row with the files that it names. Raises RowRejected as `Pictures.find`."""
    files = [pictures.find(name) for name in row.pictures]
    masks = [mask if mask in MASK_WORDS else pictures.find(mask) for mask in row.masks]
    return Matched(row, files, masks)


def row_json(found: Matched) -> dict[str, Any]:
    """Return a matched row as `DropFile.row` stores it. Files are named by their SHA-256."""
    new = found.row.new
    return {
        "line": found.row.line,
        "owner": found.row.owner,
        "reference": new.reference,
        "title": new.title,
        "kind": new.kind,
        "collection": new.collection,
        "public_preview": new.public_preview,
        "pictures": [file.sha256 for file in found.pictures],
        "masks": [mask if isinstance(mask, str) else mask.sha256 for mask in found.masks],
    }


def row_of(drop: Drop, file: DropFile) -> Row:
    """Return the row by which a file is registered. Pictures and masks are named by their SHA-256."""
    stored = file.row
    if not stored:
        defaults = Defaults(drop.kind, drop.collection or "", drop.public_preview)
        return replace(picture_row(file.number, file.name, defaults), pictures=(file.sha256,))
    new = NewDesign(
        stored["reference"], stored["title"], stored["kind"], stored["public_preview"], stored["collection"]
    )
    pictures, masks = tuple(stored["pictures"]), tuple(stored["masks"])
    return Row(file.number, new, pictures, str(stored["owner"]), masks)


def problem_report(line: int, reference: str, error: Rejected) -> dict[str, Any]:
    """Return the report of a file or row that is refused."""
    return RowReport(
        line, reference, "rejected", code=error.code, column=column_of(error.code), detail=str(error)
    ).to_dict()
