"""Picture files on this machine: found below folders, read without trusting their size or kind."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from authcheck.errors import ImageRejected, NotFound, Rejected

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif"})


def find_pictures(folder: str) -> Iterator[str]:
    """Paths of the picture files below a folder, in path order within it; linked folders are not entered.

    A folder that cannot be listed and a link that leads nowhere are given too: whoever reads them says what is wrong.
    """
    found: list[str] = []

    def note(error: OSError) -> None:
        found.append(str(error.filename))

    for inside, _, names in os.walk(folder, onerror=note):
        for name in names:
            path = os.path.join(inside, name)  # noqa: PTH118 - a Path would rewrite what was given
            if has_picture_name(name) and (os.path.isfile(path) or not os.path.exists(path)):  # noqa: PTH110, PTH113
                found.append(path)
    return iter(sorted(found, key=lambda path: Path(path).parts))


def has_picture_name(name: str) -> bool:
    """Whether a file's name ends as those of pictures do."""
    return Path(name).suffix.lower() in PICTURE_SUFFIXES


def read_file(path: str | Path, max_bytes: int) -> bytes:
    """The bytes of a file, a pipe or a link to one; no more than allowed are ever held.

    Raises NotFound (`file.missing`), Rejected (`file.unreadable`), ImageRejected (`image.too_large`).
    """
    try:
        with Path(path).open("rb") as file:
            if stat.S_ISCHR(os.fstat(file.fileno()).st_mode):
                raise Rejected("The file is a device.", code="file.unreadable", path=str(path))
            return read_stream(file, max_bytes)
    except FileNotFoundError as error:
        raise NotFound("There is no such file.", code="file.missing", path=str(path)) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        why = getattr(error, "strerror", None) or "the name is not one"
        raise Rejected(f"The file cannot be read: {why}.", code="file.unreadable", path=str(path)) from error


def read_stream(file: BinaryIO, max_bytes: int) -> bytes:
    """All bytes of a stream. Raises ImageRejected (`image.too_large`) without reading on."""
    data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ImageRejected(
            f"The file has more than {max_bytes} bytes, the most that is accepted.",
            code="image.too_large",
            limit_bytes=max_bytes,
        )
    return data
