"""The bytes of dropped files on disk until they are registered: a folder per drop, a file per SHA-256."""

import re
import shutil
from pathlib import Path

from authcheck.errors import NotFound, StorageFailed
from authcheck.files.writing import write_error_code, write_whole

FOLDER = "drops"  # in the data folder
NAME = re.compile(r"drp_[0-9A-Z]{26}")


class DropSpool:
    """The folder of all drops."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / FOLDER

    def put(self, drop_id: str, sha256: str, data: bytes) -> None:
        """Store a file. Raises StorageFailed (`storage.full`, `storage.failed`)."""
        try:
            write_whole(self._path(drop_id, sha256), data, mode=0o600)
        except OSError as error:
            code = write_error_code(error)
            raise StorageFailed("We cannot store the file: the disk takes nothing.", code=code) from error

    def get(self, drop_id: str, sha256: str) -> bytes:
        """Return a file. Raises NotFound (`drop.lost`)."""
        try:
            return self._path(drop_id, sha256).read_bytes()
        except OSError as error:
            raise NotFound("The file is no longer here. Send it again.", code="drop.lost") from error

    def remove(self, drop_id: str, sha256: str) -> None:
        """Remove a file, and the drop's folder with its last file."""
        path = self._path(drop_id, sha256)
        try:
            path.unlink(missing_ok=True)
            path.parent.rmdir()
        except OSError:  # the folder has other files, or is gone
            return

    def remove_all(self, drop_id: str) -> None:
        """Remove what is left of a drop."""
        shutil.rmtree(self.folder / drop_id, ignore_errors=True)

    def drop_ids(self) -> list[str]:
        """Return the ids of the drops that have files here."""
        try:
            return sorted(path.name for path in self.folder.iterdir() if NAME.fullmatch(path.name))
        except OSError:
            return []

    def _path(self, drop_id: str, sha256: str) -> Path:
        return self.folder / drop_id / sha256
