"""A snapshot: the index of local features as a file that is mapped into memory and never changes.

The file has one page of header (magic, digest, JSON), then arrays that each start at a page. The large arrays
have one row per feature point, ordered by fine word, then by key, then by place in the entry. Three small
tables lead into the large arrays and have a digest.

The writer writes the header last. It gives the file its name after all data has reached the disk, so an
incomplete file has no name. A file that was cut later does not have the size that its header says.
"""

import fcntl
import hashlib
import json
import mmap
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import faiss
import numpy as np
from numpy.typing import NDArray

from authcheck.files.writing import sync_folder
from authcheck.vision.features.features import DIMENSIONS, SCHEME
from authcheck.vision.features.filing import FINE, FINE_EACH, VOCABULARY
from authcheck.vision.features.inverted import mapped_lists

MAGIC = b"ACLF-2\n\0"
NAME = "features.snapshot"
_LOCK = "features.lock"
_NEW = ".features-"  # prefix of the names of unfinished files
_PAGE = 4096
_HEAD = struct.Struct("<8s32sI")  # magic, SHA-256 of the JSON, length of the JSON in bytes
_POINTS = ("words", "keys", "numbers", "codes", "steps", "channels")
_TABLES = ("starts", "keys", "sizes")


@dataclass(frozen=True, slots=True)
class Stand:
    """The registry, its tick, and the software versions of a snapshot.

    `history` differs for two registries that have the same id and tick.
    """

    registry_id: str
    tick: int
    history: str
    scheme: str = SCHEME
    vocabulary: str = VOCABULARY


@dataclass(frozen=True, slots=True)
class PointRun:
    """Feature points in the order of a snapshot, one per row.

    `words` `(n,)` are the fine words. `keys` `(n,) int64` name the entries. `numbers` `(n,) uint16` are the
    places of the points in their entry. `codes` `(n, 64)`, `steps` `(n, 4)` and `channels` `(n,)` are as in
    Features.
    """

    words: NDArray[np.int64]
    keys: NDArray[np.int64]
    numbers: NDArray[np.uint16]
    codes: NDArray[np.uint8]
    steps: NDArray[np.uint16]
    channels: NDArray[np.uint8]

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "PointRun":
        """Return the points at these rows, in the order of `rows`."""
        return PointRun(*(getattr(self, name)[rows] for name in _POINTS))


def joined(parts: Sequence[PointRun]) -> PointRun:
    """Return the points of several parts, ordered by fine word, then by key, then by place in the entry."""
    points = PointRun(*(np.concatenate([getattr(part, name) for part in parts]) for name in _POINTS))
    return points.take(np.lexsort((points.numbers, points.keys, points.words)))


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """An open, complete snapshot. The arrays are pages of the file, which the system reads on first use.

    `keys` `(m,)` ascend, and `sizes` `(m,)` are the numbers of points per key. `entries` `(n,)` is the place
    of each point's key in `keys`. `starts` has the first row of each fine word, and the end of the last word.
    `coarse` and `fine` are the codes as inverted lists.
    """

    stand: Stand
    codes: NDArray[np.uint8]
    steps: NDArray[np.uint16]
    entries: NDArray[np.uint32]
    numbers: NDArray[np.uint16]
    channels: NDArray[np.uint8]
    starts: NDArray[np.int64]
    keys: NDArray[np.int64]
    sizes: NDArray[np.int32]
    coarse: faiss.IndexIVF
    fine: faiss.IndexIVF


def open_snapshot(folder: Path) -> Snapshot | None:
    """Open the snapshot in a folder.

    Returns None when there is no snapshot, or when it is cut, damaged or of another release.
    """
    try:
        with (folder / NAME).open("rb") as file:
            return _map_snapshot(file)
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None


def write_snapshot(
    folder: Path, stand: Stand, keys: NDArray[np.int64], sizes: NDArray[np.int32], runs: Iterable[PointRun]
) -> None:
    """Write a snapshot, which replaces the old snapshot. Call it within `sole_writer`. Raises OSError.

    `keys` ascend, and `sizes` are the numbers of points per key. `runs` are all points, in a snapshot's
    order.
    """
    layout = _layout(int(sizes.sum()), len(keys))
    new = folder / f"{_NEW}{os.getpid()}"
    try:
        with new.open("xb") as file:
            counts = _write_points(file, layout, keys, runs)
            starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
            tables: dict[str, NDArray[Any]] = {"starts": starts, "keys": keys, "sizes": sizes}
            for name, array in tables.items():
                _write_at(file, layout[name], 0, array)
            file.truncate(_file_size(layout))
            file.flush()
            os.fsync(file.fileno())
            _write_header(file, stand, tables)
            file.flush()
            os.fsync(file.fileno())
        new.replace(folder / NAME)
    finally:
        new.unlink(missing_ok=True)
    sync_folder(folder)


