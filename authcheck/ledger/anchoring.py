"""The SQL side of anchoring: which checkpoint goes into the chain, under which nonce, and what became of it.

    signed -> sent -> mined -> confirmed         a row's states; what is signed is stored before it is sent
                 ^      |          |
                 |      v          v
                 +-- orphaned <----+             the chain took its block back: the same bytes are sent again
                            failed               the chain refused it, or its nonce went to another transaction

Nothing is asked of the chain while the database is locked.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Select, or_, select, update
from sqlalchemy.orm import Session

from authcheck.config import Settings
from authcheck.errors import BadSetting, Unavailable
from authcheck.ids import new_id
from authcheck.ledger.anchor import Anchor, Head, Receipt, SignedTransaction
from authcheck.ledger.evm import EvmAnchor, EvmPlace
from authcheck.ledger.heads import HeadFile, Held
from authcheck.ledger.journal import lock_ledger
from authcheck.ledger.publishing import publish
from authcheck.ledger.tables import Anchoring, SignedCheckpoint
from authcheck.storage.database import Database
from authcheck.vault import load_secret

WORDS = {
    "signed": "waiting",
    "sent": "sent",
    "orphaned": "sent",
    "mined": "mined",
    "confirmed": "confirmed",
}


def open_anchor(settings: Settings) -> EvmAnchor | None:
    """The way into the chain that the settings name, None where they name none.

    Raises BadSetting (`anchor.*`, `key.*`, `setting.invalid`) or Unavailable (`anchor.unreachable`).
    """
    if settings.evm_url is None:
        return None
    if settings.evm_chain is None or settings.evm_contract is None:
        name = "AUTHCHECK_EVM_CHAIN" if settings.evm_chain is None else "AUTHCHECK_EVM_CONTRACT"
        raise BadSetting(f"{name} is missing: AUTHCHECK_EVM_URL asks for it.", name=name)
    place = EvmPlace(settings.evm_url, settings.evm_chain, settings.evm_contract)
    return EvmAnchor.open(place, writer_key(settings))


def writer_key(settings: Settings) -> bytes:
    """The secp256k1 key of the account that pays and writes, made at first use. Raises BadSetting (`key.*`)."""
    return load_secret(settings.evm_key, settings.keys_dir / "evm")


def run(
    database: Database, settings: Settings, anchor: Anchor, now: datetime, *, force: bool = False
) -> list[Anchoring]:
    """One round: anchor the newest checkpoint if it is due, send what waits, look what became of the rest.

    Whatever an earlier process left undone is taken up. Returns the rows that changed, in the order of their nonces.
    Raises as `anchor_due`; what was done until then stays done.
    """
    anchor_due(database, settings, anchor, now, force=force)
    return list(follow(database, anchor, now, confirmations=settings.evm_confirmations))


def anchor_due(
    database: Database, settings: Settings, anchor: Anchor, now: datetime, *, force: bool = False
) -> Anchoring | None:
    """Sign and store a transaction for a checkpoint of all entries, if enough time or entries lie behind it; None if not.

    With `force` any new entry is enough. Raises as `publish_seen`, and Unavailable (`anchor.*`).
    """
    head = anchor.head()
    while True:
        newest = publish_seen(database, settings, head, now)
        with database.reading() as session:
            last, next_nonce = _last(session, anchor), _next(session, anchor)
        held = max(head.size if head else 0, last.size if last else 0)
        if not _is_due(settings, newest.size - held, last, now, force=force):
            return None
        nonce = max(next_nonce, anchor.used_nonces())
        signed = anchor.sign(nonce, Head(newest.size, bytes.fromhex(newest.root)))
        with database.writing() as session:
            lock_ledger(session)
            if _next(session, anchor) == next_nonce:
                row = Anchoring(
                    id=new_id("anc", now),
                    chain=anchor.chain,
                    sender=anchor.sender,
                    nonce=nonce,
                    previous_size=held,
                    size=newest.size,
                    root=newest.root,
                    transaction_hash=signed.hash,
                    raw_transaction=signed.raw,
                    state="signed",
                    created_at=now,
                    changed_at=now,
                )
                session.add(row)
                return row
        # Another worker was faster, perhaps with this very checkpoint: look again.


def publish_seen(
    database: Database, settings: Settings, head: Head | None, now: datetime
) -> SignedCheckpoint:
    """The signed checkpoint of all entries, unless what the chain holds is not a beginning of this ledger.

    Raises as `publish`. What the chain holds beyond the database is remembered: no process signs until it is restored.
    """
    held = [Held("the chain", head.size, head.root)] if head else []
    try:
        return publish(database, settings, held=held, now=now)
    except Unavailable as error:
        if held and error.code == "ledger.rolled_back":
            HeadFile(settings.keys_dir).remember(held[0])
        raise


def follow(database: Database, anchor: Anchor, now: datetime, *, confirmations: int) -> Iterator[Anchoring]:
    """Send what is not in the chain and note what is. Gives the rows that changed. Raises Unavailable (`anchor.*`)."""
    head = anchor.head()
    settled_nonces = anchor.used_nonces(confirmations)
    with database.reading() as session:
        rows = _unsettled(session, anchor, head.size if head else 0)
    for row in rows:
        receipt = anchor.receipt(row.transaction_hash)
        state = _state_of(row, receipt, settled_nonces, confirmations)
        changed = _note(database, row, state, receipt, now)
        if row.state in {"signed", "sent", "orphaned"}:
            # The same bytes as ever: whatever the chain forgot, it cannot count them twice.
            anchor.submit(SignedTransaction(row.transaction_hash, row.raw_transaction))
            changed = _note(database, row, "sent", None, now) or changed
        if changed:
            yield row


def anchor_state(session: Session, size: int, *, on: bool = False) -> str:
    """How far the first `size` entries are on their way into a chain: off, waiting, sent, mined or confirmed.

    `on` says whether this service anchors at all: what no transaction covers is `waiting` then, else `off`.
    """
    row = covering(session, size)
    if row is None:
        return "waiting" if on else "off"
    return WORDS[row.state]


def covering(session: Session, size: int) -> Anchoring | None:
    """The first transaction that covers `size` entries: previous_size < size <= its size. None before there is one."""
    later = select(Anchoring).where(Anchoring.size >= size, Anchoring.state != "failed")
    return session.scalar(later.order_by(Anchoring.size, Anchoring.nonce).limit(1))


def find_anchoring(session: Session, transaction_hash: str) -> Anchoring | None:
    """The anchoring of an EVM transaction hash, with or without 0x: its entries are previous_size to size - 1."""
    digits = transaction_hash.strip().lower().removeprefix("0x")
    found = select(Anchoring).where(Anchoring.transaction_hash == f"0x{digits}", Anchoring.state != "failed")
    return session.scalar(found)


def list_anchorings(session: Session, limit: int) -> list[Anchoring]:
    """The anchorings of the greatest sizes first, failed ones too."""
    newest = select(Anchoring).order_by(Anchoring.size.desc(), Anchoring.nonce.desc())
    return list(session.scalars(newest.limit(limit)))


def _is_due(settings: Settings, behind: int, last: Anchoring | None, now: datetime, *, force: bool) -> bool:
    if behind <= 0:
        return False
    waited = last is None or now - last.created_at >= timedelta(minutes=settings.anchor_minutes)
    return force or waited or behind >= settings.anchor_entries


def _last(session: Session, anchor: Anchor) -> Anchoring | None:
    """The writer's transaction of the greatest size that the chain has or will have."""
    mine = _of_writer(anchor).where(Anchoring.state != "failed")
    return session.scalar(mine.order_by(Anchoring.size.desc(), Anchoring.nonce.desc()).limit(1))


