"""Look-ups of ledger entries, and of the chain's transactions that anchor them."""

import re
from dataclasses import dataclass

from authcheck.config import Settings
from authcheck.errors import NotFound
from authcheck.ids import fold
from authcheck.ledger import anchoring, journal, publishing
from authcheck.ledger.tables import Anchoring, Entry, SignedCheckpoint
from authcheck.storage.database import Database

CHAIN_ID = re.compile(r"0x[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Transaction:
    """A ledger entry under a signed checkpoint, with its proof, and its anchoring in a chain or None."""

    entry: Entry
    checkpoint: SignedCheckpoint
    proof: str
    anchoring: Anchoring | None


def transaction(database: Database, settings: Settings, text: str) -> Transaction:
    """Return a ledger entry with its proof. Raises NotFound (`ledger.not_found`) or Unavailable."""
    with database.reading() as session:
        entry = journal.get_entry(session, fold(text).lower())
        checkpoint = journal.latest_checkpoint(session)
    if checkpoint is None or checkpoint.size <= entry.number:
        checkpoint = publishing.publish(database, settings)
    with database.reading() as session:
        proof = journal.proof_for(session, entry, checkpoint)
        return Transaction(entry, checkpoint, proof, anchoring.covering(session, entry.number + 1))


def chain_transaction(database: Database, text: str) -> Anchoring:
    """Return the anchoring with this transaction hash of a chain. Raises NotFound (`ledger.not_found`)."""
    with database.reading() as session:
        name = fold(text).lower()
        anchored = anchoring.find_anchoring(session, name) if CHAIN_ID.fullmatch(name) else None
    if anchored is None:
        raise NotFound("We have no anchor with this hash.", code="ledger.not_found", tx_id=text)
    return anchored
