"""The temporary file of an upload."""

import threading
from tempfile import SpooledTemporaryFile

from starlette.concurrency import run_in_threadpool

from authcheck.errors import StorageFailed
from authcheck.files.writing import write_error_code

MEMORY_BYTES = 1024 * 1024  # a smaller body stays in memory, a larger body goes to a temporary file


class Spool:
    """A temporary file. Any thread may append bodies and read parts."""

    def __init__(self) -> None:
        self._file: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115 - closed by the request
        self._lock = threading.Lock()
        self.size_bytes = 0

    async def append(self, data: bytes) -> None:
        """Write at the end, in another thread if the file is on the disk. Raises as `write`."""
        if self.size_bytes + len(data) > MEMORY_BYTES:
            await run_in_threadpool(self.write, data)
        else:
            self.write(data)

    def write(self, data: bytes) -> None:
        """Write at the end. Raises StorageFailed (`storage.full`, `storage.failed`)."""
        self.size_bytes += len(data)
        try:
            with self._lock:
                self._file.write(data)
        except OSError as error:
            code = write_error_code(error)
            reason = ": the folder is full" if code == "storage.full" else ""
            raise StorageFailed(
                f"We cannot store the upload in the temporary folder{reason}.", code=code
            ) from error

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Return `size_bytes` bytes from `offset`."""
        with self._lock:
            self._file.seek(offset)
            return self._file.read(size_bytes)

    def close(self) -> None:
        """Remove the temporary file."""
        self._file.close()
