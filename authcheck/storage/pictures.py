"""Registered pictures on disk, each under the SHA-256 of its bytes."""

import hashlib
from pathlib import Path

from authcheck.errors import NotFound, StorageFailed
from authcheck.files.writing import write_error_code, write_whole


class PictureStore:
    """A folder of immutable files, `ab/abcdef...`. Writing the same bytes again changes nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes) -> str:
        """Store bytes durably, whole or not at all, and return their SHA-256 in hex. Raises StorageFailed."""
        sha256 = hashlib.sha256(data).hexdigest()
        target = self._path(sha256)
        try:
            if not target.is_file() or target.stat().st_size != len(data):
                write_whole(target, data, mode=0o600, durable=True)  # before the caller's transaction commits
        except OSError as error:
            raise _storage_failed(error) from error
        return sha256

    def get(self, sha256: str) -> bytes:
        """Return the bytes.

        Raises NotFound when the file is missing, StorageFailed when its hash is wrong.
        """
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


def _storage_failed(error: OSError) -> StorageFailed:
    """Return the error without its path: callers of the API read the sentence."""
    code = write_error_code(error)
    sentences = {
        "storage.full": "The disk is full: nothing was stored.",
        "storage.read_only": "The folder of pictures is read-only.",
    }
    return StorageFailed(sentences.get(code, f"A picture could not be written: {error.strerror}."), code=code)
