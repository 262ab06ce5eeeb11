"""Pictures on disk: stored completely or not at all. Every failure has its code."""

import errno
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from authcheck.errors import NotFound, StorageFailed
from authcheck.storage.pictures import PictureStore

DATA = b"a picture's bytes" * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> PictureStore:
    """Return an empty store in a folder that does not exist yet."""
    return PictureStore(tmp_path / "deep" / "pictures")


def failing(number: int) -> Callable[..., Any]:
    """Return a call of the operating system that fails with that errno."""

    def fail(*_args: object, **_kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def files(store: PictureStore) -> list[Path]:
    """Return every file in the store, also files that are no pictures."""
    return [path for path in store.folder.rglob("*") if path.is_file()]


def test_bytes_come_back_under_their_hash(store: PictureStore) -> None:
    """Stored bytes are read back unchanged under their SHA-256."""
    assert store.put(DATA) == SHA256
    assert store.get(SHA256) == DATA
    assert files(store) == [store.folder / SHA256[:2] / SHA256]


def test_putting_the_same_again_changes_nothing(store: PictureStore) -> None:
    """Storing the same picture again leaves the existing file untouched."""
    store.put(DATA)
    before = files(store)[0].stat()
    store.put(DATA)
    assert files(store)[0].stat().st_ino == before.st_ino


def test_threads_that_put_the_same_leave_one_file(store: PictureStore) -> None:
    """Racing writers of one picture all succeed and leave no other files."""
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(store.put, [DATA] * 32)) == {SHA256}
    assert len(files(store)) == 1


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "storage.full"),
        (errno.EDQUOT, "storage.full"),
        (errno.EROFS, "storage.read_only"),
        (errno.EACCES, "storage.read_only"),
        (errno.EIO, "storage.failed"),
    ],
)
@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.mkdir", "os.open"])
def test_a_disk_that_fails_leaves_nothing_half_written(
    store: PictureStore, monkeypatch: pytest.MonkeyPatch, call: str, number: int, code: str
) -> None:
    """A full, read-only or broken disk gives an error with its code at each step. No file is left."""
    with monkeypatch.context() as broken:
        broken.setattr(call, failing(number))
        with pytest.raises(StorageFailed) as caught:
            store.put(DATA)
    assert caught.value.code == code
    assert files(store) == []
    assert store.put(DATA) == SHA256


def test_a_disk_that_fills_up_while_writing_leaves_nothing(store: PictureStore) -> None:
    """On a real device without space the write fails, not the opening."""
    if not Path("/dev/full").is_char_device():
        pytest.skip("needs /dev/full")
    store.put(b"another")

    open_file = os.open

    def onto_a_full_disk(path: Path, _flags: int, _mode: int) -> int:
        path.symlink_to("/dev/full")
        return open_file(path, os.O_WRONLY)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.open", onto_a_full_disk)
        with pytest.raises(StorageFailed) as caught:
            store.put(DATA)
    assert caught.value.code == "storage.full"
    assert not [path for path in store.folder.rglob(".new-*") if path.is_symlink()]


def test_a_store_below_a_regular_file_cannot_be_written(tmp_path: Path) -> None:
    """Where even root cannot make the folder, the store reports a storage failure."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageFailed):
        PictureStore(tmp_path / "file" / "pictures").put(DATA)


def test_an_interruption_leaves_nothing_half_written(
    store: PictureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle of a write leaves no file."""

    def interrupt(_number: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        store.put(DATA)
    assert files(store) == []


@pytest.mark.parametrize("left", [b"", DATA[:100]])
def test_a_file_cut_short_by_a_crash_is_written_again(store: PictureStore, left: bytes) -> None:
    """Storing a picture again repairs a file of the wrong length."""
    store.put(DATA)
    files(store)[0].write_bytes(left)
    store.put(DATA)
    assert store.get(SHA256) == DATA


def test_a_picture_that_is_gone_is_not_found(store: PictureStore) -> None:
    """An unknown hash and a lost file give the same error."""
    with pytest.raises(NotFound) as caught:
        store.get(SHA256)
    assert caught.value.code == "picture.not_found"


def test_a_picture_that_was_altered_is_not_given_out(store: PictureStore) -> None:
    """The hash is checked on reading, so an altered picture is not returned."""
    store.put(DATA)
    files(store)[0].write_bytes(DATA[:-1] + b"!")
    with pytest.raises(StorageFailed) as caught:
        store.get(SHA256)
    assert caught.value.code == "storage.altered"


def test_a_picture_that_cannot_be_read_is_a_failure_of_storage(store: PictureStore) -> None:
    """A folder in place of a file gives an error, not a crash."""
    (store.folder / SHA256[:2] / SHA256).mkdir(parents=True)
    with pytest.raises(StorageFailed) as caught:
        store.get(SHA256)
    assert caught.value.code == "storage.failed"
