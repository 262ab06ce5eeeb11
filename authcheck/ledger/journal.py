"""The SQL side of the ledger. A fact is appended in the transaction that changes the rows of the fact.

The row lock of LedgerHead puts writers in order. It must be the last lock that a transaction takes. If a
transaction takes another lock afterwards, it may wait for a transaction that waits for this lock.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from authcheck.errors import NotFound
from authcheck.ledger.acting import name_agent, refuse_ended
from authcheck.ledger.admission import admit
from authcheck.ledger.clock import in_order
from authcheck.ledger.tables import Entry, LedgerHead, SignedCheckpoint, Tile
from authcheck.storage.parameters import in_chunks
from authcheck.tlog.entries import Draft, body, tx_id
from authcheck.tlog.note import proof_text
from authcheck.tlog.tiles import ReadTile, grow, prove_inclusion

WAITING = "authcheck_drafts"  # key in a session's info: the drafts to append at the commit
TILE = select(Tile.hashes).where(
    Tile.level == sa.bindparam("of_level"), Tile.number == sa.bindparam("of_number")
)


def record(session: Session, drafts: Sequence[Draft]) -> list[Entry]:
    """Append facts and return their entries. A fact that the ledger has word for word keeps its old entry.

    Call it last in a `writing()` transaction: nobody else can append from here to the commit. Raises as
    `admission.admit`, Unavailable (`ledger.clock`), and Conflict (`appointment.ended`) for an agent.
    """
    rows = _append(session, drafts)
    return [Entry(**row) for row in rows]


def record_numbers(session: Session, drafts: Sequence[Draft]) -> list[int]:
    """Append facts as `record` does, but return only the numbers of the entries.

    For thousands of entries, making the Entry objects would take as much time as everything else.
    """
    return [row["number"] for row in _append(session, drafts)]


def record_at_commit(session: Session, drafts: Sequence[Draft]) -> None:
    """Append facts when the transaction commits, so that it can still take other locks before.

    Appends nothing when a savepoint ends.
    """
    # The agent is named now: at the commit, the block of `acting_for` may be over.
    session.info.setdefault(WAITING, []).extend(name_agent(session, drafts))
    if not event.contains(session, "before_commit", _append_waiting):
        event.listen(session, "before_commit", _append_waiting)


def _append_waiting(session: Session) -> None:
    if not session.in_nested_transaction():
        record(session, [])


def check_ledger(session: Session) -> int:
    """Lock the ledger until this transaction ends, and return its size. Raises as `record`.

    An act that appends nothing, but must not happen where nothing could be appended, calls it at its end.
    """
    size = lock_ledger(session)
    admit(session, size, read_tile_of(session))
    return size


def ledger_size(session: Session) -> int:
    """Return the number of entries, signed or not."""
    return session.scalars(select(LedgerHead.size)).one()


def lock_ledger(session: Session) -> int:
    """Prevent others from appending until this transaction ends. Return the number of entries."""
    return session.scalars(select(LedgerHead.size).with_for_update()).one()


def read_tile_of(session: Session) -> ReadTile:
    """Return a function that reads the current tiles from the database."""
    return tile_reader(session.connection())  # without the ORM, which would take half of a proof's time


def tile_reader(connection: sa.Connection) -> ReadTile:
    """Return a function that reads the hashes of a tile by level and number, b"" without any."""

    def read(level: int, number: int) -> bytes:
        hashes: bytes | None = connection.scalar(TILE, {"of_level": level, "of_number": number})
        return hashes or b""

    return read


def _append(session: Session, drafts: Sequence[Draft]) -> list[dict[str, Any]]:
    """Append the drafts that wait for the commit, then these drafts. Return the rows of these drafts."""
    waiting: list[Draft] = session.info.pop(WAITING, [])
    all_drafts = [*waiting, *name_agent(session, drafts)]
    if not all_drafts:
        return []
    size = check_ledger(session)
    refuse_ended(session)
    bodies, ids = _encode(all_drafts)
    numbers = _find_numbers(session, ids)
    new = [place for place, entry_id in enumerate(ids) if entry_id not in numbers]
    ordered = in_order(session, size, [all_drafts[place] for place in new])
    if ordered != [all_drafts[place] for place in new]:
        for place, draft in zip(new, ordered, strict=True):
            all_drafts[place] = draft
        bodies, ids = _encode(all_drafts)
        numbers |= _find_numbers(session, ids)
    rows: list[dict[str, Any]] = []
    new_rows: list[dict[str, Any]] = []
    for draft, entry_body, entry_id in zip(all_drafts, bodies, ids, strict=True):
        number = numbers.setdefault(entry_id, size + len(new_rows))
        rows.append(_make_row(number, entry_id, draft, entry_body))
        if number == size + len(new_rows):
            new_rows.append(rows[-1])
    if new_rows:
        leaves = [bytes.fromhex(row["tx_id"]) for row in new_rows]
        _store(session, new_rows, grow(size, leaves, read_tile_of(session)))
    return rows[len(waiting) :]


def _encode(drafts: Sequence[Draft]) -> tuple[list[bytes], list[str]]:
    """Return the bodies of the drafts, and their transaction ids."""
    bodies = [body(draft) for draft in drafts]
    return bodies, [tx_id(entry_body) for entry_body in bodies]


def _make_row(number: int, entry_id: str, draft: Draft, entry_body: bytes) -> dict[str, Any]:
    return {
        "number": number,
        "tx_id": entry_id,
        "type": draft.type,
        "subject": draft.subject,
        "at": draft.at,
        "body": entry_body,
    }


def _find_numbers(session: Session, ids: Sequence[str]) -> dict[str, int]:
    """Return the numbers of the entries that the ledger has, by transaction id."""
    numbers: dict[str, int] = {}
    for chunk in in_chunks(ids):
        rows = session.execute(select(Entry.tx_id, Entry.number).where(Entry.tx_id.in_(chunk)))
        numbers.update((entry_id, number) for entry_id, number in rows)
    return numbers


def _store(
    session: Session, rows: Sequence[dict[str, Any]], changed: Mapping[tuple[int, int], bytes]
) -> None:
    """Store entries, the tiles that they change, and the new size."""
    # Without the ORM, whose bookkeeping for a row takes more time than the row itself.
    session.connection().execute(sa.insert(Entry), rows)
    for (level, number), hashes in changed.items():
        session.merge(Tile(level=level, number=number, hashes=hashes))
    session.execute(sa.update(LedgerHead).values(size=rows[-1]["number"] + 1))
    session.flush()


def get_entry(session: Session, tx_id: str) -> Entry:
    """Return the entry of a transaction id. Raises NotFound (`ledger.not_found`)."""
    entry = session.scalar(select(Entry).where(Entry.tx_id == tx_id)) if tx_id.isalnum() else None
    if entry is None:
        raise NotFound("The ledger has no entry with this id.", code="ledger.not_found", tx_id=tx_id)
    return entry


def bodies(session: Session, first: int, count: int) -> list[bytes]:
    """Return the bodies of at most `count` entries from number `first` on."""
    query = select(Entry.body).where(Entry.number >= first).order_by(Entry.number).limit(count)
    return list(session.scalars(query))


def latest_checkpoint(session: Session) -> SignedCheckpoint | None:
    """Return the signed checkpoint of the largest size, None before the first checkpoint."""
    newest = select(SignedCheckpoint).order_by(SignedCheckpoint.size.desc()).limit(1)
    return session.scalar(newest.execution_options(populate_existing=True))


def proof_for(session: Session, entry: Entry, checkpoint: SignedCheckpoint) -> str:
    """Return the proof that an entry is in the log, as a text in the format c2sp.org/tlog-proof@v1.

    Raises NotFound (`ledger.not_signed`) for an entry that the checkpoint does not cover yet.
    """
    if entry.number >= checkpoint.size:
        raise NotFound("No signed checkpoint covers this entry yet.", code="ledger.not_signed")
    hashes = prove_inclusion(entry.number, checkpoint.size, read_tile_of(session))
    return proof_text(entry.number, hashes, checkpoint.note)
