"""The SQL side of anchoring: which checkpoint goes into the chain, under which nonce, and with which result.

A row has these states. A signed transaction is stored before it is sent.

    signed -> sent -> mined -> confirmed
                 ^      |          |
                 |      v          v
                 +-- orphaned <----+             the chain removed its block: the same bytes are sent again
                            failed               the chain refused it, or another transaction used its nonce

Never send a request to the chain while the database is locked.
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
    """Connect to the chain in the settings. Return None when the settings name no chain.

    Raises BadSetting (`anchor.*`, `key.*`, `setting.invalid`) or Unavailable (`anchor.unreachable`).
    """
    if settings.evm_url is None:
        return None
    if settings.evm_chain is None or settings.evm_contract is None:
        name = "AUTHCHECK_EVM_CHAIN" if settings.evm_chain is None else "AUTHCHECK_EVM_CONTRACT"
        raise BadSetting(f"{name} is missing. AUTHCHECK_EVM_URL needs this setting.", name=name)
    place = EvmPlace(settings.evm_url, settings.evm_chain, settings.evm_contract)
    return EvmAnchor.open(place, writer_key(settings))


def writer_key(settings: Settings) -> bytes:
    """Return the secp256k1 key of the account that pays and writes. The key is made at first use.

    Raises BadSetting (`key.*`).
    """
    return load_secret(settings.evm_key, settings.keys_dir / "evm")


def run(
    database: Database, settings: Settings, anchor: Anchor, now: datetime, *, force: bool = False
) -> list[Anchoring]:
    """Run one round of anchoring.

    Anchors the newest checkpoint if this is due, sends the waiting transactions, and reads the results of
    the others. Continues the unfinished work of an earlier process. Returns the rows that changed, in the
    order of their nonces. Raises as `anchor_due` does. An exception does not undo the finished work.
    """
    anchor_due(database, settings, anchor, now, force=force)
    return list(follow(database, anchor, now, confirmations=settings.evm_confirmations))


def anchor_due(
    database: Database, settings: Settings, anchor: Anchor, now: datetime, *, force: bool = False
) -> Anchoring | None:
    """Sign and store a transaction for a checkpoint of all entries, if one is due. Return None if not.

    A transaction is due when enough time has passed or enough entries have no anchor. With `force` one new
    entry is enough. Raises as `publish_seen` does, and Unavailable (`anchor.*`).
    """
    head = anchor.head()
    while True:
        newest = publish_seen(database, settings, head, now)
        with database.reading() as session:
            last, next_nonce = _find_last(session, anchor), _find_next_nonce(session, anchor)
        anchored_size = max(head.size if head else 0, last.size if last else 0)
        if not _is_due(settings, newest.size - anchored_size, last, now, force=force):
            return None
        nonce = max(next_nonce, anchor.used_nonces())
        signed = anchor.sign(nonce, Head(newest.size, bytes.fromhex(newest.root)))
        with database.writing() as session:
            lock_ledger(session)
            if _find_next_nonce(session, anchor) == next_nonce:
                row = Anchoring(
                    id=new_id("anc", now),
                    chain=anchor.chain,
                    sender=anchor.sender,
                    nonce=nonce,
                    previous_size=anchored_size,
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
        # Another worker was faster, perhaps with the same checkpoint: read the rows again.


def publish_seen(
    database: Database, settings: Settings, head: Head | None, now: datetime
) -> SignedCheckpoint:
    """Return the signed checkpoint of all entries, unless the chain's checkpoint contradicts this ledger.

    Raises as `publish` does. If the chain has more entries than the database, the head file records the
    chain's checkpoint. Then no process signs until the missing entries are restored.
    """
    held = [Held("the chain", head.size, head.root)] if head else []
    try:
        return publish(database, settings, held=held, now=now)
    except Unavailable as error:
        if held and error.code == "ledger.rolled_back":
            HeadFile(settings.keys_dir).remember(held[0])
        raise


def follow(database: Database, anchor: Anchor, now: datetime, *, confirmations: int) -> Iterator[Anchoring]:
    """Send the transactions that are not in the chain, and record the results of those that are.

    Yields the rows that changed. Raises Unavailable (`anchor.*`).
    """
    head = anchor.head()
    settled_nonces = anchor.used_nonces(confirmations)
    with database.reading() as session:
        rows = _find_unsettled(session, anchor, head.size if head else 0)
    for row in rows:
        receipt = anchor.receipt(row.transaction_hash)
        state = _state_of(row, receipt, settled_nonces, confirmations)
        changed = _store_state(database, row, state, receipt, now)
        if row.state in {"signed", "sent", "orphaned"}:
            # Always the same bytes: the chain cannot count them twice, even if it lost the first transaction.
            anchor.submit(SignedTransaction(row.transaction_hash, row.raw_transaction))
            changed = _store_state(database, row, "sent", None, now) or changed
        if changed:
            yield row


def anchor_state(session: Session, size: int, *, on: bool = False) -> str:
    """Return the state of anchoring of the first `size` entries: off, waiting, sent, mined or confirmed.

    `on` says whether this service anchors at all. If it does, entries that no transaction covers are
    `waiting`. If not, they are `off`.
    """
    row = covering(session, size)
    if row is None:
        return "waiting" if on else "off"
    return WORDS[row.state]


def covering(session: Session, size: int) -> Anchoring | None:
    """Return the first transaction that covers `size` entries: previous_size < size <= its size.

    Returns None when there is no such transaction yet.
    """
    later = select(Anchoring).where(Anchoring.size >= size, Anchoring.state != "failed")
    return session.scalar(later.order_by(Anchoring.size, Anchoring.nonce).limit(1))


def find_anchoring(session: Session, transaction_hash: str) -> Anchoring | None:
    """Return the anchoring of an EVM transaction hash, with or without 0x. Ignores failed anchorings.

    The anchoring covers the entries previous_size to size - 1.
    """
    digits = transaction_hash.strip().lower().removeprefix("0x")
    query = select(Anchoring).where(Anchoring.transaction_hash == f"0x{digits}", Anchoring.state != "failed")
    return session.scalar(query)


def list_anchorings(session: Session, limit: int) -> list[Anchoring]:
    """Return at most `limit` anchorings, the largest size first. Includes failed anchorings."""
    newest = select(Anchoring).order_by(Anchoring.size.desc(), Anchoring.nonce.desc())
    return list(session.scalars(newest.limit(limit)))


def _is_due(
    settings: Settings, uncovered: int, last: Anchoring | None, now: datetime, *, force: bool
) -> bool:
    if uncovered <= 0:
        return False
    has_waited = last is None or now - last.created_at >= timedelta(minutes=settings.anchor_minutes)
    return force or has_waited or uncovered >= settings.anchor_entries


def _find_last(session: Session, anchor: Anchor) -> Anchoring | None:
    """Return the writer's transaction with the largest size that the chain has or will have."""
    query = _select_of_writer(anchor).where(Anchoring.state != "failed")
    return session.scalar(query.order_by(Anchoring.size.desc(), Anchoring.nonce.desc()).limit(1))


