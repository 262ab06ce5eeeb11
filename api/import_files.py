"""Files of a bulk import, as a request has them: pictures, and ZIP archives, taken like their pictures."""

import io
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from authcheck.errors import Rejected, RowRejected
from authcheck.files.archives import ZIP_STARTS, Archive, has_workbook
from authcheck.files.file_kinds import APPLE_DOUBLE, HEAD_BYTES, foreign_kind, kind_by_suffix, kind_of
from authcheck.files.folders import skipped_file
from authcheck.files.named_files import QUOTES, name_key
from authcheck.registry.design_files import Defaults, Row, RowProblem, picture_row
from authcheck.registry.sources import Source, open_archived
from authcheck.vision.pictures.decode import foreign_error

from .multipart import Form, FormPart, clean_name

DIRECTORY_BYTES = 2 * 1024 * 1024  # of an archive's list of files: 10,000 names of 150 bytes
LEFT_OUT = "left out"


class Slice(io.RawIOBase):
    """A part of a form, as a file that is open for reading."""

    def __init__(self, form: Form, part: FormPart) -> None:
        self._form, self._part, self._place = form, part, 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place in the part."""
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._part.size_bytes}
        self._place = max(0, starts[whence] + offset)
        return self._place

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with the bytes from the place on. Return their number."""
        view = memoryview(buffer)
        size_bytes = max(0, min(len(view), self._part.size_bytes - self._place))
        view[:size_bytes] = self._form.spool.read(self._part.offset + self._place, size_bytes)
        self._place += size_bytes
        return size_bytes


@dataclass(frozen=True, slots=True)
class SentFile:
    """A picture of a request, or a file with the error that says why it is none.

    `name` is the file's name, or its path in an archive. Equal pictures have equal `content`.
    """

    name: str
    content: str
    load: Callable[[], bytes]
    line: int
    error: Rejected | None = None


class SentFiles:
    """The files of a request without a table of designs in an archive, see `open_sent`."""

    def __init__(self, files: Sequence[SentFile], left_out: int) -> None:
        self._files, self._left_out = files, left_out
        self._places: list[dict[str, list[int]]] = [{}, {}, {}, {}]
        for number, file in enumerate(files):
            for places, spelling in zip(self._places, _spellings(file.name), strict=True):
                places.setdefault(spelling, []).append(number)

    def by_file(self, kind: str) -> Source:
        """Return one row per file. A row names its file by position, because two may have the same name."""
        rows: list[Row | RowProblem] = []
        for number, file in enumerate(self._files):
            row = picture_row(file.line, file.name, Defaults(kind))
            if file.error:
                rows.append(RowProblem(row.line, row.new.reference, "picture", file.error))
            else:
                rows.append(replace(row, pictures=(str(number),)))
        return Source(rows, self._load_number, Counter({LEFT_OUT: self._left_out}))

    def by_table(self, rows: Sequence[Row | RowProblem]) -> Source:
        """Return the rows of a table with the files that it names. The other files are counted."""
        names = {name for row in rows if isinstance(row, Row) for name in (*row.pictures, *row.masks)}
        named = {number for name in names for number in self._find(name)}
        left_out = self._left_out + len(self._files) - len(named)
        return Source(rows, self._load_name, Counter({LEFT_OUT: left_out}))

    def _find(self, name: str) -> list[int]:
        """Return the files that a name in a table may mean.

        They are the files of this path, or else of this name: an upload has no folders. Without them, the
        files of a path or a name that is the same but for what `name_key` ignores.
        """
        wanted = _spellings(name.strip(QUOTES))
        found = (places.get(spelling) for places, spelling in zip(self._places, wanted, strict=True))
        return next((numbers for numbers in found if numbers), [])

    def _load_number(self, number: str) -> bytes:
        return self._files[int(number)].load()

    def _load_name(self, name: str) -> bytes:
        files = {file.content: file for file in (self._files[number] for number in self._find(name))}
        if not files:
            raise RowRejected(
                f"The request has no picture named {name}.", code="row.picture_missing", picture=name
            )
        if len(files) > 1:
            raise RowRejected(
                f"The request has several different pictures named {clean_name(name)}. Rename them.",
                code="row.picture_ambiguous",
                picture=name,
            )
        (file,) = files.values()
        if file.error:
            raise file.error
        return file.load()