def _next(session: Session, anchor: Anchor) -> int:
    """The nonce after all that were given out, 0 before the first."""
    row = session.scalar(_of_writer(anchor).order_by(Anchoring.nonce.desc()).limit(1))
    return row.nonce + 1 if row else 0


def _of_writer(anchor: Anchor) -> Select[Anchoring]:
    return select(Anchoring).where(Anchoring.chain == anchor.chain, Anchoring.sender == anchor.sender)


def _unsettled(session: Session, anchor: Anchor, head_size: int) -> list[Anchoring]:
    """What is not confirmed yet, and what was but lies beyond the chain's head: a reorganisation took it back."""
    moving = Anchoring.state.in_(("signed", "sent", "mined", "orphaned"))
    taken_back = (Anchoring.state == "confirmed") & (Anchoring.size > head_size)
    return list(session.scalars(_of_writer(anchor).where(or_(moving, taken_back)).order_by(Anchoring.nonce)))


def _state_of(row: Anchoring, receipt: Receipt | None, settled_nonces: int, confirmations: int) -> str:
    if receipt is None:
        if row.nonce < settled_nonces:
            return "failed"
        return "orphaned" if row.state in {"mined", "confirmed"} else row.state
    if receipt.previous_size is None:
        return "failed"
    return "confirmed" if receipt.confirmations >= confirmations else "mined"


def _note(database: Database, row: Anchoring, state: str, receipt: Receipt | None, now: datetime) -> bool:
    """Store where a transaction stands; False where that is known, or another worker has noted something meanwhile."""
    block_hash = receipt.block_hash if receipt else None
    if (state, block_hash) == (row.state, row.block_hash):
        return False
    news = {
        "state": state,
        "block_number": receipt.block_number if receipt else None,
        "block_hash": block_hash,
        "previous_size": row.previous_size
        if receipt is None or receipt.previous_size is None
        else receipt.previous_size,
        "changed_at": now,
    }
    seen = update(Anchoring).where(Anchoring.id == row.id, Anchoring.state == row.state)
    with database.writing() as session:
        changed = session.execute(seen.values(**news).returning(Anchoring.id)).scalar() is not None
    for name, value in news.items():
        setattr(row, name, value)
    return changed
