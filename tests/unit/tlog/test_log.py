"""The log: numbers, duplicates, lost races, checkpoints and proofs."""

import itertools
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_made import ORIGIN, assert_log_sound, entry_bodies, entry_body, log_signer

from authcheck.errors import Conflict
from authcheck.tlog.log import Log, MemoryLogStore
from authcheck.tlog.merkle import leaf_hash, verify_consistency, verify_inclusion
from authcheck.tlog.note import Checkpoint, verify_note


@given(st.lists(st.lists(st.integers(0, 40), max_size=12), max_size=8))
def test_every_entry_has_one_number(groups: list[list[int]]) -> None:
    """Whatever is repeated within a group or later keeps the number it got first."""
    log = Log(MemoryLogStore())
    numbers: dict[int, int] = {}
    for group in groups:
        expected = [numbers.setdefault(item, len(numbers)) for item in group]
        assert log.append([entry_body(item) for item in group]) == expected
        assert_log_sound(log)


def test_attack_same_request_twice() -> None:
    """One entry, one id, one number; the log does not grow."""
    log = Log(MemoryLogStore())
    assert log.append(entry_bodies(3)) == log.append(entry_bodies(3)) == [0, 1, 2]
    assert log.store.size() == 3


class Racing(MemoryLogStore):
    """A store in which others are faster, so many times."""

    def __init__(self, losses: int) -> None:
        super().__init__()
        self.losses = losses

    def append(
        self, expected_size: int, bodies: Sequence[bytes], tiles: Mapping[tuple[int, int], bytes]
    ) -> None:
        """Let another entry in first."""
        if self.losses:
            self.losses -= 1
            other = Log(MemoryLogStore())
            other.store = self
            losses, self.losses = self.losses, 0
            other.append([entry_body(1000 + losses)])
            self.losses = losses
        super().append(expected_size, bodies, tiles)


def test_a_lost_race_is_run_again() -> None:
    """The entry comes after those of the winners; after a hundred losses the caller is told."""
    log = Log(Racing(5))
    assert log.append([entry_body(0)]) == [5]
    assert_log_sound(log)
    with pytest.raises(Conflict) as caught:
        Log(Racing(100)).append([entry_body(0)])
    assert caught.value.code == "ledger.raced"


def test_a_race_lost_to_the_same_entry() -> None:
    """Whoever comes second gets the number of the first."""
    log = Log(Racing(1))
    assert log.append([entry_body(1000), entry_body(0)]) == [0, 1]
    assert_log_sound(log)


def test_checkpoints_and_proofs_of_a_growing_log() -> None:
    """Every checkpoint is signed, holds what was in it, and continues the one before."""
    log, signer = Log(MemoryLogStore()), log_signer()
    seen: list[Checkpoint] = []
    for count in (0, 1, 2, 250, 5, 300):
        log.append(entry_bodies(count, first=log.store.size()))
        note = log.checkpoint(ORIGIN, signer)
        assert verify_note(note, [signer.verifier]) == [signer.verifier]
        seen.append(Checkpoint.from_note(note))
    for older, newer in itertools.pairwise(seen[1:]):
        proof = log.consistency(older.size, newer.size)
        verify_consistency(older.size, newer.size, proof, older.root, newer.root)
        number = older.size - 1
        leaf = leaf_hash(entry_body(number))
        verify_inclusion(leaf, number, newer.size, log.prove(number, newer.size), newer.root)