def _spellings(name: str) -> tuple[str, str, str, str]:
    """Return a path, its last part, and the keys of both."""
    path = name.replace("\\", "/").removeprefix("./")
    last = clean_name(path)
    return path, last, name_key(path), name_key(last)


def open_sent(
    form: Form, parts: Sequence[FormPart], kind: str, *, most_files: int, is_listed: bool
) -> SentFiles | Source:
    """Return the files of a request.

    An archive that is sent alone, without a table (`is_listed`), is imported as on the command line: it may
    have the table. Raises Rejected (`request.archived_table` for a table in one of several files,
    `request.too_many_parts`, `table.sheets`).
    """
    files: list[SentFile] = []
    left_out: list[str] = []
    for part in parts:
        line = len(files) + len(left_out) + 1
        archive, error = _open_archive(form, part)
        if archive is None:
            if error is None and _is_system_file(form, part):
                left_out.append(part.filename or "")
            else:
                files.append(_sent_file(form, part, line, error))
            continue
        if not is_listed:
            source = _open_whole(archive, part, kind, form.picture_bytes)
            if len(parts) == 1:
                _check_number(len(source.rows), most_files)
                return source
            if source.table:
                raise _archived_table_error(part)
        files += _archived_files(archive, line, form.picture_bytes)
        left_out += archive.found.left_out
        _check_number(len(files), most_files)
    return SentFiles(files, len(left_out))


def _open_whole(archive: Archive, part: FormPart, kind: str, most_bytes: int) -> Source:
    path = Path(part.filename or "the archive")
    return open_archived(archive, path, Defaults(kind), max_bytes=most_bytes, tell=None)


def _archived_table_error(part: FormPart) -> Rejected:
    return Rejected(
        f"The archive {part.filename} has a table of designs. Send this archive alone, or send the table as "
        "the part table.",
        code="request.archived_table",
    )


def _check_number(files: int, most_files: int) -> None:
    if files > most_files:
        raise Rejected(
            f"The archives have too many pictures. Send at most {most_files} pictures in one request.",
            code="request.too_many_parts",
            limit=most_files,
        )


def _head(form: Form, part: FormPart) -> bytes:
    return form.spool.read(part.offset, min(part.size_bytes, HEAD_BYTES))


def _open_archive(form: Form, part: FormPart) -> tuple[Archive | None, Rejected | None]:
    """Return the ZIP archive that a part is, or the error of a damaged one."""
    head, name = _head(form, part), part.filename or ""
    if not head.startswith(ZIP_STARTS) or kind_of(head) or kind_by_suffix(name):
        return None, None
    try:
        if has_workbook(io.BufferedReader(Slice(form, part)), DIRECTORY_BYTES):
            return None, None
        return Archive(io.BufferedReader(Slice(form, part)), DIRECTORY_BYTES), None
    except Rejected as error:
        return None, RowRejected(f"{name}: {error}", code=error.code)


def _archived_files(archive: Archive, first_line: int, most_bytes: int) -> Iterable[SentFile]:
    for line, name in enumerate(archive.found.paths, first_line):
        foreign = foreign_kind(archive.found.foreign.get(name, ""))
        error = foreign_error(foreign, name) if foreign else None
        yield SentFile(name, archive.content(name), partial(archive.read, name, most_bytes), line, error)


def _is_system_file(form: Form, part: FormPart) -> bool:
    return bool(skipped_file(part.filename or "")) or kind_of(_head(form, part)) == APPLE_DOUBLE


def _sent_file(form: Form, part: FormPart, line: int, error: Rejected | None) -> SentFile:
    name = part.filename or ""
    foreign = foreign_kind(kind_of(_head(form, part)) or kind_by_suffix(name))
    if foreign:
        error = foreign_error(foreign, name)
    return SentFile(name, part.sha256, partial(form.picture, part), line, error)
