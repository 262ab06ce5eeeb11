"""Flow: several processes write one ledger and are killed while they write."""

import os
import random
import time
from itertools import pairwise
from multiprocessing import Pipe

import ledger_writers
import pytest
import sqlalchemy as sa
from ledger_attacks import findings
from ledger_made import assert_log_sound
from log_made import DatabaseLog, consistency

from authcheck.ledger import journal, publishing
from authcheck.ledger.tables import SignedCheckpoint
from authcheck.tlog.merkle import verify_consistency
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

ROUNDS, WRITERS, LIFE_S = 15, 3, 0.6
APPENDS, SAME = 25, 10
PIECE = 1 << 16


def checkpoints(workspace: Workspace) -> dict[int, str]:
    """The signed roots, by tree size."""
    with workspace.database.reading() as session:
        rows = session.execute(sa.select(SignedCheckpoint.size, SignedCheckpoint.root))
        return {row.size: row.root for row in rows}


def assert_one_history(workspace: Workspace) -> None:
    """The log is sound, the audit finds nothing, and each checkpoint continues the one before it."""
    log = DatabaseLog(workspace.database)
    assert_log_sound(log)
    assert findings(workspace) == []
    signed = sorted((size, bytes.fromhex(root)) for size, root in checkpoints(workspace).items() if size)
    for (size1, root1), (size2, root2) in pairwise(signed):
        verify_consistency(size1, size2, consistency(log, size1, size2), root1, root2)


@pytest.mark.slow
def test_writers_are_killed_at_any_moment(workspace: Workspace) -> None:
    """Three writers are killed by SIGKILL at fifteen random moments.

    No acknowledged entry is lost, and history never forks.
    """
    dice = random.Random()
    kept: dict[int, str] = {}
    for turn in range(ROUNDS):
        reading, writing = Pipe(duplex=False)
        writers = [
            ledger_writers.start(
                ledger_writers.write_until_killed, workspace.settings, f"{turn}-{number}", writing
            )
            for number in range(WRITERS)
        ]
        writing.close()
        acknowledged = os.read(reading.fileno(), PIECE)  # from here on a writer is at work
        time.sleep(dice.uniform(0, LIFE_S))
        for writer in writers:
            writer.kill()
        while more := os.read(reading.fileno(), PIECE):
            acknowledged += more
        reading.close()
        for writer in writers:
            writer.join()
            assert writer.exitcode == -9
            writer.close()
        for line in acknowledged.decode().splitlines():
            number, tx_id = line.split()
            assert kept.setdefault(int(number), tx_id) == tx_id
    assert len(kept) > ROUNDS
    with workspace.database.reading() as session:
        entries = {number: journal.get_entry(session, tx_id).number for number, tx_id in kept.items()}
    assert all(number == found for number, found in entries.items())
    publishing.publish(workspace.database, workspace.settings)
    assert_one_history(workspace)


@pytest.mark.slow
def test_two_processes_append_at_once(workspace: Workspace) -> None:
    """No append is refused or lost. A fact that both processes append is one entry."""
    writers = [
        ledger_writers.start(ledger_writers.append, workspace.settings, name, APPENDS, SAME)
        for name in ("one", "two")
    ]
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
        writer.close()
    with workspace.database.reading() as session:
        assert journal.ledger_size(session) == 2 * APPENDS - SAME
    assert_one_history(workspace)
