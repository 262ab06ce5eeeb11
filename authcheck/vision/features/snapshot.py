"""The index of local features as a file: written whole or not at all, mapped into memory, never changed.

One page of header (magic, digest, JSON), then arrays, each at the start of a page: point by point, in the order of the
fine words, within a word by key and place in the entry, and three small tables. The header is written last and the name
given after everything has reached the disk, so a file that breaks off has no name; one that was cut afterwards has not
the size that its header says. The small tables lead into the others and have a digest.
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
_NEW = ".features-"  # beginning of the names of files being written
_PAGE = 4096
_HEAD = struct.Struct("<8s32sI")  # magic, SHA-256 of the JSON, its bytes
_POINTS = ("words", "keys", "numbers", "codes", "steps", "channels")
_TABLES = ("starts", "keys", "sizes")


@dataclass(frozen=True, slots=True)
class Stand:
    """Which registry a snapshot is of, when, and by what. `history` tells apart two that share id and tick."""

    registry_id: str
    tick: int
    history: str
    scheme: str = SCHEME
    vocabulary: str = VOCABULARY


@dataclass(frozen=True, slots=True)
class Points:
    """Points in the order of a snapshot, row by row.

    `words` `(n,)` fine words, `keys` `(n,) int64`, `numbers` `(n,) uint16` places in the entry; `codes` `(n, 64)`,
    `steps` `(n, 4)`, `channels` `(n,)` as in Features.
    """

    words: NDArray[np.int64]
    keys: NDArray[np.int64]
    numbers: NDArray[np.uint16]
    codes: NDArray[np.uint8]
    steps: NDArray[np.uint16]
    channels: NDArray[np.uint8]

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Points":
        """Some of them, in that order."""
        return Points(*(getattr(self, name)[rows] for name in _POINTS))


def joined(parts: Sequence[Points]) -> Points:
    """The points of several parts in a snapshot's order: by fine word, key and place in the entry."""
    whole = Points(*(np.concatenate([getattr(part, name) for part in parts]) for name in _POINTS))
    return whole.take(np.lexsort((whole.numbers, whole.keys, whole.words)))


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A file that was found whole. The arrays are its own pages, read when they are looked at.

    `entries` `(n,)` is the place in `keys` `(m,)`, which ascend; `sizes` `(m,)` the points of each; `starts` the first
    row of each fine word and the end. `coarse` and `fine` are the codes as inverted lists.
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
    """The snapshot in a folder; None where there is none, or one that is cut, damaged or of another release."""
    try:
        with (folder / NAME).open("rb") as file:
            return _opened(file)
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None


def write_snapshot(
    folder: Path, stand: Stand, keys: NDArray[np.int64], sizes: NDArray[np.int32], runs: Iterable[Points]
) -> None:
    """Put a snapshot in the place of the one that is there; to be called within `sole_writer`. Raises OSError.

    `keys` ascend, with the points of each; `runs` are all their points, in a snapshot's order.
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
            file.truncate(_size(layout))
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
    """Whether this is the only one, of all threads and processes, to write here for now; does not wait. Raises OSError.

    Whoever it is finds the leftovers of killed writers gone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # let go by the system if this process is killed
        except BlockingIOError:
            yield False
            return
        for leftover in folder.glob(_NEW + "*"):
            with suppress(FileNotFoundError):
                leftover.unlink()
        yield True


_Place = tuple[int, str, tuple[int, ...]]  # offset in bytes, dtype, shape


def _layout(points: int, entries: int) -> dict[str, _Place]:
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
    for name, (kind, shape) in shapes.items():
        layout[name] = offset, kind, shape
        offset += -(-_bytes(kind, shape) // _PAGE) * _PAGE
    return layout


def _bytes(kind: str, shape: tuple[int, ...]) -> int:
    return np.dtype(kind).itemsize * int(np.prod(shape))


def _size(layout: dict[str, _Place]) -> int:
    offset, kind, shape = list(layout.values())[-1]
    return offset + _bytes(kind, shape)


def _view(mapped: mmap.mmap, offset: int, kind: str, shape: tuple[int, ...]) -> NDArray[Any]:
    return np.frombuffer(mapped, kind, int(np.prod(shape)), offset).reshape(shape)


def _opened(file: BinaryIO) -> Snapshot:
    header = _read_header(file)
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    layout = _layout(header["points"], header["entries"])
    arrays = {name: _view(mapped, *place) for name, place in layout.items()}
    if _digest(arrays) != header["tables"]:
        raise ValueError("tables that were altered")
    # By its number and not its name, under which another process may have put the next one meanwhile.
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
    text = file.read(length)
    if magic != MAGIC or hashlib.sha256(text).digest() != digest:
        raise ValueError("not a snapshot")
    header: dict[str, Any] = json.loads(text)
    if os.fstat(file.fileno()).st_size != _size(_layout(header["points"], header["entries"])):
        raise ValueError("a snapshot that was cut")
    if (header["stand"]["scheme"], header["stand"]["vocabulary"]) != (SCHEME, VOCABULARY):
        raise ValueError("a snapshot of another release")
    return header


def _write_header(file: BinaryIO, stand: Stand, tables: dict[str, NDArray[Any]]) -> None:
    header = {
        "stand": asdict(stand),
        "points": int(tables["starts"][-1]),
        "entries": len(tables["keys"]),
        "tables": _digest(tables),
    }
    text = json.dumps(header).encode()
    file.seek(0)
    file.write(_HEAD.pack(MAGIC, hashlib.sha256(text).digest(), len(text)) + text)


def _write_points(
    file: BinaryIO, layout: dict[str, _Place], keys: NDArray[np.int64], runs: Iterable[Points]
) -> NDArray[np.int64]:
    """Write the arrays by point; how many points each fine word has."""
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
    offset, kind, shape = place
    file.seek(offset + row * _bytes(kind, shape[1:]))
    file.write(np.ascontiguousarray(array, kind).data)