@contextmanager
def sole_writer(folder: Path) -> Iterator[bool]:
    """Try to become the only writer in this folder, among all threads and processes. Does not wait.

    Yields whether this succeeded. The sole writer first deletes the unfinished files of killed writers.
    Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system unlocks if this process is killed
        except BlockingIOError:
            yield False
            return
        for leftover in folder.glob(_NEW + "*"):
            with suppress(FileNotFoundError):
                leftover.unlink()
        yield True


_Place = tuple[int, str, tuple[int, ...]]  # offset in bytes, dtype, shape


def _layout(points: int, entries: int) -> dict[str, _Place]:
    """Return the place of each array, in the order of the file."""
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {
        "codes": ("u1", (points, DIMENSIONS)),
        "steps": ("<u2", (points, 4)),
        "entries": ("<u4", (points,)),
        "numbers": ("<u2", (points,)),
        "channels": ("u1", (points,)),
        "starts": ("<i8", (FINE + 1,)),
        "keys": ("<i8", (entries,)),
        "sizes": ("<i4", (entries,)),
    }
    layout, offset = {}, _PAGE
    for name, (dtype, shape) in shapes.items():
        layout[name] = offset, dtype, shape
        offset += -(-_count_bytes(dtype, shape) // _PAGE) * _PAGE
    return layout


def _count_bytes(dtype: str, shape: tuple[int, ...]) -> int:
    return np.dtype(dtype).itemsize * int(np.prod(shape))


def _file_size(layout: dict[str, _Place]) -> int:
    offset, dtype, shape = list(layout.values())[-1]
    return offset + _count_bytes(dtype, shape)


def _map_array(mapped: mmap.mmap, offset: int, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    return np.frombuffer(mapped, dtype, int(np.prod(shape)), offset).reshape(shape)


def _map_snapshot(file: BinaryIO) -> Snapshot:
    header = _read_header(file)
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    layout = _layout(header["points"], header["entries"])
    arrays = {name: _map_array(mapped, *place) for name, place in layout.items()}
    if _digest(arrays) != header["tables"]:
        raise ValueError("The snapshot's tables were altered.")
    # Open by file descriptor, not by name: another process may have put a newer snapshot under the name.
    path, offset, starts = Path(f"/dev/fd/{file.fileno()}"), layout["codes"][0], arrays["starts"]
    coarse = mapped_lists(path, offset, starts[::FINE_EACH])
    fine = mapped_lists(path, offset, starts)
    return Snapshot(Stand(**header["stand"]), **arrays, coarse=coarse, fine=fine)


def _digest(arrays: dict[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in _TABLES:
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()


def _read_header(file: BinaryIO) -> dict[str, Any]:
    magic, digest, length = _HEAD.unpack(file.read(_HEAD.size))
    header_json = file.read(length)
    if magic != MAGIC or hashlib.sha256(header_json).digest() != digest:
        raise ValueError("The file is not a snapshot.")
    header: dict[str, Any] = json.loads(header_json)
    if os.fstat(file.fileno()).st_size != _file_size(_layout(header["points"], header["entries"])):
        raise ValueError("The snapshot was cut.")
    if (header["stand"]["scheme"], header["stand"]["vocabulary"]) != (SCHEME, VOCABULARY):
        raise ValueError("The snapshot is of another release.")
    return header


def _write_header(file: BinaryIO, stand: Stand, tables: dict[str, NDArray[Any]]) -> None:
    header = {
        "stand": asdict(stand),
        "points": int(tables["starts"][-1]),
        "entries": len(tables["keys"]),
        "tables": _digest(tables),
    }
    header_json = json.dumps(header).encode()
    file.seek(0)
    file.write(_HEAD.pack(MAGIC, hashlib.sha256(header_json).digest(), len(header_json)) + header_json)


def _write_points(
    file: BinaryIO, layout: dict[str, _Place], keys: NDArray[np.int64], runs: Iterable[PointRun]
) -> NDArray[np.int64]:
    """Write the arrays that have a row per point. Returns the number of points of each fine word."""
    counts, row = np.zeros(FINE, np.int64), 0
    for run in runs:
        counts += np.bincount(run.words, minlength=FINE)
        entries = np.searchsorted(keys, run.keys)
        arrays: dict[str, NDArray[Any]] = {
            "codes": run.codes,
            "steps": run.steps,
            "numbers": run.numbers,
            "channels": run.channels,
        }
        for name, array in (arrays | {"entries": entries}).items():
            _write_at(file, layout[name], row, array)
        row += len(run.words)
    return counts


def _write_at(file: BinaryIO, place: _Place, row: int, array: NDArray[Any]) -> None:
    """Write the rows of an array from row number `row` on."""
    offset, dtype, shape = place
    file.seek(offset + row * _count_bytes(dtype, shape[1:]))
    file.write(np.ascontiguousarray(array, dtype).data)
