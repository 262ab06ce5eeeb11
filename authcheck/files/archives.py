"""ZIP archives of pictures, read entry by entry. Nothing is unpacked to the disk, whatever the names say."""

import os
import posixpath
import zipfile
from collections import Counter
from functools import lru_cache
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO

from authcheck.errors import ImageRejected, Rejected, RowRejected
from authcheck.files.file_kinds import HEAD_BYTES, kind_by_suffix
from authcheck.files.folders import Found, skipped_file, skipped_folder
from authcheck.files.named_files import QUOTES, name_key
from authcheck.files.picture_files import read_file

ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
# Archives that we cannot read, by their first bytes.
OTHER_ARCHIVES = {b"Rar!\x1a\x07": "RAR", b"7z\xbc\xaf\x27\x1c": "7z", b"\x1f\x8b": "gzip", b"BZh": "bzip2"}
TAR_MARK = slice(257, 262)
# A workbook is a ZIP archive too. One of these names tells it.
WORKBOOK_PARTS = {"[Content_Types].xml", "content.xml", "Index/Document.iwa", "Index.zip"}
DIRECTORY_BYTES = 64 * 1024 * 1024  # of the archive's list of files, which is held in memory
END_BYTES = 22 + 65535 + 76  # of the end of an archive: its end record, a comment, and the records of ZIP64
ENCRYPTED = 0x1
# Other packings, such as LZMA, ask for gigabytes of memory before their first byte.
PACKINGS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
UTF8_NAME = 0x800
Source = str | BinaryIO  # a path, or a file that is open for reading


def other_archive(head: bytes) -> str:
    """Return the name of a kind of archive that we cannot read, or ""."""
    if head[TAR_MARK] == b"ustar":
        return "tar"
    return next((name for start, name in OTHER_ARCHIVES.items() if head.startswith(start)), "")


def is_archive(path: Path, head: bytes) -> bool:
    """Return whether a file is a ZIP archive and no workbook. For a damaged one, its suffix tells."""
    if not head.startswith(ZIP_STARTS):
        return False
    try:
        return not has_workbook(str(path))
    except Rejected:
        return path.suffix.lower() == ".zip"


def has_workbook(source: Source, directory_bytes: int = DIRECTORY_BYTES) -> bool:
    """Return whether a ZIP archive is a workbook or another document. Raises as `Archive`."""
    with _open(source, directory_bytes) as file:
        return bool(WORKBOOK_PARTS & set(file.namelist()))


class Archive:
    """A ZIP archive. `found` has the pictures in it and the other files by kind, with names as in a folder.

    The list of files may have `directory_bytes`.

    Raises Rejected (`archive.unreadable`, `archive.too_many_files`).
    """

    def __init__(self, source: Source, directory_bytes: int = DIRECTORY_BYTES) -> None:
        self._file = _open(source, directory_bytes)
        entries = self._file.infolist()
        if sum(entry.compress_size for entry in entries) > _size_of(source):
            raise _unreadable_error(source)  # entries share their bytes: one megabyte could claim terabytes
        self._entries: dict[str, zipfile.ZipInfo] = {}
        self._spellings: dict[str, list[str]] = {}  # by `name_key`
        self._repeats: Counter[str] = Counter()
        self.found = Found()
        for entry in entries:
            if not entry.is_dir():
                self._add(entry)
        self.found.paths.sort(key=lambda name: PurePosixPath(name).parts)

    def _add(self, entry: zipfile.ZipInfo) -> None:
        name = self._free_name(_plain_name(entry))
        self._entries[name] = entry
        self._spellings.setdefault(name_key(name), []).append(name)
        *folders, last = PurePosixPath(name).parts
        reasons = (f"in {found}" for folder in folders if (found := skipped_folder(folder)))
        reason, head = next(reasons, "") or skipped_file(last), b""
        if not reason:
            try:
                head = self._read(name, entry, HEAD_BYTES)
            except RowRejected:
                reason = "" if kind_by_suffix(name) else "encrypted or damaged"
        if head.startswith(ZIP_STARTS) and name.lower().endswith(".zip"):
            self.found.paths.append(name)  # reading it says that it is an archive
        else:
            self.found.add(name, reason, head)

    def _free_name(self, name: str) -> str:
        """Return the name, with a number when entries before it have the same."""
        free = name
        while free in self._entries:
            self._repeats[name] += 1
            free = f"{name} ({self._repeats[name] + 1})"
        return free

    def find(self, name: str, folder: str) -> str:
        """Return the entry that a table in `folder` names, as `named_files.Folder` finds files.

        Without such an entry, return the name. Raises RowRejected (`row.picture_ambiguous`).
        """
        path = posixpath.normpath(posixpath.join(folder, name.strip(QUOTES).replace("\\", "/"))).lstrip("/")
        if path in self._entries:
            return path
        spellings = self._spellings.get(name_key(path), [])
        if len(spellings) > 1:
            raise RowRejected(
                f"{name} may be any of {', '.join(spellings)}. Write the name as the file has it.",
                code="row.picture_ambiguous",
                picture=name,
            )
        return spellings[0] if spellings else path

    def content(self, name: str) -> str:
        """Return the checksum and the size of a file, which are the same for equal files."""
        entry = self._entries[name]
        return f"{entry.CRC:08x} {entry.file_size}"

    def read(self, name: str, max_bytes: int) -> bytes:
        """Return the bytes of a picture. Refuse it by the size that it says or the size that it has.

        Raises ImageRejected (`image.too_large`), RowRejected (`row.picture_missing`,
        `row.picture_unreadable`).
        """
        entry = self._entries.get(name)
        if entry is None:
            raise RowRejected(f"The archive has no file {name}.", code="row.picture_missing", picture=name)
        data = b"" if entry.file_size > max_bytes else self._read(name, entry, max_bytes + 1)
        if max(entry.file_size, len(data)) > max_bytes:
            raise ImageRejected(
                f"The file is too large. The limit is {max_bytes} bytes.",
                code="image.too_large",
                limit_bytes=max_bytes,
            )
        return data

    def _read(self, name: str, entry: zipfile.ZipInfo, most_bytes: int) -> bytes:
        """Return the first bytes of an entry. Raises RowRejected (`row.picture_unreadable`)."""
        if entry.flag_bits & ENCRYPTED:
            raise _entry_error(name, "is encrypted in the archive. Pack it without a password")
        if entry.compress_type not in PACKINGS:
            raise _entry_error(name, "is packed in a way that we cannot read. Pack it as ZIP again")
        try:
            with self._file.open(entry) as stream:
                return stream.read(most_bytes)
        except Exception as error:  # the reader of untrusted bytes raises whatever it likes
            raise _entry_error(name, "is damaged in the archive. Pack it again") from error


