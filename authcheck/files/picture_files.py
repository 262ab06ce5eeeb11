"""Files on this machine, read without trust in their size or kind."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from authcheck.errors import ImageRejected, NotFound, Rejected


def read_file(path: str | Path, max_bytes: int) -> bytes:
    """Read a file, a pipe, or a link to a file or pipe. Never hold more than `max_bytes` + 1 bytes in memory.

    Raises NotFound (`file.missing`), Rejected (`file.unreadable`), ImageRejected (`image.too_large`).
    """
    try:
        with Path(path).open("rb") as file:
            if stat.S_ISCHR(os.fstat(file.fileno()).st_mode):
                raise Rejected("The path names a device, not a file.", code="file.unreadable", path=str(path))
            return read_stream(file, max_bytes)
    except FileNotFoundError as error:
        raise NotFound("The file does not exist.", code="file.missing", path=str(path)) from error
    except IsADirectoryError as error:
        raise Rejected(
            "The path names a folder. Name the files in it, or scan the folder.",
            code="file.unreadable",
            path=str(path),
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        reason = getattr(error, "strerror", None) or "the file name is not valid"
        raise Rejected(
            f"The file cannot be read: {reason}.", code="file.unreadable", path=str(path)
        ) from error


def read_stream(file: BinaryIO, max_bytes: int) -> bytes:
    """Read all bytes of a stream.

    Raises ImageRejected (`image.too_large`) after reading `max_bytes` + 1 bytes.
    """
    data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ImageRejected(
            f"The file is too large. The limit is {max_bytes} bytes.",
            code="image.too_large",
            limit_bytes=max_bytes,
        )
    return data
