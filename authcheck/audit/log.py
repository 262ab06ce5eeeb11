"""The audit: the log is replayed, every tile, root and row derived from it anew and compared with what is stored.

Whoever holds the database can write what they like into it; what they cannot do is make it agree with a history that
others have seen signed.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from authcheck.audit.rows import Finding, compare_rows
from authcheck.errors import AuthcheckError, NotTrue
from authcheck.ledger.heads import Held, roots_of
from authcheck.ledger.journal import SKEW, ledger_size
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
) -> Iterator[Finding]:
    """Everything that differs, the log first; nothing where all is well.

    `session` must see one moment (`Database.snapshot`); `public_key` is the ledger's, raw; `held` is what others saw
    signed; `progress` hears how many entries were replayed. Holds the tree's leaves in memory: 32 bytes an entry.
    """
    signed = list(session.scalars(select(SignedCheckpoint).order_by(SignedCheckpoint.size)))
    tiles: Tiles = {}
    whole = yield from _replay(session, tiles, signed, progress)
    if whole:  # else nothing above the entries can be derived
        yield from _compare_tiles(session, tiles)
        yield from _check_signed(signed, public_key, _reader(tiles))
        yield from _check_held(held, signed[-1].size if signed else 0, ledger_size(session), _reader(tiles))
    yield from compare_rows(session)


def _replay(
    session: Session, tiles: Tiles, signed: Sequence[SignedCheckpoint], progress: Progress
) -> Generator[Finding, None, bool]:
    """The entries one by one, in order, while their tree grows in `tiles`; whether none is missing."""
    size, next_number, times = ledger_size(session), 0, _Times(signed)
    columns = (Entry.number, Entry.tx_id, Entry.type, Entry.subject, Entry.at, Entry.body)
    with closing(stream_rows(session, select(*columns).order_by(Entry.number), PAGE)) as stream:
        for rows in stream:
            for place, row in enumerate(rows, next_number):
                if row.number != place:
                    yield Finding(f"entry {place}", "is missing")
                    return False
                for problem in (_problem_of(row), times.problem_of(row)):
                    if problem:
                        yield Finding(f"entry {place}", problem)
            leaves = [bytes.fromhex(tx_id(row.body)) for row in rows]
            tiles.update(grow(next_number, leaves, _reader(tiles)))
            next_number += len(rows)
            progress(next_number)
    if next_number < size:
        yield Finding(f"entry {next_number}", "is missing")
    elif next_number > size:
        yield Finding(f"entry {size}", "stands beyond the end of the log")
    return next_number == size


def _problem_of(row: Row[*tuple[object, ...]]) -> str:
    """What an entry's columns say against each other; empty where they agree."""
    if tx_id(row.body) != row.tx_id:
        return "was altered: its transaction id is that of other words"
    try:
        said = read_body(row.body)
    except NotTrue:
        return "cannot be read"
    columns = {"t": row.type, "id": row.subject, "at": time_text(row.at)}
    differing = [name for name, value in columns.items() if said[name] != value]
    return f"says otherwise in its columns: {', '.join(differing)}" if differing else ""


class _Times:
    """The bounds that checkpoints set to the times of the entries around them."""

    def __init__(self, signed: Sequence[SignedCheckpoint]) -> None:
        self._ahead = [(checkpoint.size, checkpoint.signed_at) for checkpoint in reversed(signed)]
        self._behind = self._ahead[-1][1] if self._ahead and not self._ahead[-1][0] else None

    def problem_of(self, row: Row[*tuple[object, ...]]) -> str:
        """What speaks against an entry's time; ask for the entries in their order."""
        while self._ahead and self._ahead[-1][0] <= row.number:
            self._behind = self._ahead.pop()[1]
        if self._behind is not None and row.at < self._behind - SKEW:
            return f"is back-dated to {time_text(row.at)}: the log before it was signed later"
        if self._ahead and row.at > self._ahead[-1][1] + SKEW:
            return f"is dated {time_text(row.at)}, after it was signed"
        return ""


def _reader(tiles: Tiles) -> ReadTile:
    return lambda level, number: tiles.get((level, number), b"")


def _compare_tiles(session: Session, derived: Tiles) -> Iterator[Finding]:
    """The stored tiles that are not those derived from the entries, by level and number."""
    stored: set[tuple[int, int]] = set()
    columns = select(Tile.level, Tile.number, Tile.hashes).order_by(Tile.level, Tile.number)
    for rows in stream_rows(session, columns, PAGE):
        for level, number, hashes in rows:
            stored.add((level, number))
            if derived.get((level, number)) != hashes:
                yield Finding(f"tile {level}/{number}", "does not follow from the entries")
    for level, number in sorted(derived.keys() - stored):
        yield Finding(f"tile {level}/{number}", "is missing")


def _check_signed(signed: Sequence[SignedCheckpoint], public_key: bytes, read: ReadTile) -> Iterator[Finding]:
    """What is wrong with the checkpoints, each by itself and against the tree."""
    for row in signed:
        try:
            _verify(row, public_key)
            Held("the checkpoint", row.size, bytes.fromhex(row.root)).refuse_fork(row.size, roots_of(read))
        except (AuthcheckError, ValueError) as error:
            yield Finding(f"checkpoint {row.size}", f"does not hold: {error}")


def _check_held(held: Sequence[Held], newest: int, size: int, read: ReadTile) -> Iterator[Finding]:
    """What others have seen signed and the log of `size`, signed up to `newest`, does not have."""
    for one in held:
        if one.size > newest:
            yield Finding(f"checkpoint {one.size}", f"is missing, which {one.by} has seen")
        try:
            one.refuse_fork(size, roots_of(read))
        except AuthcheckError as error:
            yield Finding(f"checkpoint {one.size}", f"does not hold: {error}")


def _verify(row: SignedCheckpoint, public_key: bytes) -> None:
    """Raise NotTrue unless a checkpoint is signed by the ledger's key and says what its columns say."""
    said = Checkpoint.from_note(row.note)
    if (said.size, said.root.hex()) != (row.size, row.root):
        raise NotTrue("Its note says otherwise than its columns.", code="ledger.forked")
    if not verify_note(row.note, [Verifier(said.origin, public_key)]):
        raise NotTrue("It is not signed by the ledger's key.", code="note.signature")
