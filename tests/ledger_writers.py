"""Processes that append to one ledger. `multiprocessing` starts them and must find them in a module."""

import multiprocessing
import os
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from authcheck.config import Settings
from authcheck.errors import DatabaseBusy
from authcheck.ledger import journal, publishing
from authcheck.storage.database import Database
from authcheck.tlog.entries import Draft

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SERVER = multiprocessing.get_context("forkserver")  # starts each process clean, in milliseconds
SERVER.set_forkserver_preload(["authcheck.ledger.journal", "ledger_writers"])


def start(target: Callable[..., None], *words: object) -> BaseProcess:
    """Start a process that runs `target`."""
    process = SERVER.Process(target=target, args=words)
    process.start()
    return process


def write_until_killed(settings: Settings, name: str, acknowledged: Connection) -> None:
    """Append groups of entries, publish now and then, and send each committed id through a pipe."""
    database = Database.open(settings)
    turn = 0
    while True:
        turn += 1
        facts = [Draft("cert.flag", f"{name}-{turn}-{one}", datetime.now(UTC)) for one in range(turn % 4 + 1)]
        try:
            with database.writing() as session:
                entries = journal.record(session, facts)
            os.write(
                acknowledged.fileno(), "".join(f"{one.number} {one.tx_id}\n" for one in entries).encode()
            )
            if turn % 3 == 0:
                publishing.publish(database, settings)
        except DatabaseBusy:
            continue


def append(settings: Settings, name: str, times: int, same: int) -> None:
    """Append entries one by one and publish after each. All writers share the first `same` entries."""
    database = Database.open(settings)
    for number in range(times):
        subject = f"everybody-{number}" if number < same else f"{name}-{number}"
        with database.writing() as session:
            journal.record(session, [Draft("cert.flag", subject, NOW)])
        publishing.publish(database, settings, now=NOW)
    database.dispose()
