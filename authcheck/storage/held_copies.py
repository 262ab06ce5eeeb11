"""Working copies that cases hold: no sweep removes them."""

import contextlib
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from authcheck.files.writing import sync_folder, write_whole

NAME = re.compile(r"([0-9a-f]{64}\.[0-9]{1,7}x[0-9]{1,7})\.([a-z]{3}_[0-9A-Z]{26})\.webp")
log = logging.getLogger("authcheck.storage.held_copies")


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file in the folder of held copies. `hold_id` is "" for a file that a crash left unfinished."""

    path: Path
    hold_id: str


class HeldCopies:
    """A folder of held copies, `ab/abcdef....4000x3000.hld_01....webp`: a file for each hold of a picture.

    A held copy is a hard link to the working copy, so it takes no room of its own while both exist. Each hold
    has its own name. So no hold can lose its file to the release of another, in whatever order two processes
    hold and release one picture.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def hold(self, copy: Path, hold_id: str) -> bool:
        """Give a copy a further name, durably, before the hold's row is committed.

        Return whether the hold has its file. Never raises: a case can be decided without its picture.
        """
        stem = copy.name[: copy.name.index(".", 65)]  # without the name of another hold
        held = self.folder / stem[:2] / f"{stem}.{hold_id}.webp"
        try:
            held.parent.mkdir(parents=True, exist_ok=True)
            _link(copy, held)
            sync_folder(held.parent)
        except OSError as error:
            log.warning("the copy %s could not be held: %s", copy.name, error)
            return False
        return True

    def paths(self, sha256: str) -> list[Path]:
        """Return the held copies of a picture. The caller has checked that `sha256` is one."""
        return sorted((self.folder / sha256[:2]).glob(f"{sha256}.*x*.webp"))

    def drop(self, hold_ids: set[str], sha256s: set[str]) -> None:
        """Remove the files of these holds of these pictures. Never raises: `sweep` tries again."""
        for sha256 in sha256s:
            for path in self.paths(sha256):
                match = NAME.fullmatch(path.name)
                if match and match[2] in hold_ids:
                    remove(path)

    def files(self, before: datetime) -> Iterator[HeldFile]:
        """Yield the files of holds, and the unfinished files from before that time."""
        for path in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            match = NAME.fullmatch(path.name)
            if match:
                yield HeldFile(path, match[2])
                continue
            with contextlib.suppress(OSError):  # another process sweeps too
                if path.lstat().st_mtime < before.timestamp():
                    yield HeldFile(path, "")


def _link(copy: Path, held: Path) -> None:
    """Link or copy a file. The bytes are on the disk first: a working copy need not survive a power cut."""
    number = os.open(copy, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
    try:
        held.hardlink_to(copy)
    except FileExistsError:
        return
    except FileNotFoundError:
        raise
    except OSError:  # the file system has no hard links, or no more of this file
        write_whole(held, copy.read_bytes(), mode=0o600, durable=True)


def remove(path: Path) -> None:
    """Remove a file. Never raises."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("the held copy %s could not be removed: %s", path.name, error)
