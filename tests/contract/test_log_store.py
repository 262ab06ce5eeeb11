"""The contract of `LogStore`, run on every implementation."""

import threading
from collections.abc import Callable

import pytest
from ledger_made import ORIGIN, assert_log_sound, entry_bodies, entry_body, log_signer

from authcheck.errors import Conflict
from authcheck.ledger.journal import SqlLogStore
from authcheck.tlog import tiles
from authcheck.tlog.entries import tx_id
from authcheck.tlog.log import Log, LogStore, MemoryLogStore
from authcheck.tlog.merkle import leaf_hash
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

Make = Callable[[Workspace], LogStore]


@pytest.fixture(
    params=[lambda _: MemoryLogStore(), lambda workspace: SqlLogStore(workspace.database)],
    ids=["memory", "sql"],
)
def store(request: pytest.FixtureRequest, workspace: Workspace) -> LogStore:
    """An empty store of each implementation."""
    make: Make = request.param
    return make(workspace)


def appended(store: LogStore, count: int, first: int = 0) -> None:
    """Append so many entries without asking what is there."""
    bodies = entry_bodies(count, first)
    leaves = [leaf_hash(body) for body in bodies]
    store.append(store.size(), bodies, tiles.grow(store.size(), leaves, store.read_tile))


def test_an_empty_store(store: LogStore) -> None:
    """Holds nothing, and says so."""
    assert store.size() == 0
    assert store.entries(0, 10) == []
    assert store.read_tile(0, 0) == b""
    assert store.find(tx_id(entry_body(0))) is None
    assert_log_sound(Log(store))


def test_what_was_appended_is_there(store: LogStore) -> None:
    """Entries by number and by id, tiles whole, over the edges of tiles."""
    for count in (1, 2, 253, 1, 300):
        appended(store, count, first=store.size())
        assert_log_sound(Log(store))
    assert store.size() == 557
    assert store.entries(255, 3) == entry_bodies(3, first=255)
    assert store.entries(556, 10) == [entry_body(556)]
    assert store.entries(557, 10) == []
    assert store.find(tx_id(entry_body(256))) == 256


@pytest.mark.parametrize("expected_size", [0, 2, 4, -1])
def test_an_append_to_another_size_changes_nothing(store: LogStore, expected_size: int) -> None:
    """Compare-and-swap: whoever reckoned with another size has lost the race."""
    appended(store, 3)
    with pytest.raises(Conflict) as caught:
        store.append(expected_size, [entry_body(50)], {(0, 0): bytes(32)})
    assert caught.value.code == "ledger.raced"
    assert store.size() == 3
    assert_log_sound(Log(store))


@pytest.mark.parametrize("repeated", [[2], [50, 50], [50, 0]], ids=str)
def test_an_entry_that_is_there_changes_nothing(store: LogStore, repeated: list[int]) -> None:
    """All or nothing: of a group with one known or doubled entry, none is added."""
    appended(store, 3)
    bodies = [entry_body(number) for number in repeated]
    with pytest.raises(Conflict):
        store.append(3, bodies, tiles.grow(3, [leaf_hash(body) for body in bodies], store.read_tile))
    assert store.find(tx_id(entry_body(50))) is None
    assert_log_sound(Log(store))


def test_many_writers_at_once(store: LogStore) -> None:
    """Eight threads, some entries common to all: none lost, none doubled, every answer right."""
    log = Log(store)
    answers: dict[int, int] = {}
    failed: list[BaseException] = []

    def write(who: int) -> None:
        try:
            for turn in range(6):
                own = 1000 * (who + 1) + turn
                for item, number in zip(
                    (own, turn), log.append([entry_body(own), entry_body(turn)]), strict=True
                ):
                    assert answers.setdefault(item, number) == number
        except BaseException as error:  # noqa: BLE001 - a thread's failure must reach the test
            failed.append(error)

    threads = [threading.Thread(target=write, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert store.size() == 8 * 6 + 6
    assert sorted(answers.values()) == list(range(54))
    assert_log_sound(log)


def test_a_checkpoint_of_a_store(store: LogStore) -> None:
    """Two stores with the same entries sign the same bytes."""
    log, other = Log(store), Log(MemoryLogStore())
    for one in (log, other):
        one.append(entry_bodies(300))
    assert log.checkpoint(ORIGIN, log_signer()) == other.checkpoint(ORIGIN, log_signer())
