"""The two parts of the index of local features.

One part is a snapshot, which only loses entries. The other part holds the newer entries in memory.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from authcheck.vision.features.features import DIMENSIONS, Features
from authcheck.vision.features.filing import COARSE, FINE, FINE_EACH, filed_under, vectors_of
from authcheck.vision.features.inverted import (
    Lists,
    Rows,
    Vectors,
    append,
    contents,
    new_lists,
    scan,
    scan_mapped,
)
from authcheck.vision.features.snapshot import PointRun, Snapshot

Keys = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Part(Protocol):
    """PointRun by row, and entries by place.

    A removed entry stays in the part, not live, until a new part is made.
    """

    @property
    def steps(self) -> NDArray[np.uint16]:
        """Return the steps of each point, by row. See Features."""

    @property
    def channels(self) -> NDArray[np.uint8]:
        """Return the channel of each point, by row. See Features."""

    @property
    def numbers(self) -> NDArray[np.uint16]:
        """Return the place of each point in its entry, by row."""

    @property
    def entries(self) -> NDArray[np.uint32]:
        """Return the place of the entry of each point, by row."""

    @property
    def keys(self) -> Keys:
        """Return the key of each entry, by place."""

    @property
    def sizes(self) -> NDArray[np.int32]:
        """Return the number of points of each entry, by place."""

    @property
    def live(self) -> Bools:
        """Return whether each entry is live, by place. Removed entries are not live."""

    def find(self, keys: Keys) -> NDArray[np.intp]:
        """Return the places of the live entries with these keys, or -1 for other keys."""

    def scan(self, vectors: Vectors, lists: Lists, count: int, *, fine: bool) -> tuple[Vectors, Rows]:
        """Scan lists, see `inverted.scan`. `fine` says whether `lists` are fine words or coarse words."""

    def runs(self) -> Iterator[PointRun]:
        """Yield all live points, one run for each coarse word."""


class SnapshotPart:
    """A snapshot, with a flag for each entry that is still live."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.steps, self.channels = snapshot.steps, snapshot.channels
        self.numbers, self.entries = snapshot.numbers, snapshot.entries
        self.keys, self.sizes = snapshot.keys, snapshot.sizes
        self.live: Bools = np.ones(len(snapshot.keys), np.bool_)

    def find(self, keys: Keys) -> NDArray[np.intp]:
        """See `Part.find`."""
        if not len(self.keys):
            return np.full(len(keys), -1)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where((self.keys[places] == keys) & self.live[places], places, -1)

    def scan(self, vectors: Vectors, lists: Lists, count: int, *, fine: bool) -> tuple[Vectors, Rows]:
        """See `Part.scan`."""
        if fine:
            return scan_mapped(self._snapshot.fine, self._snapshot.starts, vectors, lists, count)
        starts = self._snapshot.starts[::FINE_EACH]
        return scan_mapped(self._snapshot.coarse, starts, vectors, lists, count)

    def runs(self) -> Iterator[PointRun]:
        """See `Part.runs`."""
        starts, codes = self._snapshot.starts, self._snapshot.codes
        for word in range(COARSE):
            edges = starts[word * FINE_EACH : (word + 1) * FINE_EACH + 1]
            words = np.repeat(np.arange(FINE_EACH) + word * FINE_EACH, np.diff(edges))
            rows = slice(int(edges[0]), int(edges[-1]))
            entries = self.entries[rows]
            points = PointRun(
                words,
                self.keys[entries],
                self.numbers[rows],
                codes[rows],
                self.steps[rows],
                self.channels[rows],
            )
            live = self.live[entries]
            yield points if live.all() else points.take(live)


