"""Publication of the ledger's newest checkpoint. It is not signed if somebody has seen another history."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from authcheck.config import Settings
from authcheck.errors import AuthcheckError
from authcheck.ledger.addresses import origin_of
from authcheck.ledger.clock import signing_time
from authcheck.ledger.heads import HeadFile, Held, roots_of
from authcheck.ledger.journal import latest_checkpoint, ledger_size, lock_ledger, read_tile_of
from authcheck.ledger.tables import SignedCheckpoint
from authcheck.storage.database import Database
from authcheck.tlog.note import Checkpoint, Signer, signed_note
from authcheck.vault import load_key

KEY_FILE = "ledger-key"
FRESH = timedelta(seconds=1)
log = logging.getLogger("authcheck.ledger.publishing")


def ledger_signer(settings: Settings, origin: str) -> Signer:
    """Return the signer of the ledger's checkpoints. `origin` is the ledger's name. Raises as `load_key`."""
    return Signer(origin, load_key(settings.ledger_key, settings.keys_dir / KEY_FILE))


def publish(
    database: Database, settings: Settings, *, held: Sequence[Held] = (), now: datetime | None = None
) -> SignedCheckpoint:
    """Return the signed checkpoint of all entries. Sign it if there is none yet.

    Before signing, compares the ledger with the heads that the head file and others (`held`: witnesses, the
    chain) have seen. Raises Unavailable (`ledger.rolled_back`, `ledger.head_file`), NotTrue
    (`ledger.forked`), StorageFailed.
    """
    head_file = HeadFile(settings.keys_dir)
    # Read the head file before the database: then the database is never behind the head file.
    seen = [head for head in (head_file.read(), *held) if head]
    with database.reading() as session:
        size, newest = ledger_size(session), latest_checkpoint(session)
        origin = origin_of(session, settings)
    for head in seen:
        head.refuse_older(size)
    if newest is not None and _covers(newest, origin, size) and not held:
        return newest
    key = load_key(settings.ledger_key, settings.keys_dir / KEY_FILE)
    with database.writing() as session:
        size, newest = lock_ledger(session), latest_checkpoint(session)
        signer = Signer(origin_of(session, settings), key)
        root_of = roots_of(read_tile_of(session))
        for head in (*seen, *_head_of(newest)):
            head.refuse_fork(size, root_of)
        if newest is not None and _covers(newest, signer.name, size):
            return newest
        checkpoint = Checkpoint(signer.name, size, root_of(size))
        row = SignedCheckpoint(
            size=size,
            root=checkpoint.root.hex(),
            note=signed_note(checkpoint.text, signer.sign(checkpoint.text)),
            signed_at=signing_time(session, size, now or datetime.now(UTC)),
        )
        # Before the commit, so that the file has every checkpoint that anybody can have seen signed. The
        # entries of the checkpoint were committed earlier.
        head_file.write(Held("the head file", size, checkpoint.root))
        return session.merge(row)


def publish_recorded(database: Database, settings: Settings) -> None:
    """Sign a checkpoint of what the caller's transaction has just recorded.

    The entries are committed, so a checkpoint that cannot be signed now refuses nothing: the log has a
    warning, and the next look-up signs it. Raises only Unavailable (`database.replaced`): then the entries
    are gone with their database.
    """
    try:
        publish(database, settings)
    except AuthcheckError as error:
        if error.code == "database.replaced":
            raise
        log.warning("The entries are recorded, but no checkpoint covers them yet. %s", error)


def check_heads(database: Database, settings: Settings) -> None:
    """Raise as `publish` does if the database has fewer entries than were signed. Signs and locks nothing."""
    held = HeadFile(settings.keys_dir).read()  # before the database, as `publish` reads it
    with database.reading() as session:
        size, newest = ledger_size(session), latest_checkpoint(session)
    for head in (held, *_head_of(newest)):
        if head is not None:
            head.refuse_older(size)


def current_checkpoint(database: Database, settings: Settings, now: datetime) -> SignedCheckpoint:
    """Return a checkpoint that is at most a second older than the log. Raises as `publish` does."""
    with database.reading() as session:
        newest = latest_checkpoint(session)
    if newest is not None and abs(now - newest.signed_at) < FRESH:
        return newest
    return publish(database, settings, now=now)


def head_held(database: Database, settings: Settings) -> Held | None:
    """Return the head in the head file, read while nobody publishes.

    Raises Unavailable (`ledger.head_file`).
    """
    with database.writing() as session:
        lock_ledger(session)
        return HeadFile(settings.keys_dir).read()


def _covers(newest: SignedCheckpoint, origin: str, size: int) -> bool:
    return newest.size == size and newest.note.startswith(f"{origin}\n")


def _head_of(newest: SignedCheckpoint | None) -> list[Held]:
    return [Held("its newest checkpoint", newest.size, bytes.fromhex(newest.root))] if newest else []
