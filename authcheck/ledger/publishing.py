"""Publishing the ledger: its newest checkpoint, signed unless somebody has seen another history."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from authcheck.config import Settings
from authcheck.ledger.heads import HeadFile, Held, roots_of
from authcheck.ledger.journal import latest_checkpoint, ledger_size, lock_ledger, read_tile_of
from authcheck.ledger.tables import SignedCheckpoint
from authcheck.storage.database import Database
from authcheck.tlog.note import Checkpoint, Signer, signed_note
from authcheck.vault import load_key

KEY_FILE = "ledger-key"
FRESH = timedelta(seconds=1)


def ledger_signer(settings: Settings) -> Signer:
    """Who signs the ledger's checkpoints. Raises as `load_key` does."""
    return Signer(settings.ledger_origin, load_key(settings.ledger_key, settings.keys_dir / KEY_FILE))


def publish(
    database: Database, settings: Settings, *, held: Sequence[Held] = (), now: datetime | None = None
) -> SignedCheckpoint:
    """The signed checkpoint of all entries; it is signed where there is none yet.

    Before it signs it looks at what the head file and others (`held`: witnesses, the chain) have seen. Raises
    Unavailable (`ledger.rolled_back`, `ledger.head_file`), NotTrue (`ledger.forked`), StorageFailed.
    """
    head_file = HeadFile(settings.keys_dir)
    seen = [one for one in (head_file.read(), *held) if one]  # read first: the database is never behind it
    with database.reading() as session:
        size, newest = ledger_size(session), latest_checkpoint(session)
    for one in seen:
        one.refuse_older(size)
    if newest is not None and _covers(newest, settings, size) and not held:
        return newest
    signer = ledger_signer(settings)
    with database.writing() as session:
        size, newest = lock_ledger(session), latest_checkpoint(session)
        root_of = roots_of(read_tile_of(session))
        for one in (*seen, *_signed(newest)):
            one.refuse_fork(size, root_of)
        if newest is not None and _covers(newest, settings, size):
            return newest
        checkpoint = Checkpoint(settings.ledger_origin, size, root_of(size))
        made = SignedCheckpoint(
            size=size,
            root=checkpoint.root.hex(),
            note=signed_note(checkpoint.text, signer.sign(checkpoint.text)),
            signed_at=now or datetime.now(UTC),
        )
        # Before the commit: what anybody can have seen signed is in the file. Its entries were committed earlier.
        head_file.write(Held("the head file", size, checkpoint.root))
        return session.merge(made)


def current_checkpoint(database: Database, settings: Settings, now: datetime) -> SignedCheckpoint:
    """A checkpoint that is at most a second older than the log. Raises as `publish` does."""
    with database.reading() as session:
        newest = latest_checkpoint(session)
    if newest is not None and abs(now - newest.signed_at) < FRESH:
        return newest
    return publish(database, settings, now=now)


def head_held(database: Database, settings: Settings) -> Held | None:
    """What the head file holds, asked while nobody publishes. Raises Unavailable (`ledger.head_file`)."""
    with database.writing() as session:
        lock_ledger(session)
        return HeadFile(settings.keys_dir).read()


def _covers(newest: SignedCheckpoint, settings: Settings, size: int) -> bool:
    return newest.size == size and newest.note.startswith(f"{settings.ledger_origin}\n")


def _signed(newest: SignedCheckpoint | None) -> list[Held]:
    return [Held("its newest checkpoint", newest.size, bytes.fromhex(newest.root))] if newest else []
