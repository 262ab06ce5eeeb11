"""Working copies of submitted pictures: small, without metadata, kept for some days (ADR 7)."""

import contextlib
import io
import logging
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image

from authcheck.errors import ImageRejected
from authcheck.files.writing import TEMPORARY, write_whole
from authcheck.storage.held_copies import HeldCopies
from authcheck.vision.pictures.decode import Limits, open_picture

SIDE_PX = 800
QUALITY = 80
SWEEP_EVERY = timedelta(hours=1)
SHA256 = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"[0-9a-f]{64}\.([0-9]{1,7})x([0-9]{1,7})(?:\.[a-z]{3}_[0-9A-Z]{26})?\.webp")
log = logging.getLogger("authcheck.storage.working_copies")


@dataclass(frozen=True, slots=True)
class WorkingCopy:
    """A small copy of a submission. `image` is upright sRGB in mode RGB.

    The sizes are those of the upright original.
    """

    image: Image.Image
    width_px: int
    height_px: int


def working_copy(data: bytes, limits: Limits, *, side_px: int = SIDE_PX) -> WorkingCopy:
    """Return a copy of an untrusted picture with sides of at most `side_px`. Raises ImageRejected."""
    picture = open_picture(data, limits, detail_px=side_px)
    image = picture.image.copy()
    image.thumbnail((side_px, side_px))
    return WorkingCopy(image, picture.width_px, picture.height_px)


@dataclass(frozen=True, slots=True)
class CopyFile:
    """The file of a working copy, WebP, with the size of the upright original."""

    path: Path
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    size_bytes: int
    put_at_s: float


