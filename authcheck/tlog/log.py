"""The log: numbered entries, checkpoints and proofs, over the port `LogStore`."""

import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

from authcheck.errors import Conflict
from authcheck.tlog import tiles
from authcheck.tlog.entries import tx_id
from authcheck.tlog.merkle import leaf_hash
from authcheck.tlog.note import Checkpoint, Signer, signed_note

ATTEMPTS = 100  # each lost race is another writer's success


class LogStore(Protocol):
    """The storage of a log. Appended entries never change and are never removed.

    `append` survives a crash.
    """

    def size(self) -> int:
        """Return the number of entries."""

    def read_tile(self, level: int, number: int) -> bytes:
        """Return the stored hashes of a tile, or b"" when the tile has no hashes."""

    def entries(self, first: int, count: int) -> list[bytes]:
        """Return at most `count` entries from number `first` on.

        The end of the log can make the list shorter.
        """

    def find(self, tx_id: str) -> int | None:
        """Return the number of the entry with this id, or None."""

    def append(
        self, expected_size: int, bodies: Sequence[bytes], tiles: Mapping[tuple[int, int], bytes]
    ) -> None:
        """Add entries and the tiles that change with them. Add all of them or nothing.

        Raises Conflict (`ledger.raced`) when the log does not have `expected_size` entries, or when the log
        already has one of these entries.
        """


class MemoryLogStore:
    """A log in memory: the reference for other stores, and a store for tests."""

    def __init__(self) -> None:
        self._bodies: list[bytes] = []
        self._numbers: dict[str, int] = {}
        self._tiles: dict[tuple[int, int], bytes] = {}
        self._lock = threading.Lock()

    def size(self) -> int:
        """Return the number of entries."""
        return len(self._bodies)

    def read_tile(self, level: int, number: int) -> bytes:
        """Return the stored hashes of a tile, or b"" when the tile has no hashes."""
        return self._tiles.get((level, number), b"")

    def entries(self, first: int, count: int) -> list[bytes]:
        """Return at most `count` entries from number `first` on.

        The end of the log can make the list shorter.
        """
        return self._bodies[first : first + count]

    def find(self, tx_id: str) -> int | None:
        """Return the number of the entry with this id, or None."""
        return self._numbers.get(tx_id)

    def append(
        self, expected_size: int, bodies: Sequence[bytes], tiles: Mapping[tuple[int, int], bytes]
    ) -> None:
        """Add entries and the tiles that change with them. Raises Conflict (`ledger.raced`)."""
        numbers = {tx_id(body): number for number, body in enumerate(bodies, expected_size)}
        with self._lock:
            raced = expected_size != len(self._bodies) or len(numbers) != len(bodies)
            if raced or numbers.keys() & self._numbers.keys():
                raise Conflict(
                    "Another writer added entries to the log at the same time. Try again.",
                    code="ledger.raced",
                )
            self._tiles.update(tiles)
            self._numbers.update(numbers)
            self._bodies.extend(bodies)


class Log:
    """A log over a store. The log object holds no state of its own."""

    def __init__(self, store: LogStore) -> None:
        self.store = store

    def append(self, bodies: Sequence[bytes]) -> list[int]:
        """Add entries and return their numbers. An entry that the log already has keeps its number.

        Raises Conflict (`ledger.raced`) when other writers win a hundred times in a row.
        """
        for _ in range(ATTEMPTS - 1):
            try:
                return self._append(bodies)
            except Conflict:
                continue
        return self._append(bodies)

    def _append(self, bodies: Sequence[bytes]) -> list[int]:
        size = self.store.size()
        numbers: dict[bytes, int] = {}
        fresh: list[bytes] = []
        for body in bodies:
            if body in numbers:
                continue
            number = self.store.find(tx_id(body))
            if number is None:
                number = size + len(fresh)
                fresh.append(body)
            numbers[body] = number
        if fresh:
            grown = tiles.grow(size, [leaf_hash(body) for body in fresh], self.store.read_tile)
            self.store.append(size, fresh, grown)
        return [numbers[body] for body in bodies]

    def checkpoint(self, origin: str, signer: Signer) -> str:
        """Return a signed note of the log's present state."""
        size = self.store.size()
        text = Checkpoint(origin, size, tiles.root_at(size, self.store.read_tile)).text
        return signed_note(text, signer.sign(text))

    def prove(self, number: int, size: int) -> list[bytes]:
        """Return the inclusion proof of an entry in the log of the first `size` entries.

        Raises Rejected (`ledger.out_of_range`).
        """
        return tiles.prove_inclusion(number, size, self.store.read_tile)

    def consistency(self, size1: int, size2: int) -> list[bytes]:
        """Return the proof that the log at `size2` continues the log at `size1`.

        Raises Rejected (`ledger.out_of_range`).
        """
        return tiles.prove_consistency(size1, size2, self.store.read_tile)
