"""Registered pictures on disk, each under the SHA-256 of its bytes."""

import errno
import hashlib
import os
import tempfile
from pathlib import Path

from authcheck.errors import NotFound, StorageFailed


class PictureStore:
    """A folder of immutable files, `ab/abcdef...`; writing the same bytes again changes nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes) -> str:
        """Store durably and return the hex SHA-256. Raises StorageFailed; a half-written file is never visible."""
        sha256 = hashlib.sha256(data).hexdigest()
        target = self._path(sha256)
        try:
            if not target.is_file() or target.stat().st_size != len(data):
                target.parent.mkdir(parents=True, exist_ok=True)
                _write_durably(target, data)
        except OSError as error:
            raise _storage_failed(error) from error
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes. Raises NotFound where the file is gone, StorageFailed where it no longer has its hash."""
        try:
            data = self._path(sha256).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(
                "The stored picture is missing.", code="picture.not_found", sha256=sha256
            ) from error
        except OSError as error:
            raise StorageFailed(f"A stored picture could not be read: {error.strerror}.") from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise StorageFailed("The stored picture was altered.", code="storage.altered", sha256=sha256)
        return data

    def _path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256


def _write_durably(target: Path, data: bytes) -> None:
    # The bytes reach the disk before the name does, and the name before the caller's transaction commits.
    number, name = tempfile.mkstemp(dir=target.parent, prefix=".new-")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(number)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _storage_failed(error: OSError) -> StorageFailed:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StorageFailed("The disk is full: nothing was stored.", code="storage.full")
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        return StorageFailed("The folder of pictures is read-only.", code="storage.read_only")
    return StorageFailed(f"A picture could not be written: {error.strerror}.")