class Copies:
    """A folder of working copies, `ab/abcdef....4000x3000.webp`, named by the SHA-256 of the submission.

    The two numbers are the size of the upright original. A copy is removed `days` after it was last put. When
    all copies together exceed `max_bytes`, the oldest copies are removed earlier. `days` = 0 keeps no copies.
    `held` are the copies that cases hold, in the folder `held/`. Neither age nor room removes them.
    """

    def __init__(self, folder: Path, *, days: int, max_bytes: int) -> None:
        self.folder = folder
        self.days = days
        self.max_bytes = max_bytes
        self.held = HeldCopies(folder / "held")
        self._sweeping = threading.Lock()
        self._swept_at: datetime | None = None
        self._put_bytes = 0  # since the last sweep

    def keep(self, data: bytes, sha256: str, limits: Limits, now: datetime) -> None:
        """Keep a working copy of a checked submission.

        Never raises: a check must not fail because of its evidence.
        """
        if self.days == 0 or not SHA256.fullmatch(sha256):
            return
        try:
            self._put(data, sha256, limits, now)
        except (OSError, ImageRejected) as error:
            log.warning("no working copy of %s was kept: %s", sha256, error)

    def get(self, sha256: str, asked_at: datetime, now: datetime, *, held: bool = True) -> WorkingCopy | None:
        """Return the copy for a check of `asked_at`, or None when it is too old, removed, or was never kept.

        The age counts from the check. A later check of the same picture does not prolong the evidence of this
        check. A copy that a case holds has no age. With `held` false such copies do not count: the public
        was told a day on which its copy ends.
        """
        copies = map(_read, self._paths(sha256, asked_at, now, held=held))
        return next((copy for copy in copies if copy is not None), None)

    def has(self, sha256: str, asked_at: datetime, now: datetime, *, held: bool = True) -> bool:
        """Return whether `get` would find a file."""
        return bool(self._paths(sha256, asked_at, now, held=held))

    def find(self, sha256: str, asked_at: datetime, now: datetime) -> CopyFile | None:
        """Return the file that `get` would read first, without reading it. None when there is none."""
        for path in self._paths(sha256, asked_at, now):
            if name_match := NAME.fullmatch(path.name):
                return CopyFile(path, int(name_match[1]), int(name_match[2]))
        return None

    def hold(self, sha256: str, asked_at: datetime, now: datetime, *, hold_id: str) -> bool:
        """Keep the copy that `get` finds until `held.drop`. Return whether there is one. Never raises."""
        return any(self.held.hold(path, hold_id) for path in self._paths(sha256, asked_at, now))

    def ends_at(self, asked_at: datetime) -> datetime:
        """Return when the copy for a check of `asked_at` is removed at the latest."""
        return asked_at + timedelta(days=self.days)

    def lasts(self, asked_at: datetime, now: datetime) -> bool:
        """Return whether a check of `asked_at` is recent enough to have evidence that no case holds."""
        return now < self.ends_at(asked_at)

    def sweep(self, now: datetime) -> None:
        """Remove old copies, unfinished files, and the oldest copies beyond seven eighths of the room.

        Eight processes may together fill the last eighth before each of them sweeps again. Never raises.
        """
        if not self._sweeping.acquire(blocking=False):
            return
        try:
            self._swept_at, self._put_bytes = now, 0
            self._remove_old(now)
        except OSError as error:
            log.warning("working copies could not be removed: %s", error)
        finally:
            self._sweeping.release()

    def _put(self, data: bytes, sha256: str, limits: Limits, now: datetime) -> None:
        path = self._path(sha256)
        if path is None:
            copy = working_copy(data, limits)
            buffer = io.BytesIO()
            copy.image.save(buffer, "WEBP", quality=QUALITY, method=2)
            name = f"{sha256}.{copy.width_px}x{copy.height_px}.webp"
            path = self.folder / sha256[:2] / name
            write_whole(path, buffer.getvalue(), mode=0o600)  # after a power cut the evidence may be missing
            self._put_bytes += buffer.tell()
        os.utime(path, (now.timestamp(), now.timestamp()))
        due = self._swept_at is None or now - self._swept_at >= SWEEP_EVERY
        if due or self._put_bytes > self.max_bytes // 64:
            self.sweep(now)

    def _path(self, sha256: str) -> Path | None:
        """Return the path of the copy, or None. It is never outside the folder, whatever the text is."""
        if not SHA256.fullmatch(sha256):
            return None
        return next((self.folder / sha256[:2]).glob(f"{sha256}.*x*.webp"), None)

    def _paths(self, sha256: str, asked_at: datetime, now: datetime, *, held: bool = True) -> list[Path]:
        """Return the files for a check of `asked_at`, the working copy first."""
        if not SHA256.fullmatch(sha256):
            return []
        path = self._path(sha256) if self.lasts(asked_at, now) else None
        return ([path] if path else []) + (self.held.paths(sha256) if held else [])

    def _remove_old(self, now: datetime) -> None:
        oldest_s = (now - timedelta(days=self.days)).timestamp()
        room_bytes = self.max_bytes * 7 // 8
        for file in sorted(self._files(), key=lambda file: -file.put_at_s):
            room_bytes -= file.size_bytes
            is_unfinished = file.path.name.startswith(TEMPORARY) and file.put_at_s < now.timestamp() - 3600
            if self.days == 0 or room_bytes < 0 or file.put_at_s <= oldest_s or is_unfinished:
                file.path.unlink(missing_ok=True)

    def _files(self) -> Iterator[_File]:
        for path in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            with contextlib.suppress(FileNotFoundError):  # another process sweeps too
                status = path.stat()
                yield _File(path, status.st_size, status.st_mtime)


def _read(path: Path) -> WorkingCopy | None:
    """Return the copy in a file. None for a file that is damaged or was removed meanwhile."""
    name_match = NAME.fullmatch(path.name)
    if name_match is None:
        return None
    try:
        with Image.open(path, formats=("WEBP",)) as image:
            return WorkingCopy(image.convert("RGB"), int(name_match[1]), int(name_match[2]))
    except (OSError, ValueError) as error:
        log.warning("the working copy %s cannot be read: %s", path.name, error)
        return None
