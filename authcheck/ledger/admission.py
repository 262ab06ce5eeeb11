"""What is looked at before a transaction appends to the ledger, so that a refusal leaves nothing behind."""

from functools import cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.ledger.heads import HeadFile, Held, roots_of
from authcheck.ledger.tables import SignedCheckpoint
from authcheck.storage.database import SETTINGS
from authcheck.tlog.tiles import ReadTile

ADMITTED = "authcheck_admitted"  # key in a session's info: the transaction that may append


def admit(session: Session, size: int, read: ReadTile) -> None:
    """Raise if no checkpoint of this ledger of `size` entries could be signed after the commit.

    Call it under the ledger's lock, which publishers of the head file take too. Looks once in a transaction:
    afterwards the ledger has the transaction's own entries. Raises Unavailable (`ledger.rolled_back`,
    `ledger.head_file`), NotTrue (`ledger.forked`), StorageFailed when the head file could not be written.
    """
    settings, transaction = session.info.get(SETTINGS), session.get_transaction()
    if settings is None or session.info.get(ADMITTED) is transaction:
        return
    read = cache(read)  # the two heads are mostly one, a moment old
    head_file = HeadFile(settings.keys_dir)
    for head in (head_file.read(), _newest_signed(session)):
        if head is not None:
            head.refuse_fork(size, roots_of(read))
    head_file.check_room()
    session.info[ADMITTED] = transaction


def _newest_signed(session: Session) -> Held | None:
    columns = select(SignedCheckpoint.size, SignedCheckpoint.root)
    newest = session.execute(columns.order_by(SignedCheckpoint.size.desc()).limit(1)).first()
    return Held("its newest checkpoint", newest.size, bytes.fromhex(newest.root)) if newest else None
