"""The two parts of the index of local features: a snapshot that only loses entries, and what came since, in memory."""

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
from authcheck.vision.features.snapshot import Points, Snapshot

Keys = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Part(Protocol):
    """Points by row and entries by place. What was removed stays, not live, until the part is made anew."""

    @property
    def steps(self) -> NDArray[np.uint16]:
        """Of each point, see Features."""

    @property
    def channels(self) -> NDArray[np.uint8]:
        """Of each point, see Features."""

    @property
    def numbers(self) -> NDArray[np.uint16]:
        """The place of each point in its entry."""

    @property
    def entries(self) -> NDArray[np.uint32]:
        """The place of the entry of each point."""

    @property
    def keys(self) -> Keys:
        """Of each entry."""

    @property
    def sizes(self) -> NDArray[np.int32]:
        """The points of each entry."""

    @property
    def live(self) -> Bools:
        """Whether each entry was not removed."""

    def find(self, keys: Keys) -> NDArray[np.intp]:
        """The places of the live entries of these keys, -1 for others."""

    def scan(self, vectors: Vectors, lists: Lists, count: int, *, fine: bool) -> tuple[Vectors, Rows]:
        """See `inverted.scan`: `lists` are fine words or coarse ones."""

    def runs(self) -> Iterator[Points]:
        """All live points, a run for each coarse word."""


class SnapshotPart:
    """A snapshot and which of its entries are live still."""

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

    def runs(self) -> Iterator[Points]:
        """See `Part.runs`."""
        starts, codes = self._snapshot.starts, self._snapshot.codes
        for word in range(COARSE):
            edges = starts[word * FINE_EACH : (word + 1) * FINE_EACH + 1]
            words = np.repeat(np.arange(FINE_EACH) + word * FINE_EACH, np.diff(edges))
            rows = slice(int(edges[0]), int(edges[-1]))
            entries = self.entries[rows]
            points = Points(
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
    """Columns that grow together at the end."""

    def __init__(self, **columns: tuple[Any, ...]) -> None:
        self._room = {name: np.empty((0, *shape), kind) for name, (kind, *shape) in columns.items()}
        self._size = 0

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._room[name][: self._size]

    def extend(self, **columns: NDArray[Any]) -> None:
        end = self._size + len(next(iter(columns.values())))
        for name, column in columns.items():
            room = self._room[name]
            if end > len(room):
                self._room[name] = np.empty((end + end // 4 + 64, *room.shape[1:]), room.dtype)
                self._room[name][: self._size] = room[: self._size]
            self._room[name][self._size : end] = column
        self._size = end


def _column(table: str, name: str) -> Any:
    return property(lambda part: getattr(part, table)[name], doc="See `Part`.")


class FreshPart:
    """Entries in the order they came, filed by coarse words or by fine ones."""

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
        """Put entries in whose keys are not there."""
        sizes = np.array([len(one) for one in features], np.int32)
        codes = np.concatenate([np.empty((0, DIMENSIONS), np.uint8), *(one.descriptors for one in features)])
        starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
        points = Points(
            filed_under(codes),
            np.repeat(np.array(keys, np.int64), sizes),
            (np.arange(len(codes)) - starts).astype(np.uint16),
            codes,
            np.concatenate([np.empty((0, 4), np.uint16), *(one.steps for one in features)]),
            np.concatenate([np.empty(0, np.uint8), *(one.channels for one in features)]),
        )
        self._put(np.array(keys, np.int64), sizes, [points])

    def refiled(self, *, fine: bool) -> "FreshPart":
        """The live entries alone, by words of the other or the same kind."""
        made = FreshPart(fine=fine)
        made._put(self.keys[self.live], self.sizes[self.live], self.runs())
        return made

    def _put(self, keys: Keys, sizes: NDArray[np.int32], runs: Iterable[Points]) -> None:
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
        """See `Part.scan`; `fine` is as the part was made."""
        if fine != self.fine:
            raise ValueError("filed by words of the other kind")
        return scan(self._lists, vectors, lists, count)

    def runs(self) -> Iterator[Points]:
        """See `Part.runs`."""
        each = FINE_EACH if self.fine else 1
        for word in range(COARSE):
            found = [contents(self._lists, word * each + number) for number in range(each)]
            rows, codes = map(np.concatenate, zip(*found, strict=True))
            entries = self.entries[rows]
            words = self._by_row["words"][rows].astype(np.int64)
            points = Points(
                words, self.keys[entries], self.numbers[rows], codes, self.steps[rows], self.channels[rows]
            )
            yield points.take(self.live[entries])
