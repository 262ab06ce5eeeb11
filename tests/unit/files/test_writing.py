"""A file is written completely or not at all. An error about a file that cannot be written names its path."""

import errno
import os
from pathlib import Path

import pytest

from authcheck.errors import StorageFailed
from authcheck.files.writing import translated_write_errors, write_whole


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_takes_the_place_of_another(tmp_path: Path, durable: bool) -> None:
    """Missing folders are made, the old bytes are replaced, and no other file is left."""
    path = tmp_path / "a" / "b"
    for data in (b"old and longer", b"new"):
        write_whole(path, data, durable=durable)
        assert path.read_bytes() == data
    assert list(path.parent.iterdir()) == [path]


def test_only_its_owner_may_read_it_where_that_is_asked_for(tmp_path: Path) -> None:
    """The file has the requested permissions from the first byte."""
    write_whole(tmp_path / "secret", b"x", mode=0o600)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace"])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """A reader never sees half a file, and a failure leaves no temporary files."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "a"
    write_whole(path, b"old")
    with monkeypatch.context() as broken:
        broken.setattr(call, fail)
        with pytest.raises(OSError, match="No space"):
            write_whole(path, b"new", durable=True)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "storage.full"),
        (errno.EACCES, "storage.read_only"),
        (errno.ENOENT, "storage.read_only"),
        (errno.EIO, "storage.failed"),
    ],
)
def test_the_reason_is_told_with_the_path(number: int, code: str) -> None:
    """The message names the file and the system's reason. The code says who can fix the problem."""
    with pytest.raises(StorageFailed) as caught, translated_write_errors(Path("out.csv")):
        raise OSError(number, os.strerror(number))
    assert str(caught.value) == f"out.csv cannot be written: {os.strerror(number)}."
    assert caught.value.code == code
    assert caught.value.params == {"path": "out.csv"}
