"""The SQL side of the ledger: facts are appended in the transaction that changes the rows they are about.

The row lock of LedgerHead puts writers in their order and is the last lock a transaction takes: whoever takes another
one afterwards may wait for somebody who waits for this one.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from authcheck.errors import NotFound
from authcheck.ledger.tables import Entry, LedgerHead, SignedCheckpoint, Tile
from authcheck.storage.parameters import in_chunks
from authcheck.tlog.entries import Draft, body, tx_id
from authcheck.tlog.note import proof_text
from authcheck.tlog.tiles import ReadTile, grow, prove_inclusion

WAITING = "authcheck_drafts"  # in a session's info: what is appended when it commits
SKEW = timedelta(minutes=5)  # that clocks may differ, or a transaction may take
TILE = select(Tile.hashes).where(
    Tile.level == sa.bindparam("of_level"), Tile.number == sa.bindparam("of_number")
)


def record(session: Session, drafts: Sequence[Draft]) -> list[Entry]:
    """Append facts and return their entries; of a fact that is known word for word, the entry it has.

    Call it last in a `writing()` transaction: nobody else appends from here to the commit.
    """
    appended = _append(session, drafts)
    return [Entry(**row) for row in appended]


def record_numbers(session: Session, drafts: Sequence[Draft]) -> list[int]:
    """As `record`, but the entries' numbers only: of thousands, their objects would cost as much as all else."""
    return [row["number"] for row in _append(session, drafts)]


def record_at_commit(session: Session, drafts: Sequence[Draft]) -> None:
    """Append facts when the transaction commits, so that other locks can still be taken; not within a savepoint."""
    session.info.setdefault(WAITING, []).extend(drafts)
    if not event.contains(session, "before_commit", _append_waiting):
        event.listen(session, "before_commit", _append_waiting)


def _append_waiting(session: Session) -> None:
    if not session.in_nested_transaction():
        record(session, [])


def ledger_size(session: Session) -> int:
    """How many entries there are, signed or not."""
    return session.scalars(select(LedgerHead.size)).one()


def lock_ledger(session: Session) -> int:
    """Keep others from appending until this transaction ends; how many entries there are."""
    return session.scalars(select(LedgerHead.size).with_for_update()).one()


def read_tile_of(session: Session) -> ReadTile:
    """Return a reader of tiles from the database, as they are there now."""
    return tile_reader(session.connection())  # past the ORM, which would take half of a proof's time


def tile_reader(connection: sa.Connection) -> ReadTile:
    """Return a reader of tiles: the hashes of a tile by level and number, b"" without any."""

    def read(level: int, number: int) -> bytes:
        hashes: bytes | None = connection.scalar(TILE, {"of_level": level, "of_number": number})
        return hashes or b""

    return read


def _append(session: Session, drafts: Sequence[Draft]) -> list[dict[str, Any]]:
    """The rows of these facts, after those that wait for the commit."""
    waiting: list[Draft] = session.info.pop(WAITING, [])
    texts = [(draft, body(draft)) for draft in (*waiting, *drafts)]
    if not texts:
        return []
    size = lock_ledger(session)
    ids = [tx_id(text) for _, text in texts]
    numbers = _find(session, ids)
    rows: list[dict[str, Any]] = []
    new: list[dict[str, Any]] = []
    for (draft, text), known_as in zip(texts, ids, strict=True):
        number = numbers.setdefault(known_as, size + len(new))
        rows.append(_row(number, known_as, draft, text))
        if number == size + len(new):
            new.append(rows[-1])
    if new:
        leaves = [bytes.fromhex(row["tx_id"]) for row in new]
        _store(session, new, grow(size, leaves, read_tile_of(session)))
    return rows[len(waiting) :]


def _row(number: int, known_as: str, draft: Draft, text: bytes) -> dict[str, Any]:
    return {
        "number": number,
        "tx_id": known_as,
        "type": draft.type,
        "subject": draft.subject,
        "at": draft.at,
        "body": text,
    }


def _find(session: Session, ids: Sequence[str]) -> dict[str, int]:
    """By transaction id, the number of the entries that are known."""
    found: dict[str, int] = {}
    for chunk in in_chunks(ids):
        rows = session.execute(select(Entry.tx_id, Entry.number).where(Entry.tx_id.in_(chunk)))
        found.update((known_as, number) for known_as, number in rows)
    return found


def _store(
    session: Session, rows: Sequence[dict[str, Any]], changed: Mapping[tuple[int, int], bytes]
) -> None:
    """Entries, the tiles they change, and the new size."""
    # Past the ORM, whose bookkeeping a row costs more than the row.
    session.connection().execute(sa.insert(Entry), rows)
    for (level, number), hashes in changed.items():
        session.merge(Tile(level=level, number=number, hashes=hashes))
    session.execute(sa.update(LedgerHead).values(size=rows[-1]["number"] + 1))
    session.flush()


def get_entry(session: Session, tx_id: str) -> Entry:
    """The entry of a transaction id. Raises NotFound (`ledger.not_found`)."""
    found = session.scalar(select(Entry).where(Entry.tx_id == tx_id)) if tx_id.isalnum() else None
    if found is None:
        raise NotFound("The ledger has no such entry.", code="ledger.not_found", tx_id=tx_id)
    return found


def bodies(session: Session, first: int, count: int) -> list[bytes]:
    """At most `count` entries from number `first` on."""
    wanted = select(Entry.body).where(Entry.number >= first).order_by(Entry.number).limit(count)
    return list(session.scalars(wanted))


def latest_checkpoint(session: Session) -> SignedCheckpoint | None:
    """The signed checkpoint of the greatest size, None before the first one."""
    newest = select(SignedCheckpoint).order_by(SignedCheckpoint.size.desc()).limit(1)
    return session.scalar(newest.execution_options(populate_existing=True))


def proof_for(session: Session, entry: Entry, checkpoint: SignedCheckpoint) -> str:
    """The proof that an entry is in the log as a c2sp.org/tlog-proof@v1 text.

    Raises NotFound (`ledger.not_signed`) for an entry that the checkpoint does not cover yet.
    """
    if entry.number >= checkpoint.size:
        raise NotFound("No signed checkpoint covers this entry yet.", code="ledger.not_signed")
    hashes = prove_inclusion(entry.number, checkpoint.size, read_tile_of(session))
    return proof_text(entry.number, hashes, checkpoint.note)
