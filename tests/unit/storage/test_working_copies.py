"""Working copies of submissions: their content, their lifetime, and their total size."""

import io
import logging
import os
from datetime import timedelta
from pathlib import Path

import make
import pytest
from PIL import Image

from authcheck.storage.working_copies import Copies, working_copy
from authcheck.vision.pictures.decode import DEFAULT_LIMITS

DAY = timedelta(days=1)
SHA = "ab" * 32


def copies(folder: Path, *, days: int = 30, max_bytes: int = 1 << 30) -> Copies:
    """Return a store of copies."""
    return Copies(folder / "submissions", days=days, max_bytes=max_bytes)


def keep(store: Copies, number: int, when: int = 0, data: bytes | None = None) -> str:
    """Keep picture `number`, `when` days after NOW. Return its made-up hash."""
    sha256 = f"{number:064x}"
    store.keep(data or make.picture_bytes(number), sha256, DEFAULT_LIMITS, make.NOW + when * DAY)
    return sha256


def files(store: Copies) -> list[Path]:
    """Return all files in the folder."""
    return [path for path in store.folder.rglob("*") if path.is_file()]


def test_a_copy_is_small_upright_and_without_metadata(tmp_path: Path) -> None:
    """A copy has at most 800 px a side and no EXIF, location or comment. The full size is recorded."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "secret place"
    data = make.encode(make.picture(1, (2000, 1500)), "JPEG", exif=exif, comment=b"secret comment")
    store = copies(tmp_path)
    keep(store, 1, data=data)
    (path,) = files(store)
    assert b"secret" not in path.read_bytes()
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        assert (image.format, max(image.size), "exif" in image.info) == ("WEBP", 800, False)
    copy = store.get(f"{1:064x}", make.NOW, make.NOW)
    assert copy is not None
    assert (copy.width_px, copy.height_px, copy.image.size) == (1500, 2000, (600, 800))


def test_a_copy_of_a_long_picture_is_small_too() -> None:
    """A strip of any length is reduced by its longer side."""
    copy = working_copy(make.encode(Image.new("RGB", (30_000, 20))), DEFAULT_LIMITS)
    assert copy.image.size == (800, 1)
    assert (copy.width_px, copy.height_px) == (30_000, 20)


def test_the_same_picture_is_kept_once(tmp_path: Path) -> None:
    """A second check of a picture renews its one file."""
    store = copies(tmp_path)
    sha256 = keep(store, 1)
    keep(store, 1, when=20)
    assert len(files(store)) == 1
    keep(store, 2, when=40)
    assert store.has(sha256, make.NOW + 20 * DAY, make.NOW + 40 * DAY)


def test_a_copy_ends_with_its_check(tmp_path: Path) -> None:
    """After the set days a check has no evidence, even if a later check has renewed the same picture."""
    store = copies(tmp_path, days=30)
    sha256 = keep(store, 1)
    keep(store, 1, when=29)
    assert store.has(sha256, make.NOW, make.NOW + 29 * DAY)
    assert not store.has(sha256, make.NOW, make.NOW + 30 * DAY)
    assert store.get(sha256, make.NOW, make.NOW + 30 * DAY) is None
    assert store.ends_at(make.NOW) == make.NOW + 30 * DAY


def test_old_copies_are_removed_as_new_ones_come(tmp_path: Path) -> None:
    """Keeping a copy removes old copies and half-written files of other processes, at most once an hour."""
    store = copies(tmp_path, days=30)
    old, fresh = keep(store, 1), keep(store, 2, when=20)
    torn = store.folder / old[:2] / ".new-torn"
    torn.write_bytes(b"x")
    os.utime(torn, (make.NOW.timestamp(), make.NOW.timestamp()))
    keep(store, 3, when=31)
    assert not store.has(old, make.NOW + 31 * DAY, make.NOW + 31 * DAY)
    assert {path.name[:64] for path in files(store)} == {fresh, f"{3:064x}"}


def test_the_oldest_go_first_where_room_is_short(tmp_path: Path) -> None:
    """The folder never exceeds its limit, however many pictures are sent, and the newest copies are kept."""
    size_bytes = files_size(tmp_path / "probe")
    store = copies(tmp_path, max_bytes=6 * size_bytes)
    for number in range(20):
        keep(store, number, when=0, data=make.picture_bytes(1))
        os.utime(files_of(store, number), (number, number))
        assert sum(path.stat().st_size for path in files(store)) <= 6 * size_bytes
    assert files_of(store, 19).is_file()
    assert {path.name[:64] for path in files(store)} <= {f"{number:064x}" for number in range(14, 20)}


def files_size(folder: Path) -> int:
    """Return the size of one copy of picture 1."""
    store = copies(folder)
    keep(store, 1)
    return files(store)[0].stat().st_size


def files_of(store: Copies, number: int) -> Path:
    """Return the file of one picture."""
    (path,) = [path for path in files(store) if path.name.startswith(f"{number:064x}")]
    return path


def test_zero_days_keep_nothing(tmp_path: Path) -> None:
    """Nothing is written, and copies from an earlier setting are removed at the next start of the server."""
    keep(copies(tmp_path), 1)
    off = copies(tmp_path, days=0)
    keep(off, 2)
    assert not off.has(f"{1:064x}", make.NOW, make.NOW)
    off.sweep(make.NOW)
    assert files(off) == []


@pytest.mark.parametrize(
    "sha256", ["../../authcheck.db", "..", "", "AB" * 32, "*" * 64, "ab/" + "c" * 61, "ab" * 32 + "\n"]
)
def test_nothing_outside_the_folder_is_read_or_written(tmp_path: Path, sha256: str) -> None:
    """A name that is no SHA-256 finds nothing, whatever files exist outside the folder."""
    store = copies(tmp_path)
    keep(store, 1)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    store.keep(make.picture_bytes(1), sha256, DEFAULT_LIMITS, make.NOW)
    assert store.get(sha256, make.NOW, make.NOW) is None
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_folder_that_cannot_be_written_is_logged_and_harmless(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """If a file is in place of the folder, nothing is kept, no error is raised, and the log reports it."""
    (tmp_path / "submissions").write_bytes(b"")
    store = copies(tmp_path)
    with caplog.at_level(logging.WARNING):
        keep(store, 1)
        store.sweep(make.NOW)
    assert "no working copy" in caplog.text
    assert not store.has(f"{1:064x}", make.NOW, make.NOW)


def test_a_full_disk_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A copy that could not be written completely leaves no file under any name."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    store = copies(tmp_path)
    monkeypatch.setattr(Path, "replace", full)
    with caplog.at_level(logging.WARNING):
        keep(store, 1)
    assert files(store) == []
    assert "No space left" in caplog.text


@pytest.mark.parametrize("content", [b"", b"RIFF", make.picture_bytes(1)])
def test_a_damaged_copy_is_no_copy(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """A file that was cut off or is no WebP is not shown."""
    store = copies(tmp_path)
    sha256 = keep(store, 1)
    files(store)[0].write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert store.get(sha256, make.NOW, make.NOW) is None
    assert "cannot be read" in caplog.text
