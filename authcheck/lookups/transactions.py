"""Look-ups of ledger entries, and of the chain's transactions that anchor them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.config import Settings
from authcheck.errors import NotFound
from authcheck.ids import fold
from authcheck.ledger import anchoring, journal, publishing
from authcheck.ledger.tables import Anchoring, Entry, SignedCheckpoint
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
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


PARTIES = ("owner", "licensee", "agent", "client", "by")  # fields of entries with an organisation's id


def handles_in(session: Session, fields: Mapping[str, Any]) -> dict[str, str]:
    """Return the handles of the organisations that an entry names, by field.

    An entry about a design names no owner. Its owner is the owner of the design.
    """
    ids = {name: fields[name] for name in PARTIES if isinstance(fields.get(name), str)}
    if fields["t"].startswith("design."):
        ids.setdefault(
            "owner", session.scalar(select(Design.owner_id).where(Design.id == fields["id"])) or ""
        )
    query = select(Organisation.id, Organisation.handle).where(Organisation.id.in_(ids.values()))
    handles = {row.id: row.handle for row in session.execute(query)}
    return {
        name: handles[organisation_id] for name, organisation_id in ids.items() if organisation_id in handles
    }


def who_acted(fields: Mapping[str, Any], handles: Mapping[str, str]) -> str | None:
    """Return `shadow for acme` for an entry that the agent shadow caused. None: a member acted by itself.

    An entry about an appointment names the agent without having been caused by it.
    """
    if "agent" not in fields or fields["t"].startswith("agent."):
        return None
    agent = handles.get("agent", fields["agent"])
    client = handles.get("owner") or handles.get("licensee")
    return f"{agent} for {client}" if client else f"{agent} for a brand"


def chain_transaction(database: Database, text: str) -> Anchoring:
    """Return the anchoring with this transaction hash of a chain. Raises NotFound (`ledger.not_found`)."""
    with database.reading() as session:
        name = fold(text).lower()
        anchored = anchoring.find_anchoring(session, name) if CHAIN_ID.fullmatch(name) else None
    if anchored is None:
        raise NotFound("We have no anchor with this hash.", code="ledger.not_found", tx_id=text)
    return anchored