def _open(source: Source, directory_bytes: int) -> zipfile.ZipFile:
    """Open an archive. Raises Rejected (`archive.unreadable`, `archive.too_many_files`)."""
    try:
        if isinstance(source, str):
            with open(source, "rb") as file:  # noqa: PTH123 - a Path would rewrite the given path
                _check_directory(file, directory_bytes)
        else:
            _check_directory(source, directory_bytes)
        return zipfile.ZipFile(source)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _unreadable_error(source) from error


def _size_of(source: Source) -> int:
    return Path(source).stat().st_size if isinstance(source, str) else source.seek(0, os.SEEK_END)


@lru_cache(maxsize=1)
def open_archive(path: str) -> Archive:
    """Return an archive. The last one stays open, because a scan reads it picture by picture."""
    return Archive(path)


def is_zip(path: str) -> bool:
    """Return whether a path is a ZIP archive of pictures, by its bytes."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a Path would rewrite the given path
            return is_archive(Path(path), file.read(4)) if os.path.isfile(path) else False  # noqa: PTH113 - as above
    except (OSError, ValueError):
        return False


def read_picture(path: str, max_bytes: int) -> bytes:
    """Read a file, or a file in an archive for a path such as `prints.zip/kite.png`.

    Raises as `read_file` and `Archive.read` do.
    """
    try:
        return read_file(path, max_bytes)
    except ImageRejected:
        raise
    except Rejected:
        archive = path
        while archive := archive.rpartition("/")[0]:
            if is_zip(archive):
                return open_archive(archive).read(path[len(archive) + 1 :], max_bytes)
        raise


def _check_directory(file: BinaryIO, most_bytes: int) -> None:
    """Raise Rejected (`archive.too_many_files`) for a list of files that is too long to be held in memory."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - END_BYTES))
    end = file.read()
    record, record64 = end.rfind(b"PK\x05\x06"), end.rfind(b"PK\x06\x06")
    size_bytes = int.from_bytes(end[record + 12 : record + 16], "little") if record >= 0 else 0
    if record64 >= 0:
        size_bytes = int.from_bytes(end[record64 + 40 : record64 + 48], "little")
    if size_bytes > most_bytes:
        raise Rejected(
            "The archive has too many files. Unpack it and import the folder.", code="archive.too_many_files"
        )


def _plain_name(entry: zipfile.ZipInfo) -> str:
    """Return the name without a drive, roots and `..`. A Mac writes UTF-8 without saying so."""
    name = entry.filename
    if not entry.flag_bits & UTF8_NAME:
        try:
            name = name.encode("cp437").decode()
        except UnicodeError:
            name = entry.filename
    parts = PureWindowsPath(name).parts
    kept = [part for part in parts if part not in {"..", ".", "/", "\\"} and not part.endswith((":\\", ":"))]
    return "/".join(kept) or "unnamed"


def _unreadable_error(source: Source) -> Rejected:
    path = f" {source}" if isinstance(source, str) else ""
    return Rejected(
        f"The archive{path} is damaged. Pack it again, or import the unpacked folder.",
        code="archive.unreadable",
        path=path.strip(),
    )


def _entry_error(name: str, reason: str) -> RowRejected:
    return RowRejected(f"{name} {reason}.", code="row.picture_unreadable", picture=name)
