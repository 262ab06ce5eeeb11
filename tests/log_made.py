"""Logs that tests read and forge: a reference in memory, and the log in the database."""

from collections.abc import Sequence
from typing import Protocol

from authcheck.errors import NotFound
from authcheck.ledger import journal
from authcheck.storage.database import Database
from authcheck.tlog import tiles
from authcheck.tlog.entries import Draft, read_body, read_time, tx_id
from authcheck.tlog.merkle import leaf_hash
from authcheck.tlog.note import Checkpoint, Signer, signed_note


class Log(Protocol):
    """Numbered entries, each stored once, and the tiles over them."""

    def append(self, bodies: Sequence[bytes]) -> list[int]:
        """Add entries and return their numbers. An entry that the log has keeps its number."""

    def size(self) -> int:
        """Return the number of entries."""

    def entries(self, first: int, count: int) -> list[bytes]:
        """Return at most `count` entries from number `first` on."""

    def find(self, tx_id: str) -> int | None:
        """Return the number of the entry with this id, or None."""

    def read_tile(self, level: int, number: int) -> bytes:
        """Return the hashes of a tile, or b"" if the tile does not exist."""


class MemoryLog:
    """The reference implementation of a log, as short as possible."""

    def __init__(self) -> None:
        self._bodies: list[bytes] = []
        self._numbers: dict[str, int] = {}
        self._tiles: dict[tuple[int, int], bytes] = {}

    def append(self, bodies: Sequence[bytes]) -> list[int]:
        """See `Log`."""
        for body in bodies:
            if tx_id(body) not in self._numbers:
                self._numbers[tx_id(body)] = len(self._bodies)
                self._bodies.append(body)
        fresh = self._bodies[self._signed() :]
        self._tiles |= tiles.grow(self._signed(), [leaf_hash(body) for body in fresh], self.read_tile)
        return [self._numbers[tx_id(body)] for body in bodies]

    def _signed(self) -> int:
        """Return the number of entries that the tiles hold."""
        return sum(len(hashes) // 32 for (level, _), hashes in self._tiles.items() if level == 0)

    def size(self) -> int:
        """See `Log`."""
        return len(self._bodies)

    def entries(self, first: int, count: int) -> list[bytes]:
        """See `Log`."""
        return self._bodies[first : first + count]

    def find(self, tx_id: str) -> int | None:
        """See `Log`."""
        return self._numbers.get(tx_id)

    def read_tile(self, level: int, number: int) -> bytes:
        """See `Log`."""
        return self._tiles.get((level, number), b"")


class DatabaseLog:
    """The ledger of a database, through the functions by which the service appends and reads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, bodies: Sequence[bytes]) -> list[int]:
        """See `Log`."""
        said = [read_body(body) for body in bodies]
        known = {"v", "t", "id", "at"}
        drafts = [
            Draft(
                one["t"],
                one["id"],
                read_time(one["at"]),
                {name: value for name, value in one.items() if name not in known},
            )
            for one in said
        ]
        with self._database.writing() as session:
            return journal.record_numbers(session, drafts)

    def size(self) -> int:
        """See `Log`."""
        with self._database.reading() as session:
            return journal.ledger_size(session)

    def entries(self, first: int, count: int) -> list[bytes]:
        """See `Log`."""
        with self._database.reading() as session:
            return journal.bodies(session, first, count)

    def find(self, tx_id: str) -> int | None:
        """See `Log`."""
        with self._database.reading() as session:
            try:
                return journal.get_entry(session, tx_id).number
            except NotFound:
                return None

    def read_tile(self, level: int, number: int) -> bytes:
        """See `Log`."""
        with self._database.reading() as session:
            return journal.read_tile_of(session)(level, number)


def checkpoint_of(log: Log, origin: str, signer: Signer) -> str:
    """Return a signed note of the log's current state."""
    text = Checkpoint(origin, log.size(), tiles.root_at(log.size(), log.read_tile)).text
    return signed_note(text, signer.sign(text))


def prove(log: Log, number: int, size: int) -> list[bytes]:
    """Return the inclusion proof of an entry in the first `size` entries."""
    return tiles.prove_inclusion(number, size, log.read_tile)


def consistency(log: Log, size1: int, size2: int) -> list[bytes]:
    """Return the proof that the log at `size2` continues the log at `size1`."""
    return tiles.prove_consistency(size1, size2, log.read_tile)
