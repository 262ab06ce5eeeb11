"""Files that arrive for a drop: pictures, ZIP archives, which are taken like their files, and a table."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from authcheck.errors import AuthcheckError, Rejected, RowRejected, Unavailable
from authcheck.files.archives import ZIP_STARTS, Archive, has_workbook
from authcheck.files.file_kinds import APPLE_DOUBLE, HEAD_BYTES, foreign_kind, kind_by_suffix, kind_of
from authcheck.files.folders import skipped_file
from authcheck.files.workbooks import is_workbook
from authcheck.registry import dropped_tables, drops
from authcheck.registry.drop_spool import DropSpool
from authcheck.registry.drops import NewFile
from authcheck.registry.import_tables import Drop
from authcheck.registry.sources import TABLE_SUFFIXES
from authcheck.vision.pictures.decode import foreign_error
from authcheck.workspace import Workspace

from ..import_files import DIRECTORY_BYTES, Slice
from ..multipart import Form, FormPart, clean_name, too_large
from ..uploads import take_job
from .sent_files import Sent, read_files

TABLE_BYTES = 4 * 1024 * 1024
MOST_PARTS = 5_010  # files of one form, and its few fields


@dataclass(slots=True)
class Received:
    """What became of the files of one form. `error` stopped the reading: the files after it are not there."""

    added: int = 0
    again: int = 0
    error: AuthcheckError | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A file that is a table of designs."""

    name: str
    sha256: str
    data: bytes


async def read_register(request: Request) -> Sent:
    """Return the form of many files, and wait until a job on them may begin.

    Raises Forbidden (`request.cross_site`).
    """
    sent = await read_files(request, MOST_PARTS)
    if sent.form is not None:
        try:
            await take_job(request)
        except Unavailable as error:
            return Sent(None, error)
    return sent


RegisterDep = Annotated[Sent, Depends(read_register)]


def receive(workspace: Workspace, drop: Drop, form: Form) -> Received:
    """Put the files of a form into a drop, each in a transaction of its own, so that nothing sent is lost.

    Tables come first. A file that cannot be taken says why in its row.
    """
    received = Received()
    try:
        parts = [part for part in form.files("file") if part.size_bytes or part.filename]
        for part in sorted(parts, key=lambda part: not _is_table_name(part.filename or "")):
            for file in _readable(form, part, workspace.settings.max_import_bytes):
                is_new = _put(workspace, drop, file)
                received.added += is_new
                received.again += not is_new
    except (Unavailable, Rejected) as error:
        received.error = error
        if error.code == "drop.full":
            _make_room(workspace, drop)
    return received


def _make_room(workspace: Workspace, drop: Drop) -> None:
    """Start the rows of a table whose files are here: all its files may need more room than there is."""
    with suppress(Rejected), workspace.database.writing() as session:
        locked = drops.get_drop(session, drop.id, organisation_id=drop.organisation_id, lock=True)
        dropped_tables.start_ready(session, spool_of(workspace), locked)


def _put(workspace: Workspace, drop: Drop, file: NewFile | Table) -> bool:
    """Put a file into a drop. Return whether it is new there.

    Raises Rejected (`drop.too_many_files`), Unavailable (`drop.full`), StorageFailed.
    """
    spool, most_bytes = spool_of(workspace), workspace.settings.max_import_bytes
    try:
        with workspace.database.writing() as session:
            locked = drops.get_drop(session, drop.id, organisation_id=drop.organisation_id, lock=True)
            if isinstance(file, NewFile):
                return bool(drops.add_file(session, spool, locked, file, most_bytes=most_bytes))
            return dropped_tables.add_table(
                session, spool, locked,
                name=file.name, sha256=file.sha256, data=file.data, most_bytes=most_bytes,
            )  # fmt: skip
    except Rejected as error:
        if isinstance(file, NewFile):
            raise
        return _put(workspace, drop, NewFile(file.name, file.sha256, b"", error))


def _readable(form: Form, part: FormPart, most_bytes: int) -> Iterator[NewFile | Table]:
    """Yield what a part holds. A part that cannot be read is a file with its error."""
    try:
        yield from _files_of(form, part, most_bytes)
    except Rejected as error:
        yield NewFile(clean_name(part.filename or "") or "?", part.sha256, b"", error)


def spool_of(workspace: Workspace) -> DropSpool:
    """Return the folder of dropped files."""
    return DropSpool(workspace.settings.data_dir)


def _is_table_name(name: str) -> bool:
    return any(name.lower().endswith(suffix) for suffix in TABLE_SUFFIXES)


def _files_of(form: Form, part: FormPart, most_bytes: int) -> Iterator[NewFile | Table]:
    """Yield what a part holds. Of an archive, yield one file after the other. Raises Rejected."""
    name = clean_name(part.filename or "") or "?"
    head = form.spool.read(part.offset, min(part.size_bytes, HEAD_BYTES))
    may_be_archive = head.startswith(ZIP_STARTS) and not kind_of(head) and not kind_by_suffix(name)
    if may_be_archive and not has_workbook(io.BufferedReader(Slice(form, part)), DIRECTORY_BYTES):
        yield from _archived(Archive(io.BufferedReader(Slice(form, part)), DIRECTORY_BYTES), form, most_bytes)
    elif part.size_bytes > form.picture_bytes:
        yield NewFile(name, part.sha256, b"", too_large(form.picture_bytes))
    else:
        yield _file(name, form.bytes_of(part), part.sha256)


def _archived(archive: Archive, form: Form, most_bytes: int) -> Iterator[NewFile | Table]:
    """Yield the files of an archive, which may have `most_bytes` when they are unpacked.

    The limit is for repeated and refused files, too: to unpack them is work, and they take no room.
    """
    left_bytes = most_bytes
    tables = [name for name, reason in archive.found.left_out.items() if reason in TABLE_SUFFIXES]
    others = [name for name in archive.found.left_out if name not in tables]
    for name in (*tables, *archive.found.paths):
        last = clean_name(name)
        try:
            data = archive.read(name, form.picture_bytes)
        except Rejected as error:
            yield NewFile(last, hashlib.sha256(name.encode()).hexdigest(), b"", error)
        else:
            left_bytes -= len(data)
            if left_bytes < 0:
                raise RowRejected(
                    f"Unpacked, the files of the archive have more than {most_bytes} bytes. Divide it.",
                    code="archive.too_large",
                    limit_bytes=most_bytes,
                )
            yield _file(last, data, hashlib.sha256(data).hexdigest())
    for name in others:
        sha256 = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
        yield NewFile(clean_name(name), sha256, b"", is_left_out=True)


def _file(name: str, data: bytes, sha256: str) -> NewFile | Table:
    """Return a picture, a table, or a file that is neither, with the reason."""
    kind = kind_of(data[:HEAD_BYTES])
    if skipped_file(name) or kind == APPLE_DOUBLE:
        return NewFile(name, sha256, b"", is_left_out=True)
    if is_workbook(data) or (_is_table_name(name) and not kind):
        if len(data) > TABLE_BYTES:
            message = f"The table is too large. Send at most {TABLE_BYTES} bytes."
            raise Rejected(message, code="table.too_large", limit_bytes=TABLE_BYTES)
        return Table(name, sha256, data)
    if not data:
        return NewFile(name, sha256, b"", RowRejected("The file is empty.", code="image.empty"))
    if foreign := foreign_kind(kind or kind_by_suffix(name)):
        return NewFile(name, sha256, b"", foreign_error(foreign, name))
    return NewFile(name, sha256, data)
