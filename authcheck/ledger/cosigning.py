"""Having the ledger's newest checkpoint cosigned by witnesses, who see that it only grows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from authcheck.config import Settings
from authcheck.errors import AuthcheckError, Conflict, Unavailable
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
    """A checkpoint with what witnesses signed of it, and why others did not, by their names."""

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
    """Publish a checkpoint and collect cosignatures of it; a witness that is out of reach stops no other.

    The witnesses are asked first how far they have seen the log: raises Unavailable (`ledger.rolled_back`) before
    anything is signed if that is beyond the database, and remembers it in the head file; else as `publish` does.
    """
    refusals: dict[str, AuthcheckError] = {}
    held = _ask(database, settings, witnesses, post, refusals)
    try:
        checkpoint = publish(database, settings, held=list(held.values()), now=now)
    except Unavailable as error:
        if error.code == "ledger.rolled_back" and held:
            furthest = max(held.values(), key=lambda one: one.size)
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
    return Cosigned(_keep(database, checkpoint, lines), refusals)


def _ask(
    database: Database,
    settings: Settings,
    witnesses: Sequence[Witness],
    post: Post,
    refusals: dict[str, AuthcheckError],
) -> dict[str, Held]:
    """How far each witness has seen the log: told when it is offered what was signed last as its first checkpoint."""
    with database.reading() as session:
        newest = latest_checkpoint(session)
    held = {}
    for witness in witnesses:
        name, size = witness.verifier.name, 0
        try:
            if newest is not None and newest.size:
                submit(witness, settings.ledger_origin, 0, [], newest.note, post=post)
                size = newest.size
        except Conflict as error:
            size = int(str(error.params["size"]))
        except AuthcheckError as error:
            refusals[name] = error
            continue
        held[name] = _held(witness, size)
    return held


def _submit(
    database: Database, witness: Witness, checkpoint: SignedCheckpoint, old_size: int, post: Post
) -> str:
    """Ask for a cosignature; once more where the witness has seen another size meanwhile."""
    origin = Checkpoint.from_note(checkpoint.note).origin
    try:
        proof = _consistency(database, old_size, checkpoint.size)
        return submit(witness, origin, old_size, proof, checkpoint.note, post=post)
    except Conflict as error:
        now_held = _held(witness, int(str(error.params["size"])))
        now_held.refuse_older(checkpoint.size)
        proof = _consistency(database, now_held.size, checkpoint.size)
        return submit(witness, origin, now_held.size, proof, checkpoint.note, post=post)


def _consistency(database: Database, old_size: int, size: int) -> list[bytes]:
    if not 0 < old_size < size:
        return []
    with database.reading() as session:
        return prove_consistency(old_size, size, read_tile_of(session))


def _held(witness: Witness, size: int) -> Held:
    return Held(f"the witness {witness.verifier.name}", size, None)


def _keep(database: Database, checkpoint: SignedCheckpoint, lines: Sequence[str]) -> SignedCheckpoint:
    """Store cosignatures with those that another process may have collected meanwhile."""
    if not lines:
        return checkpoint
    with database.writing() as session:
        kept = session.get_one(SignedCheckpoint, checkpoint.size, with_for_update=True)
        if Checkpoint.from_note(kept.note) == Checkpoint.from_note(checkpoint.note):
            kept.note += "".join(line for line in lines if line not in kept.note)
        return kept
