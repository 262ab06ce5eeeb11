"""What an owner names to import designs: a folder, a picture, an archive or a table, by its bytes."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

from authcheck.errors import Rejected, RowRejected
from authcheck.files.archives import Archive, is_archive, open_archive, other_archive
from authcheck.files.file_kinds import FOREIGN, HEAD_BYTES, READABLE, kind_by_suffix, kind_of
from authcheck.files.folders import search
from authcheck.files.import_rows import Tell
from authcheck.files.picture_files import read_file
from authcheck.files.table_text import shown
from authcheck.registry.design_files import (
    Loader,
    Row,
    RowProblem,
    load_from,
    picture_row,
    read_folder,
    read_table,
)

MAX_TABLE_BYTES = 1024**3
ARCHIVED_TABLE_BYTES = 64 * 1024**2
TABLE_SUFFIXES = {".csv", ".tsv", ".xlsx", ".xls", ".ods", ".json", ".jsonl", ".ndjson"}
SourceKind = Literal["folder", "picture", "archive", "table"]


@dataclass(frozen=True, slots=True)
class Source:
    """The rows of an import, the loader of their pictures, and the files left out by kind."""

    rows: Sequence[Row | RowProblem]
    load: Loader
    skipped: Counter[str] = field(default_factory=Counter)


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
    return "archive" if is_archive(path, head) else "table"


def open_source(path: Path, *, kind: str, collection: str, max_bytes: int, tell: Tell) -> Source:
    """Read the rows that a path names. `kind` and `collection` are those of designs without a table.

    `max_bytes` limits each picture file. Raises Rejected.
    """
    what = kind_of_source(path)
    if what == "folder":
        found = search(str(path))
        rows = read_folder(path, found, kind, collection)
        return Source(rows, load_from(path, max_bytes), found.skipped)
    if what == "archive":
        archive = open_archive(str(path))
        with_table = _open_archived_table(archive, max_bytes, tell)
        rows = [] if with_table else read_folder(path, archive.found, kind, collection)
        return with_table or Source(rows, partial(archive.read, max_bytes=max_bytes), archive.found.skipped)
    load = load_from(path.parent, max_bytes)
    if what == "picture":
        return Source([picture_row(1, path.name, kind, collection)], load)
    return Source(list(read_table(read_file(path, MAX_TABLE_BYTES), path.name, tell)), load)


def _open_archived_table(archive: Archive, max_bytes: int, tell: Tell) -> Source | None:
    """Return the rows of the table of designs in an archive.

    None unless there is exactly one table, with a usable row: it may be a price list or a camera's notes. The
    pictures that the table does not name are left out, and counted.
    """
    tables = [name for name, reason in archive.found.left_out.items() if reason in TABLE_SUFFIXES]
    if len(tables) != 1:
        return None
    (table,) = tables
    try:
        rows = list(read_table(archive.read(table, ARCHIVED_TABLE_BYTES), table, tell))
    except Rejected as error:
        tell(f"We do not read {shown(table)} in the archive: {error}")
        return None
    if not any(isinstance(row, Row) for row in rows):
        tell(f"We do not read {shown(table)} in the archive: it has no usable row with a design.")
        return None
    folder = str(PurePosixPath(table).parent)

    def load(name: str) -> bytes:
        return archive.read(archive.find(name, folder), max_bytes)

    named: set[str] = set()
    for row in rows:
        for name in (*row.pictures, *row.masks) if isinstance(row, Row) else ():
            with suppress(RowRejected):
                named.add(archive.find(name, folder))
    skipped = archive.found.skipped - Counter({archive.found.left_out[table]: 1})
    skipped += Counter({"not named in the table": len(set(archive.found.paths) - named)})
    tell(f"We read the table {shown(table)} in the archive.")
    return Source(rows, load, skipped)
