"""What an owner names to import designs: a folder, a picture, an archive or a table, by its bytes."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

from authcheck.errors import Rejected, RowRejected
from authcheck.files.archives import Archive, is_archive, open_archive, other_archive
from authcheck.files.file_kinds import FOREIGN, HEAD_BYTES, READABLE, kind_by_suffix, kind_of
from authcheck.files.folders import Found, search
from authcheck.files.import_rows import Tell
from authcheck.files.named_files import Folder
from authcheck.files.picture_files import read_file
from authcheck.files.table_text import shown
from authcheck.files.workbooks import is_workbook
from authcheck.registry.design_files import (
    Defaults,
    Loader,
    Row,
    RowProblem,
    load_from,
    picture_row,
    read_folder,
    read_table,
)

MAX_TABLE_BYTES = 1024**3
INNER_TABLE_BYTES = 64 * 1024**2
TABLE_SUFFIXES = {
    *(".csv", ".tsv", ".tab", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".numbers"),
    *(".json", ".jsonl", ".ndjson"),
}
MOST_TABLES = 16  # among pictures; a camera's or a phone's notes may lie beside each of thousands
IMPORT_TABLE = "Unpack the files, if they are packed, and import each table itself."
SourceKind = Literal["folder", "picture", "archive", "table"]


@dataclass(frozen=True, slots=True)
class Source:
    """The rows of an import, the loader of their pictures, and the files left out by kind.

    `table` is the name of the table that was found among the pictures, or "".
    """

    rows: Sequence[Row | RowProblem]
    load: Loader
    skipped: Counter[str] = field(default_factory=Counter)
    table: str = ""


def kind_of_source(path: Path) -> SourceKind:
    """Return what a path names. A file that is nothing else is a table.

    Raises Rejected (`archive.kind`) for an archive that is no ZIP.
    """
    if path.is_dir():
        return "folder"
    head = b""
    if path.is_file():
        try:
            with path.open("rb") as file:
                head = file.read(HEAD_BYTES)
        except OSError:  # reading it again says why it cannot be read
            head = b""
    kind = kind_of(head)
    if kind in READABLE or kind in FOREIGN or kind_by_suffix(path.name):
        return "picture"
    if name := other_archive(head):
        raise Rejected(
            f"This is a {name} archive. Import the unpacked folder, or pack it as ZIP.", code="archive.kind"
        )
    is_named_zip = path.suffix.lower() == ".zip" and not is_workbook(head)  # it may begin with a program
    return "archive" if is_named_zip or is_archive(path, head) else "table"


def open_source(path: Path, defaults: Defaults, *, max_bytes: int, tell: Tell) -> Source:
    """Read the rows that a path names. `defaults` are those of designs without a table.

    `max_bytes` limits each picture file. Raises Rejected.
    """
    what = kind_of_source(path)
    if what == "folder":
        return _open_folder(path, defaults, max_bytes, tell)
    if what == "archive":
        archive = open_archive(str(path))
        return open_archived(archive, path, defaults, max_bytes=max_bytes, tell=tell)
    load = load_from(path.parent, max_bytes)
    if what == "picture":
        return Source([picture_row(1, path.name, defaults)], load)
    return Source(list(read_table(read_file(path, MAX_TABLE_BYTES), path.name, tell)), load)


def open_archived(
    archive: Archive, path: Path, defaults: Defaults, *, max_bytes: int, tell: Tell | None
) -> Source:
    """Return the designs of an archive: those of its table, or one for each picture. Raises Rejected."""
    table = _find_table("archive", archive.found, archive.read, tell)
    if table is None:
        rows = read_folder(path, archive.found, defaults)
        return Source(rows, partial(archive.read, max_bytes=max_bytes), archive.found.skipped)
    folder = str(PurePosixPath(table.name).parent)

    def find(name: str) -> str:
        return archive.find(name, folder)

    def load(name: str) -> bytes:
        return archive.read(find(name), max_bytes)

    return Source(table.rows, load, _count_skipped(table, archive.found, find), table.name)


def _open_folder(path: Path, defaults: Defaults, max_bytes: int, tell: Tell) -> Source:
    found = search(str(path))
    table = _find_table("folder", found, read_file, tell)
    if table is None:
        return Source(read_folder(path, found, defaults), load_from(path, max_bytes), found.skipped)
    folder = Path(table.name).parent
    files = Folder(folder)

    def find(name: str) -> str:
        return os.path.normpath(files.find(name))

    return Source(table.rows, load_from(folder, max_bytes), _count_skipped(table, found, find), table.name)


@dataclass(frozen=True, slots=True)
class InnerTable:
    """A table of designs in a folder or an archive, among their pictures."""

    name: str
    rows: Sequence[Row | RowProblem]


def _find_table(
    place: str, found: Found, read: Callable[[str, int], bytes], tell: Tell | None
) -> InnerTable | None:
    """Return the table of designs among the files that are no pictures.

    None unless exactly one of them has a usable row: others are price lists or a camera's notes. `tell` hears
    why a table is not read. Without `tell`, raises Rejected (`table.sheets`, `archive.several_tables`).
    """
    names = [name for name, reason in found.left_out.items() if reason in TABLE_SUFFIXES]
    if len(names) > MOST_TABLES:
        _say(tell, f"The {place} has {len(names)} tables, and we read none of them. {IMPORT_TABLE}")
        return None
    tables: list[InnerTable] = []
    for name in names:
        try:
            rows = list(read_table(read(name, INNER_TABLE_BYTES), name, tell))
        except Rejected as error:
            if tell is None and error.code == "table.sheets":
                raise
            _say(tell, f"We do not read {shown(name)} in the {place}: {error}")
            continue
        if any(isinstance(row, Row) for row in rows):
            tables.append(InnerTable(name, rows))
        else:
            _say(tell, f"We do not read {shown(name)} in the {place}: it has no usable row with a design.")
    if len(tables) > 1:
        several = shown(", ".join(table.name for table in tables))
        if tell is None:
            raise Rejected(
                f"The {place} has several tables of designs: {several}. Keep one of them.",
                code="archive.several_tables",
            )
        _say(
            tell,
            f"The {place} has several tables of designs: {several}. We read none of them. {IMPORT_TABLE}",
        )
        return None
    if tables:
        _say(tell, f"We read the table {shown(tables[0].name)} in the {place}.")
    return tables[0] if tables else None


def _say(tell: Tell | None, sentence: str) -> None:
    if tell:
        tell(sentence)


def _count_skipped(table: InnerTable, found: Found, find: Callable[[str], str]) -> Counter[str]:
    """Count the files that were left out. The pictures that the table does not name are among them."""
    named: set[str] = set()
    for row in table.rows:
        for name in (*row.pictures, *row.masks) if isinstance(row, Row) else ():
            with suppress(RowRejected):
                named.add(find(name))
    skipped = found.skipped - Counter({found.left_out[table.name]: 1})
    unnamed = {os.path.normpath(path) for path in found.paths} - named
    return skipped + Counter({"not named in the table": len(unnamed)})
