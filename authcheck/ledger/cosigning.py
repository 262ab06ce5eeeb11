"""Cosignatures of witnesses for the ledger's newest checkpoint. Witnesses see that the ledger only grows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from authcheck.config import Settings
from authcheck.errors import AuthcheckError, Conflict, Unavailable
from authcheck.ledger.addresses import origin_of
from authcheck.ledger.heads import HeadFile, Held
from authcheck.ledger.journal import latest_checkpoint, read_tile_of
from authcheck.ledger.publishing import publish
from authcheck.ledger.tables import SignedCheckpoint
from authcheck.storage.database import Database
from authcheck.tlog.note import Checkpoint, verify_note
from authcheck.tlog.tiles import prove_consistency
from authcheck.tlog.witness import Post, Witness, post_http, submit


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A checkpoint with its cosignatures. `refusals` has the errors of the other witnesses, by name."""

    checkpoint: SignedCheckpoint
    refusals: Mapping[str, AuthcheckError]


def cosign(
    database: Database,
    settings: Settings,
    witnesses: Sequence[Witness],
    *,
    now: datetime,
    post: Post = post_http,
) -> Cosigned:
    """Publish a checkpoint and collect its cosignatures.

    A witness that does not answer does not stop the other witnesses.
    First asks each witness for the size of the log that it has seen. If that size is beyond the database,
    records it in the head file and raises Unavailable (`ledger.rolled_back`) before anything is signed.
    Otherwise raises as `publish` does.
    """
    refusals: dict[str, AuthcheckError] = {}
    held = _ask_sizes(database, settings, witnesses, post, refusals)
    try:
        checkpoint = publish(database, settings, held=list(held.values()), now=now)
    except Unavailable as error:
        if error.code == "ledger.rolled_back" and held:
            furthest = max(held.values(), key=lambda head: head.size)
            HeadFile(settings.keys_dir).remember(furthest)
        raise
    lines = []
    for witness in witnesses:
        name = witness.verifier.name
        if name not in refusals and witness.verifier not in verify_note(checkpoint.note, [witness.verifier]):
            try:
                lines.append(_submit(database, witness, checkpoint, held[name].size, post))
            except AuthcheckError as error:
                refusals[name] = error
    return Cosigned(_store_cosignatures(database, checkpoint, lines), refusals)


def _ask_sizes(
    database: Database,
    settings: Settings,
    witnesses: Sequence[Witness],
    post: Post,
    refusals: dict[str, AuthcheckError],
) -> dict[str, Held]:
    """Return the size of the log that each witness has seen, by the witness's name.

    A witness tells this size when it gets the newest signed checkpoint as if it were its first one.
    """
    with database.reading() as session:
        newest, origin = latest_checkpoint(session), origin_of(session, settings)
    held = {}
    for witness in witnesses:
        name, size = witness.verifier.name, 0
        try:
            if newest is not None and newest.size:
                submit(witness, origin, 0, [], newest.note, post=post)
                size = newest.size
        except Conflict as error:
            size = int(str(error.params["size"]))
        except AuthcheckError as error:
            refusals[name] = error
            continue
        held[name] = _head_seen_by(witness, size)
    return held


def _submit(
    database: Database, witness: Witness, checkpoint: SignedCheckpoint, old_size: int, post: Post
) -> str:
    """Ask for a cosignature. Ask once more when the witness has seen another size meanwhile."""
    origin = Checkpoint.from_note(checkpoint.note).origin
    try:
        proof = _prove_growth(database, old_size, checkpoint.size)
        return submit(witness, origin, old_size, proof, checkpoint.note, post=post)
    except Conflict as error:
        newer = _head_seen_by(witness, int(str(error.params["size"])))
        newer.refuse_older(checkpoint.size)
        proof = _prove_growth(database, newer.size, checkpoint.size)
        return submit(witness, origin, newer.size, proof, checkpoint.note, post=post)


def _prove_growth(database: Database, old_size: int, size: int) -> list[bytes]:
    if not 0 < old_size < size:
        return []
    with database.reading() as session:
        return prove_consistency(old_size, size, read_tile_of(session))


def _head_seen_by(witness: Witness, size: int) -> Held:
    return Held(f"the witness {witness.verifier.name}", size, None)


def _store_cosignatures(
    database: Database, checkpoint: SignedCheckpoint, lines: Sequence[str]
) -> SignedCheckpoint:
    """Store cosignatures. Keep the cosignatures that another process may have stored meanwhile."""
    if not lines:
        return checkpoint
    with database.writing() as session:
        row = session.get_one(SignedCheckpoint, checkpoint.size, with_for_update=True)
        if Checkpoint.from_note(row.note) == Checkpoint.from_note(checkpoint.note):
            row.note += "".join(line for line in lines if line not in row.note)
        return row
