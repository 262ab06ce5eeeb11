"""The audit of the ledger.

The audit replays the log, derives every tile, root and row from it, and compares them with what is stored. An
attacker with access to the database can change any row. The attacker cannot make the database agree with
signed checkpoints that others have seen.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from authcheck.audit.addresses import compare_addresses
from authcheck.audit.agents import Appointed
from authcheck.audit.rows import Discrepancy, compare_rows
from authcheck.errors import AuthcheckError, NotTrue
from authcheck.ledger.clock import SKEW
from authcheck.ledger.heads import Held, roots_of
from authcheck.ledger.journal import ledger_size
from authcheck.ledger.tables import Entry, SignedCheckpoint, Tile
from authcheck.storage.database import stream_rows
from authcheck.tlog.entries import read_body, time_text, tx_id
from authcheck.tlog.note import Checkpoint, Verifier, verify_note
from authcheck.tlog.tiles import ReadTile, grow

PAGE = 4096
Progress = Callable[[int], None]
Tiles = dict[tuple[int, int], bytes]


def audit(
    session: Session, public_key: bytes, held: Sequence[Held] = (), *, progress: Progress = lambda _: None
) -> Iterator[Discrepancy]:
    """Yield every difference, those of the log first. Yield nothing when the ledger is intact.

    Uses 32 bytes of memory per entry, for the leaves of the tree.

    Args:
        session: a session that sees one moment, see `Database.snapshot`.
        public_key: the raw public key of the ledger.
        held: the tree heads that others have seen signed.
        progress: called with the number of entries that were replayed so far.
    """
    checkpoints = list(session.scalars(select(SignedCheckpoint).order_by(SignedCheckpoint.size)))
    tiles: Tiles = {}
    is_complete = yield from _replay(session, tiles, checkpoints, progress)
    if is_complete:  # tiles and roots can be derived only from all entries
        newest_size = checkpoints[-1].size if checkpoints else 0
        yield from _compare_tiles(session, tiles)
        yield from _check_checkpoints(checkpoints, public_key, _reader_of(tiles))
        yield from _check_held(held, newest_size, ledger_size(session), _reader_of(tiles))
    yield from compare_rows(session)
    yield from compare_addresses(session)


def _replay(
    session: Session, tiles: Tiles, checkpoints: Sequence[SignedCheckpoint], progress: Progress
) -> Generator[Discrepancy, None, bool]:
    """Check the entries in order and add their tree to `tiles`.

    Returns whether the log has all its entries.
    """
    size, next_number = ledger_size(session), 0
    times, appointed = _TimeBounds(checkpoints), Appointed()
    columns = (Entry.number, Entry.tx_id, Entry.type, Entry.subject, Entry.at, Entry.body)
    with closing(stream_rows(session, select(*columns).order_by(Entry.number), PAGE)) as stream:
        for rows in stream:
            for number, row in enumerate(rows, next_number):
                if row.number != number:
                    yield Discrepancy(f"entry {number}", "is missing")
                    return False
                for problem in (_column_problem(row), times.find_problem(row), appointed.find_problem(row)):
                    if problem:
                        yield Discrepancy(f"entry {number}", problem)
            leaves = [bytes.fromhex(tx_id(row.body)) for row in rows]
            tiles.update(grow(next_number, leaves, _reader_of(tiles)))
            next_number += len(rows)
            progress(next_number)
    if next_number < size:
        yield Discrepancy(f"entry {next_number}", "is missing")
    elif next_number > size:
        yield Discrepancy(f"entry {size}", "is beyond the end of the log")
    return next_number == size


def _column_problem(row: Row[*tuple[object, ...]]) -> str:
    """Return how the columns of an entry contradict its body. Returns an empty string when they agree."""
    if tx_id(row.body) != row.tx_id:
        return "was altered: its transaction id does not belong to its text"
    try:
        fields = read_body(row.body)
    except NotTrue:
        return "cannot be read"
    columns = {"t": row.type, "id": row.subject, "at": time_text(row.at)}
    differing = [name for name, value in columns.items() if fields[name] != value]
    return f"has columns that differ from its text: {', '.join(differing)}" if differing else ""


class _TimeBounds:
    """The earliest and latest times that the checkpoints around an entry allow for it."""

    def __init__(self, checkpoints: Sequence[SignedCheckpoint]) -> None:
        self._ahead = [(checkpoint.size, checkpoint.signed_at) for checkpoint in reversed(checkpoints)]
        self._behind = self._ahead[-1][1] if self._ahead and not self._ahead[-1][0] else None

    def find_problem(self, row: Row[*tuple[object, ...]]) -> str:
        """Return why the time of an entry is not possible, or an empty string.

        Call it in the order of entries.
        """
        while self._ahead and self._ahead[-1][0] <= row.number:
            self._behind = self._ahead.pop()[1]
        if self._behind is not None and row.at < self._behind - SKEW:
            return f"is back-dated to {time_text(row.at)}: the entries before it were signed after this time"
        if self._ahead and row.at > self._ahead[-1][1] + SKEW:
            return f"is dated {time_text(row.at)}, but it was signed before this time"
        return ""


def _reader_of(tiles: Tiles) -> ReadTile:
    return lambda level, number: tiles.get((level, number), b"")


def _compare_tiles(session: Session, derived: Tiles) -> Iterator[Discrepancy]:
    """Yield the stored tiles that differ from the derived tiles, then the missing tiles.

    Both are ordered by level and number.
    """
    stored: set[tuple[int, int]] = set()
    columns = select(Tile.level, Tile.number, Tile.hashes).order_by(Tile.level, Tile.number)
    for rows in stream_rows(session, columns, PAGE):
        for level, number, hashes in rows:
            stored.add((level, number))
            if derived.get((level, number)) != hashes:
                yield Discrepancy(f"tile {level}/{number}", "does not follow from the entries")
    for level, number in sorted(derived.keys() - stored):
        yield Discrepancy(f"tile {level}/{number}", "is missing")


def _check_checkpoints(
    checkpoints: Sequence[SignedCheckpoint], public_key: bytes, read: ReadTile
) -> Iterator[Discrepancy]:
    """Yield the checkpoints that are not valid, or whose root is not the root of the tree at their size."""
    for row in checkpoints:
        try:
            _verify(row, public_key)
            Held("the checkpoint", row.size, bytes.fromhex(row.root)).refuse_fork(row.size, roots_of(read))
        except (AuthcheckError, ValueError) as error:
            yield Discrepancy(f"checkpoint {row.size}", f"is not valid: {error}")


def _check_held(held: Sequence[Held], newest_size: int, size: int, read: ReadTile) -> Iterator[Discrepancy]:
    """Yield the tree heads that others have seen signed and that contradict this log.

    `size` is the size of the log. `newest_size` is the size of its newest checkpoint.
    """
    for head in held:
        if head.size > newest_size:
            yield Discrepancy(f"checkpoint {head.size}", f"is missing, but {head.by} has seen it")
        try:
            head.refuse_fork(size, roots_of(read))
        except AuthcheckError as error:
            yield Discrepancy(f"checkpoint {head.size}", f"is not valid: {error}")


def _verify(row: SignedCheckpoint, public_key: bytes) -> None:
    """Raise NotTrue unless the ledger's key signed the checkpoint and its note agrees with its columns."""
    checkpoint = Checkpoint.from_note(row.note)
    if (checkpoint.size, checkpoint.root.hex()) != (row.size, row.root):
        raise NotTrue("The signed note does not agree with the stored columns.", code="ledger.forked")
    if not verify_note(row.note, [Verifier(checkpoint.origin, public_key)]):
        raise NotTrue("The checkpoint is not signed with the ledger's key.", code="note.signature")
