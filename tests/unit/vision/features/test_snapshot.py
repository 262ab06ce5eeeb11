"""The file of the index: complete or refused, even if its writer was killed."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from features_made import some_features

from authcheck.vision.features.filed_index import FiledFeatureIndex
from authcheck.vision.features.snapshot import _PAGE, NAME, Stand, open_snapshot, sole_writer

TESTS = Path(__file__).parents[3]
STAND = Stand("registry", 7, "history")
KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from features_made import some_features
from authcheck.vision.features import snapshot
from authcheck.vision.features.filed_index import FiledFeatureIndex
index = FiledFeatureIndex()
index.add(range(20), [some_features(key) for key in range(20)])
written = getattr(snapshot, sys.argv[3])
def killed(*arguments):
    written(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(snapshot, sys.argv[3], killed)
with snapshot.sole_writer(Path(sys.argv[2])):
    index.write(Path(sys.argv[2]), snapshot.Stand("registry", 8, "later"))
"""
HOLDING = """
import sys
from pathlib import Path
from authcheck.vision.features.snapshot import sole_writer
with sole_writer(Path(sys.argv[1])) as alone:
    print(alone, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a snapshot of ten entries."""
    write(tmp_path, STAND)
    return tmp_path


def write(folder: Path, stand: Stand) -> None:
    """Write a snapshot of ten entries."""
    index = FiledFeatureIndex()
    index.add(range(10), [some_features(key) for key in range(10)])
    index.write(folder, stand)


def test_a_snapshot_comes_back(folder: Path) -> None:
    """The snapshot's facts and every point, under its word, key and place, are read back."""
    snapshot = open_snapshot(folder)
    assert snapshot is not None
    assert (snapshot.stand, snapshot.keys.tolist(), snapshot.sizes.tolist()) == (
        STAND, list(range(10)), [50] * 10,
    )  # fmt: skip
    for key in range(10):
        rows = np.flatnonzero(snapshot.entries == key)
        rows = rows[np.argsort(snapshot.numbers[rows])]
        np.testing.assert_array_equal(snapshot.codes[rows], some_features(key).descriptors)
        np.testing.assert_array_equal(snapshot.steps[rows], some_features(key).steps)
        np.testing.assert_array_equal(snapshot.channels[rows], some_features(key).channels)


def test_no_folder_no_snapshot(tmp_path: Path) -> None:
    """Before the first snapshot is written there is none."""
    assert open_snapshot(tmp_path / "missing") is None


def test_a_file_cut_anywhere_is_refused(folder: Path) -> None:
    """A file is refused if cut within the header, between or in the arrays, a byte short or a byte long."""
    whole = (folder / NAME).read_bytes()
    pages = range(0, len(whole), 3 * _PAGE)
    for size in (0, 1, 43, 44, 60, _PAGE - 1, *pages, *(page + 1000 for page in pages), len(whole) - 1):
        (folder / NAME).write_bytes(whole[:size])
        assert open_snapshot(folder) is None, size
    (folder / NAME).write_bytes(whole + b"\0")
    assert open_snapshot(folder) is None
    (folder / NAME).write_bytes(whole)
    assert open_snapshot(folder) is not None


def test_an_altered_header_or_table_is_refused(folder: Path) -> None:
    """A header or table that leads into the other arrays is refused unless it is unchanged."""
    whole = (folder / NAME).read_bytes()
    for place in (0, 20, 60, len(whole) - 1, len(whole) - _PAGE):
        altered = bytearray(whole)
        altered[place] ^= 4
        (folder / NAME).write_bytes(altered)
        assert open_snapshot(folder) is None, place


@pytest.mark.parametrize("other", [{"scheme": "lf-0"}, {"vocabulary": "another"}])
def test_a_snapshot_of_another_release_is_refused(folder: Path, other: dict[str, str]) -> None:
    """Descriptors or words that this release does not know are refused."""
    write(folder, replace(STAND, **other))
    assert open_snapshot(folder) is None


@pytest.mark.slow
def test_a_snapshot_that_was_replaced_stays_readable(folder: Path) -> None:
    """A process that has mapped the replaced snapshot still reads it."""
    snapshot = open_snapshot(folder)
    before = FiledFeatureIndex(snapshot).nearest(some_features(3).descriptors, 2)
    index = FiledFeatureIndex()
    index.add([77], [some_features(77)])
    index.write(folder, replace(STAND, tick=8))
    after = FiledFeatureIndex(snapshot).nearest(some_features(3).descriptors, 2)
    assert after.keys.tolist() == before.keys.tolist()
    assert [one.stand.tick for one in (open_snapshot(folder), snapshot) if one] == [8, 7]


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["_write_points", "_write_at", "_write_header"])
def test_a_killed_writer_leaves_the_last_snapshot(folder: Path, moment: str) -> None:
    """A writer killed after the first array, all points or the header leaves the old file.

    The next writer cleans up.
    """
    words = [sys.executable, "-c", KILLED, str(TESTS), str(folder), moment]
    done = subprocess.run(words, check=False)  # noqa: S603 - our own interpreter
    assert done.returncode == -signal.SIGKILL
    assert len(list(folder.glob(".features-*"))) == 1
    found = open_snapshot(folder)
    assert found is not None
    assert found.stand == STAND
    with sole_writer(folder) as alone:
        assert alone
        assert not list(folder.glob(".features-*"))


@pytest.mark.slow
def test_two_processes_do_not_write_at_once(folder: Path) -> None:
    """A second writer is refused at once while the first one writes.

    After the first one is killed, the lock is free.
    """
    words = [sys.executable, "-c", HOLDING, str(folder)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:  # noqa: S603 - as above
        assert other.stdout is not None
        assert other.stdout.readline() == b"True\n"
        with sole_writer(folder) as alone:
            assert not alone
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    with sole_writer(folder) as alone:
        assert alone


def test_a_disk_that_is_full_leaves_the_last_snapshot(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller sees the error, and no half-written file stays."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("authcheck.vision.features.snapshot._write_header", full)
    with pytest.raises(OSError, match="No space"):
        write(folder, replace(STAND, tick=9))
    assert sorted(path.name for path in folder.iterdir()) == [NAME]
    assert open_snapshot(folder) is not None
