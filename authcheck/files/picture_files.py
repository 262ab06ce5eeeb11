"""Picture files on this machine: search in folders, and reading that does not trust a file's size or kind."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from authcheck.errors import ImageRejected, NotFound, Rejected

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif"})


def find_pictures(folder: str) -> Iterator[str]:
    """Find the picture files below a folder and return their paths in path order.

    Do not enter linked folders.

    The paths include folders that cannot be listed and links without a target. Reading such a path raises the
    error.
    """
    paths: list[str] = []

    def add_unlisted(error: OSError) -> None:
        paths.append(str(error.filename))

    for parent, _, names in os.walk(folder, onerror=add_unlisted):
        for name in names:
            path = os.path.join(parent, name)  # noqa: PTH118 - a Path would rewrite the given path
            if has_picture_name(name) and (os.path.isfile(path) or not os.path.exists(path)):  # noqa: PTH110, PTH113
                paths.append(path)
    return iter(sorted(paths, key=lambda path: Path(path).parts))


def has_picture_name(name: str) -> bool:
    """Return whether a file's name has the suffix of a picture format, such as `.jpg`."""
    return Path(name).suffix.lower() in PICTURE_SUFFIXES


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