class _Table:
    """Named columns of equal length that grow at the end. The buffers have spare rows."""

    def __init__(self, **columns: tuple[Any, ...]) -> None:
        self._buffers = {name: np.empty((0, *shape), kind) for name, (kind, *shape) in columns.items()}
        self._size = 0

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._buffers[name][: self._size]

    def extend(self, **columns: NDArray[Any]) -> None:
        end = self._size + len(next(iter(columns.values())))
        for name, column in columns.items():
            buffer = self._buffers[name]
            if end > len(buffer):
                self._buffers[name] = np.empty((end + end // 4 + 64, *buffer.shape[1:]), buffer.dtype)
                self._buffers[name][: self._size] = buffer[: self._size]
            self._buffers[name][self._size : end] = column
        self._size = end


def _column(table: str, name: str) -> Any:
    return property(lambda part: getattr(part, table)[name], doc="See `Part`.")


class FreshPart:
    """Entries in the order of arrival, filed under coarse words or under fine words."""

    def __init__(self, *, fine: bool = False) -> None:
        self.fine = fine
        self._lists = new_lists(FINE if fine else COARSE)
        self._by_row = _Table(
            steps=("u2", 4), channels=("u1",), numbers=("u2",), words=("u2",), entries=("u4",)
        )
        self._by_entry = _Table(keys=("i8",), sizes=("i4",), live=("?",))
        self._places: dict[int, int] = {}

    steps = _column("_by_row", "steps")
    channels = _column("_by_row", "channels")
    numbers = _column("_by_row", "numbers")
    entries = _column("_by_row", "entries")
    keys = _column("_by_entry", "keys")
    sizes = _column("_by_entry", "sizes")
    live = _column("_by_entry", "live")

    def add(self, keys: Sequence[int], features: Sequence[Features]) -> None:
        """Add entries. The caller checks that their keys are new."""
        sizes = np.array([len(entry) for entry in features], np.int32)
        codes = np.concatenate(
            [np.empty((0, DIMENSIONS), np.uint8), *(entry.descriptors for entry in features)]
        )
        starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
        points = PointRun(
            filed_under(codes),
            np.repeat(np.array(keys, np.int64), sizes),
            (np.arange(len(codes)) - starts).astype(np.uint16),
            codes,
            np.concatenate([np.empty((0, 4), np.uint16), *(entry.steps for entry in features)]),
            np.concatenate([np.empty(0, np.uint8), *(entry.channels for entry in features)]),
        )
        self._put(np.array(keys, np.int64), sizes, [points])

    def refiled(self, *, fine: bool) -> "FreshPart":
        """Return a new part with the live entries only, filed under fine words or under coarse words."""
        part = FreshPart(fine=fine)
        part._put(self.keys[self.live], self.sizes[self.live], self.runs())
        return part

    def _put(self, keys: Keys, sizes: NDArray[np.int32], runs: Iterable[PointRun]) -> None:
        places = {key: len(self.keys) + place for place, key in enumerate(keys.tolist())}
        for run in runs:
            entries = np.array([places[key] for key in run.keys.tolist()], np.uint32)
            rows = np.arange(len(entries)) + len(self.entries)
            lists = run.words if self.fine else run.words // FINE_EACH
            append(self._lists, vectors_of(run.codes), rows, lists)
            self._by_row.extend(
                steps=run.steps, channels=run.channels, numbers=run.numbers, words=run.words, entries=entries
            )
        self._by_entry.extend(keys=keys, sizes=sizes, live=np.ones(len(keys), np.bool_))
        self._places.update(places)

    def find(self, keys: Keys) -> NDArray[np.intp]:
        """See `Part.find`."""
        places = np.array([self._places.get(key, -1) for key in keys.tolist()], np.intp)
        return np.where((places >= 0) & self.live[places], places, -1) if len(self.keys) else places

    def scan(self, vectors: Vectors, lists: Lists, count: int, *, fine: bool) -> tuple[Vectors, Rows]:
        """See `Part.scan`. Raises ValueError when `fine` is not the part's `fine`."""
        if fine != self.fine:
            raise ValueError("This part is filed under words of the other kind.")
        return scan(self._lists, vectors, lists, count)

    def runs(self) -> Iterator[PointRun]:
        """See `Part.runs`."""
        lists_per_word = FINE_EACH if self.fine else 1
        for word in range(COARSE):
            first = word * lists_per_word
            lists = [contents(self._lists, first + number) for number in range(lists_per_word)]
            rows, codes = map(np.concatenate, zip(*lists, strict=True))
            entries = self.entries[rows]
            words = self._by_row["words"][rows].astype(np.int64)
            points = PointRun(
                words, self.keys[entries], self.numbers[rows], codes, self.steps[rows], self.channels[rows]
            )
            yield points.take(self.live[entries])
