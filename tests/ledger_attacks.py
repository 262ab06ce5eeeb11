"""Attacks on a ledger by somebody with the database's password, and the audit that must name them."""

from datetime import datetime
from typing import Any

import make
import sqlalchemy as sa

from authcheck.audit.log import audit
from authcheck.ledger import publishing
from authcheck.ledger.journal import record
from authcheck.ledger.tables import Entry, LedgerHead, SignedCheckpoint, Tile
from authcheck.storage.database import Database
from authcheck.storage.entity import Entity
from authcheck.tlog.entries import Draft, read_body, read_time, tx_id
from authcheck.workspace import Workspace

TABLES: list[type[Entity]] = [Entry, Tile, LedgerHead, SignedCheckpoint]
Backup = dict[type[Entity], list[dict[str, Any]]]


def attack(database: Database, *statements: str | sa.Executable, **values: Any) -> None:
    """Run SQL with the triggers dropped that guard the entries."""
    with database.writing() as session:
        for change in ("update", "delete"):
            where = " ON entries" if database.engine.dialect.name == "postgresql" else ""
            session.execute(sa.text(f"DROP TRIGGER IF EXISTS entries_no_{change}{where}"))
        for statement in statements:
            session.execute(sa.text(statement) if isinstance(statement, str) else statement, values or None)


def rewrite(database: Database, number: int, body: bytes) -> None:
    """Replace all columns of an entry by those of another, as a careful forger would."""
    said = read_body(body)
    attack(
        database,
        sa.update(Entry)
        .where(Entry.number == number)
        .values(
            tx_id=tx_id(body),
            body=body,
            type=said["t"],
            at=read_time(said["at"]),
            subject=said["id"],
        ),
    )


def back_up(database: Database) -> Backup:
    """Return a copy of the ledger's tables."""
    with database.reading() as session:
        return {
            table: [dict(row) for row in session.execute(sa.select(*sa.inspect(table).columns)).mappings()]
            for table in TABLES
        }


def all_rows(workspace: Workspace) -> dict[str, list[dict[str, Any]]]:
    """Return everything that the database holds."""
    with workspace.database.reading() as session:
        return {
            table.name: sorted((dict(row) for row in session.execute(sa.select(table)).mappings()), key=str)
            for table in Entity.metadata.sorted_tables
        }


def put_back(workspace: Workspace, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Replace everything that the database holds by what `all_rows` has returned before."""
    tables = Entity.metadata.sorted_tables
    inserts = [sa.insert(table).values(row) for table in tables for row in rows[table.name]]
    attack(workspace.database, *(sa.delete(table) for table in reversed(tables)), *inserts)


def restore(database: Database, kept: Backup) -> None:
    """Restore an earlier copy of the tables."""
    attack(database, *(sa.delete(table) for table in TABLES))
    with database.writing() as session:
        for table, rows in kept.items():
            for row in rows:
                session.execute(sa.insert(table).values(row))


def forge(workspace: Workspace, *numbers: int) -> None:
    """Append entries by our own code, as an attacker who does not look at the head file."""
    with Database(workspace.database.engine).writing() as session:
        record(session, [Draft("cert.flag", f"urn:uuid:{number}", make.NOW) for number in numbers])


def sign(workspace: Workspace, now: datetime = make.NOW) -> SignedCheckpoint:
    """Sign a checkpoint of all entries."""
    return publishing.publish(workspace.database, workspace.settings, now=now)


def findings(workspace: Workspace, *statements: str) -> list[str]:
    """Return the audit's findings in words, as if the uncommitted statements had been committed."""
    held = publishing.head_held(workspace.database, workspace.settings)
    key = publishing.ledger_signer(workspace.settings, workspace.settings.ledger_origin).verifier.public_key
    with workspace.database.snapshot() as session:
        for statement in statements:
            session.execute(sa.text(statement))
        return [f"{one.what} {one.problem}" for one in audit(session, key, [held] if held else [])]