def _find_next_nonce(session: Session, anchor: Anchor) -> int:
    """Return the nonce after all nonces that were given out, 0 before the first."""
    row = session.scalar(_select_of_writer(anchor).order_by(Anchoring.nonce.desc()).limit(1))
    return row.nonce + 1 if row else 0


def _select_of_writer(anchor: Anchor) -> Select[Anchoring]:
    return select(Anchoring).where(Anchoring.chain == anchor.chain, Anchoring.sender == anchor.sender)


def _find_unsettled(session: Session, anchor: Anchor, head_size: int) -> list[Anchoring]:
    """Return the rows that are not confirmed yet, and confirmed rows beyond the chain's head.

    A reorganisation of the chain removed the blocks of such confirmed rows.
    """
    is_unconfirmed = Anchoring.state.in_(("signed", "sent", "mined", "orphaned"))
    was_removed = (Anchoring.state == "confirmed") & (Anchoring.size > head_size)
    query = _select_of_writer(anchor).where(or_(is_unconfirmed, was_removed))
    return list(session.scalars(query.order_by(Anchoring.nonce)))


def _state_of(row: Anchoring, receipt: Receipt | None, settled_nonces: int, confirmations: int) -> str:
    if receipt is None:
        if row.nonce < settled_nonces:
            return "failed"
        return "orphaned" if row.state in {"mined", "confirmed"} else row.state
    if receipt.previous_size is None:
        return "failed"
    return "confirmed" if receipt.confirmations >= confirmations else "mined"


def _store_state(
    database: Database, row: Anchoring, state: str, receipt: Receipt | None, now: datetime
) -> bool:
    """Store the state of a transaction.

    Returns False when the state is stored already, or another worker has stored a state meanwhile.
    """
    block_hash = receipt.block_hash if receipt else None
    if (state, block_hash) == (row.state, row.block_hash):
        return False
    values = {
        "state": state,
        "block_number": receipt.block_number if receipt else None,
        "block_hash": block_hash,
        "previous_size": row.previous_size
        if receipt is None or receipt.previous_size is None
        else receipt.previous_size,
        "changed_at": now,
    }
    update_row = update(Anchoring).where(Anchoring.id == row.id, Anchoring.state == row.state)
    with database.writing() as session:
        changed = session.execute(update_row.values(**values).returning(Anchoring.id)).scalar() is not None
    for name, value in values.items():
        setattr(row, name, value)
    return changed
