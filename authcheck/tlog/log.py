"""The log: entries with numbers, checkpoints and proofs, over the port `LogStore`."""

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
    """Where a log lies. Nothing that was appended changes or goes; what `append` did is there after a crash."""

    def size(self) -> int:
        """How many entries there are."""

    def read_tile(self, level: int, number: int) -> bytes:
        """The hashes of a tile, as many as there are; b"" if there are none."""

    def entries(self, first: int, count: int) -> list[bytes]:
        """At most `count` entries from number `first` on; fewer where the log ends."""

    def find(self, tx_id: str) -> int | None:
        """The number of the entry with this id."""

    def append(
        self, expected_size: int, bodies: Sequence[bytes], tiles: Mapping[tuple[int, int], bytes]
    ) -> None:
        """Add entries and the tiles they change, all or nothing.

        Raises Conflict (`ledger.raced`) unless the log has `expected_size` entries, or if it has one of these already.
        """


class MemoryLogStore:
    """A log in memory: the reference for stores, and for tests."""

    def __init__(self) -> None:
        self._bodies: list[bytes] = []
        self._numbers: dict[str, int] = {}
        self._tiles: dict[tuple[int, int], bytes] = {}
        self._lock = threading.Lock()

    def size(self) -> int:
        """How many entries there are."""
        return len(self._bodies)

    def read_tile(self, level: int, number: int) -> bytes:
        """The hashes of a tile, as many as there are; b"" if there are none."""
        return self._tiles.get((level, number), b"")

    def entries(self, first: int, count: int) -> list[bytes]:
        """At most `count` entries from number `first` on; fewer where the log ends."""
        return self._bodies[first : first + count]

    def find(self, tx_id: str) -> int | None:
        """The number of the entry with this id."""
        return self._numbers.get(tx_id)

    def append(
        self, expected_size: int, bodies: Sequence[bytes], tiles: Mapping[tuple[int, int], bytes]
    ) -> None:
        """Add entries and the tiles they change. Raises Conflict (`ledger.raced`)."""
        numbers = {tx_id(body): number for number, body in enumerate(bodies, expected_size)}
        with self._lock:
            raced = expected_size != len(self._bodies) or len(numbers) != len(bodies)
            if raced or numbers.keys() & self._numbers.keys():
                raise Conflict("The log has grown meanwhile.", code="ledger.raced")
            self._tiles.update(tiles)
            self._numbers.update(numbers)
            self._bodies.extend(bodies)


class Log:
    """A log over a store; holds no state of its own."""

    def __init__(self, store: LogStore) -> None:
        self.store = store

    def append(self, bodies: Sequence[bytes]) -> list[int]:
        """Add entries and return their numbers; one that is there already keeps its old number.

        Raises Conflict (`ledger.raced`) if other writers won a hundred times in a row.
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
            known = self.store.find(tx_id(body))
            if known is None:
                known = size + len(fresh)
                fresh.append(body)
            numbers[body] = known
        if fresh:
            grown = tiles.grow(size, [leaf_hash(body) for body in fresh], self.store.read_tile)
            self.store.append(size, fresh, grown)
        return [numbers[body] for body in bodies]

    def checkpoint(self, origin: str, signer: Signer) -> str:
        """A signed note of the log as it is now."""
        size = self.store.size()
        text = Checkpoint(origin, size, tiles.root_at(size, self.store.read_tile)).text
        return signed_note(text, signer.sign(text))

    def prove(self, number: int, size: int) -> list[bytes]:
        """The inclusion proof of an entry in the log as it was at `size`. Raises Rejected (`ledger.out_of_range`)."""
        return tiles.prove_inclusion(number, size, self.store.read_tile)

    def consistency(self, size1: int, size2: int) -> list[bytes]:
        """The proof that the log at `size2` continues that at `size1`. Raises Rejected (`ledger.out_of_range`)."""
        return tiles.prove_consistency(size1, size2, self.store.read_tile)
