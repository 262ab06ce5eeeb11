"""Files written whole or not at all, and files that cannot be written."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from authcheck.errors import StorageFailed

TEMPORARY = ".new-"  # how the name of an unfinished file begins


def write_whole(path: Path, data: bytes, *, mode: int = 0o644, durable: bool = False) -> None:
    """Put `data` at `path`, in the place of the file that is there. Make missing folders. Raises OSError.

    A reader sees the old bytes or the new ones, and so does the next start after a crash. `mode` is the
    file's permissions. A durable file is on the disk, with its name, before the function returns.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk. Raises OSError."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextmanager
def translated_write_errors(path: Path | str) -> Iterator[None]:
    """Translate an OSError in the block.

    Raises StorageFailed (`storage.full`, `storage.read_only`, `storage.failed`) that names the path.
    """
    try:
        yield
    except OSError as error:
        raise StorageFailed(
            f"{path} cannot be written: {error.strerror}.", code=write_error_code(error), path=str(path)
        ) from error


class Guarded:
    """A text stream that raises StorageFailed instead of OSError. `name` is what the error calls the stream.

    Other users of the stream (rich, csv, print) see the stream itself. Python ends a program with status 1
    when it cannot write, and for `authcheck check` status 1 means that a design was found. After the first
    error the stream drops what is written. A stream that is `expendable` raises no error at all.
    """

    def __init__(self, stream: TextIO, name: str, *, expendable: bool = False) -> None:
        self._stream, self._name, self._expendable = stream, name, expendable
        self.has_failed = False

    def write(self, text: str) -> int:
        """Write text. Raises StorageFailed (`storage.full`, `storage.read_only`, `storage.failed`)."""
        with self._raises_once():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Write the buffered text. Raises as `write`."""
        with self._raises_once():
            self._stream.flush()

    def close(self) -> None:
        """Write the buffered text and close the stream. Raises as `write`."""
        with self._raises_once():
            self._stream.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextmanager
    def _raises_once(self) -> Iterator[None]:
        had_failed = self.has_failed
        try:
            with translated_write_errors(self._name):
                yield
        except StorageFailed:
            self.has_failed = True
            if not had_failed and not self._expendable:
                raise


def write_error_code(error: OSError) -> str:
    """Return `storage.full`, `storage.read_only` (also for a missing folder) or `storage.failed`."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "storage.full"
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.EISDIR}:
        return "storage.read_only"
    return "storage.failed"
