"""The database's ledger against the reference in memory: numbers, tiles, checkpoints, concurrent writers."""

import itertools
import random
import threading

import pytest
from ledger_made import ORIGIN, assert_log_sound, entry_bodies, entry_body, log_signer
from log_made import DatabaseLog, MemoryLog, checkpoint_of, consistency, prove

from authcheck.tlog.entries import tx_id
from authcheck.tlog.merkle import leaf_hash, verify_consistency, verify_inclusion
from authcheck.tlog.note import Checkpoint, verify_note
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql


@pytest.fixture
def log(workspace: Workspace) -> DatabaseLog:
    """Return an empty ledger."""
    return DatabaseLog(workspace.database)


def test_an_empty_ledger(log: DatabaseLog) -> None:
    """An empty ledger has no entries and reports so."""
    assert log.size() == 0
    assert log.entries(0, 10) == []
    assert log.read_tile(0, 0) == b""
    assert log.find(tx_id(entry_body(0))) is None
    assert_log_sound(log)


@pytest.mark.slow
def test_what_was_appended_is_there(log: DatabaseLog) -> None:
    """Appended entries are found by number and by id. Tiles are complete, also over their edges."""
    for count in (1, 2, 253, 1, 300):
        log.append(entry_bodies(count, first=log.size()))
        assert_log_sound(log)
    assert log.size() == 557
    assert log.entries(255, 3) == entry_bodies(3, first=255)
    assert log.entries(556, 10) == [entry_body(556)]
    assert log.entries(557, 10) == []
    assert log.find(tx_id(entry_body(256))) == 256


@pytest.mark.parametrize("seed", range(4))
def test_every_entry_has_the_number_that_the_reference_gives(log: DatabaseLog, seed: int) -> None:
    """An entry repeated within a group or later keeps its first number. Both logs sign the same bytes."""
    reference, dice = MemoryLog(), random.Random(seed)
    for _ in range(8):
        group = [entry_body(dice.randrange(60)) for _ in range(dice.randrange(12))]
        assert log.append(group) == reference.append(group)
        assert_log_sound(log)
        assert checkpoint_of(log, ORIGIN, log_signer()) == checkpoint_of(reference, ORIGIN, log_signer())


def test_attack_same_request_twice(log: DatabaseLog) -> None:
    """A repeated request gives one entry with one id and one number. The log does not grow."""
    assert log.append(entry_bodies(3)) == log.append(entry_bodies(3)) == [0, 1, 2]
    assert log.size() == 3


@pytest.mark.slow
def test_many_writers_at_once(log: DatabaseLog) -> None:
    """Eight threads append, with some entries common to all.

    No entry is lost or doubled, and every answer is right.
    """
    answers: dict[int, int] = {}
    failed: list[BaseException] = []

    def write(who: int) -> None:
        try:
            for turn in range(6):
                own = 1000 * (who + 1) + turn
                numbers = log.append([entry_body(own), entry_body(turn)])
                for item, number in zip((own, turn), numbers, strict=True):
                    assert answers.setdefault(item, number) == number
        except BaseException as error:  # noqa: BLE001 - a thread's failure must reach the test
            failed.append(error)

    threads = [threading.Thread(target=write, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert log.size() == 8 * 6 + 6
    assert sorted(answers.values()) == list(range(54))
    assert_log_sound(log)


def test_checkpoints_and_proofs_of_a_growing_log(log: DatabaseLog) -> None:
    """Every checkpoint is signed, proves its entries, and continues the checkpoint before it."""
    signer = log_signer()
    seen: list[Checkpoint] = []
    for count in (0, 1, 2, 250, 5, 300):
        log.append(entry_bodies(count, first=log.size()))
        note = checkpoint_of(log, ORIGIN, signer)
        assert verify_note(note, [signer.verifier]) == [signer.verifier]
        seen.append(Checkpoint.from_note(note))
    for older, newer in itertools.pairwise(seen[1:]):
        proof = consistency(log, older.size, newer.size)
        verify_consistency(older.size, newer.size, proof, older.root, newer.root)
        number = older.size - 1
        leaf = leaf_hash(entry_body(number))
        verify_inclusion(leaf, number, newer.size, prove(log, number, newer.size), newer.root)
