"""Flow: an operator anchors the ledger in a chain, despite failures of the process, the chain or the database."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Lock
from typing import Any

import make
import pytest
import sqlalchemy as sa
from chain_made import SECRET, AnvilChain, Chain, MemoryAnchor, MemoryChain, Node, grow
from ledger_attacks import forge

from authcheck.config import Settings
from authcheck.errors import AuthcheckError, NotTrue, Unavailable
from authcheck.ledger import anchoring, evm
from authcheck.ledger.anchor import Head, SignedTransaction
from authcheck.ledger.tables import Anchoring
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

NOW = make.NOW
DIES_BEFORE_SENDING = """
import os, signal
from authcheck.ledger.evm import EvmAnchor
EvmAnchor.submit = lambda self, transaction: os.kill(os.getpid(), signal.SIGKILL)
from authcheck.terminal.app import main
main()
"""
ANCHORS_AS_LONG_AS_IT_GROWS = """
import sys, time
from datetime import UTC, datetime
from authcheck.ledger import anchoring
from authcheck.config import load
from authcheck.storage.database import Database
settings = load()
database, anchor = Database.open(settings), anchoring.open_anchor(settings)
print("ready", flush=True)
ends_at, size = time.monotonic() + 90, 0
while size < int(sys.argv[1]) and time.monotonic() < ends_at:
    made = anchoring.anchor_due(database, settings, anchor, datetime.now(UTC), force=True)
    if made:
        print(made.nonce, flush=True)
    time.sleep(0.02)
    with database.reading() as session:
        size = max([one.size for one in anchoring.list_anchorings(session, 1)], default=0)
database.dispose()
"""


def round_of(workspace: Workspace, chain: Chain, *, minutes: int = 0, **words: Any) -> list[Anchoring]:
    """Run one `authcheck anchors run`, this many minutes after NOW, with 3 confirmations."""
    settings = workspace.settings.model_copy(update={"evm_confirmations": 3})
    now = NOW + timedelta(minutes=minutes)
    return anchoring.run(workspace.database, settings, chain.anchor(), now, **words)


def rows(workspace: Workspace) -> list[Anchoring]:
    """All anchorings, oldest first."""
    with workspace.database.reading() as session:
        return list(session.scalars(sa.select(Anchoring).order_by(Anchoring.nonce)))


def states(workspace: Workspace) -> list[str]:
    """The states of all anchorings."""
    return [row.state for row in rows(workspace)]


def word(workspace: Workspace, size: int, *, on: bool = True) -> str:
    """The anchor state that a look-up shows for the first `size` entries."""
    with workspace.database.reading() as session:
        return anchoring.anchor_state(session, size, on=on)


def test_an_anchor_is_sent_mined_and_confirmed(workspace: Workspace, chain: Chain) -> None:
    """An anchor is sent, mined and confirmed in turn, and a look-up shows each state."""
    assert word(workspace, 1, on=False) == "off"
    assert word(workspace, 1) == "waiting"
    newest = grow(workspace, 5)
    assert [row.state for row in round_of(workspace, chain)] == ["sent"]
    assert word(workspace, 5) == "sent"
    chain.mine()
    assert [row.state for row in round_of(workspace, chain)] == ["mined"]
    assert word(workspace, 1) == "mined"
    chain.mine()
    assert round_of(workspace, chain) == []
    chain.mine()
    assert [row.state for row in round_of(workspace, chain)] == ["confirmed"]
    assert word(workspace, 5) == "confirmed"
    assert word(workspace, 6) == "waiting"
    assert word(workspace, 6, on=False) == "off"
    assert chain.anchor().head() == Head(5, bytes.fromhex(newest.root))


def test_what_is_signed_and_not_sent_is_waiting(workspace: Workspace) -> None:
    """When the chain does not answer, the signed transaction waits. The next round sends it."""
    chain = MemoryChain()
    grow(workspace, 5)
    anchoring.anchor_due(workspace.database, workspace.settings, chain.anchor(), NOW)
    assert states(workspace) == ["signed"]
    assert word(workspace, 5) == "waiting"
    chain.down = True
    with pytest.raises(Unavailable):
        round_of(workspace, chain)
    chain.down = False
    round_of(workspace, chain)
    assert states(workspace) == ["sent"]


@pytest.mark.parametrize(
    ("entries", "minutes", "force", "made"),
    [
        (1, 9, False, False),
        (1, 10, False, True),
        (49, 1, False, False),
        (50, 1, False, True),
        (1, 1, True, True),
        (0, 99, True, False),
    ],
)
def test_a_checkpoint_is_anchored_when_it_is_due(
    workspace: Workspace, entries: int, minutes: int, force: bool, made: bool
) -> None:
    """A checkpoint is anchored after ten minutes, at a number of entries, or on request, and once per size."""
    settings = workspace.settings.model_copy(update={"anchor_entries": 50})
    anchor = MemoryChain().anchor()
    grow(workspace, 3)
    assert anchoring.anchor_due(workspace.database, settings, anchor, NOW) is not None
    if entries:
        grow(workspace, entries)
    later = NOW + timedelta(minutes=minutes)
    found = anchoring.anchor_due(workspace.database, settings, anchor, later, force=force)
    assert (found is not None) == made


def test_an_empty_ledger_is_not_anchored(workspace: Workspace) -> None:
    """An empty ledger has nothing to anchor."""
    assert round_of(workspace, MemoryChain(), force=True) == []
    assert rows(workspace) == []


def test_a_transaction_hash_finds_what_it_covers(workspace: Workspace, chain: Chain) -> None:
    """An EVM hash in any spelling finds the entries (previous size, size], and an entry finds its transaction."""
    for entries in (5, 7):
        grow(workspace, entries)
        round_of(workspace, chain, force=True)
    chain.mine()
    round_of(workspace, chain)
    first, second = rows(workspace)
    with workspace.database.reading() as session:
        for text in (second.transaction_hash, second.transaction_hash[2:].upper()):
            found = anchoring.find_anchoring(session, text)
            assert found is not None
            assert (found.previous_size, found.size) == (5, 12)
        for size, row in ((1, first), (5, first), (6, second), (12, second)):
            covering = anchoring.covering(session, size)
            assert covering is not None
            assert covering.id == row.id
        assert anchoring.covering(session, 13) is None
        for unknown in ("", "0x", "0x" + "0" * 64, "ZZ", first.root):
            assert anchoring.find_anchoring(session, unknown) is None


def test_a_reorganisation_of_three_blocks_is_recovered(workspace: Workspace, chain: Chain) -> None:
    """After the chain drops the block, the stored bytes are sent again and confirmed in another block."""
    grow(workspace, 5)
    round_of(workspace, chain)
    chain.mine()
    round_of(workspace, chain)
    (mined,) = rows(workspace)
    chain.mine(2)
    chain.fork(3)
    assert [row.state for row in round_of(workspace, chain)] == ["sent"]
    chain.mine(3)
    round_of(workspace, chain)
    (row,) = rows(workspace)
    assert (row.state, row.nonce, row.raw_transaction) == ("confirmed", mined.nonce, mined.raw_transaction)
    assert row.block_hash not in {None, mined.block_hash}


def test_a_confirmed_anchor_that_the_chain_took_back_is_sent_again(
    workspace: Workspace, chain: Chain
) -> None:
    """The chain's head shows a reorganisation deeper than the confirmations. The anchors are sent again."""
    for entries in (5, 7):
        grow(workspace, entries)
        round_of(workspace, chain, force=True)
        chain.mine()
    chain.mine(2)
    round_of(workspace, chain)
    assert states(workspace) == ["confirmed", "confirmed"]
    chain.fork(4)
    assert [row.state for row in round_of(workspace, chain)] == ["sent", "sent"]
    chain.mine(3)
    round_of(workspace, chain)
    assert states(workspace) == ["confirmed", "confirmed"]
    assert [(row.previous_size, row.size) for row in rows(workspace)] == [(0, 5), (5, 12)]


def test_an_orphan_that_cannot_be_sent_stays_noted(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the process stops before sending again, the database still holds the orphaned state."""
    chain = MemoryChain()
    grow(workspace, 5)
    round_of(workspace, chain)
    chain.mine()
    round_of(workspace, chain)
    chain.fork(1)
    with monkeypatch.context() as patched:
        patched.setattr("chain_made.MemoryAnchor.submit", refuse)
        with pytest.raises(Unavailable):
            round_of(workspace, chain)
    assert states(workspace) == ["orphaned"]
    assert word(workspace, 5) == "sent"
    round_of(workspace, chain)
    assert states(workspace) == ["sent"]


def refuse(*_: object) -> None:
    """A node that refuses every transaction."""
    raise Unavailable("No.", code="anchor.refused")


def test_a_nonce_that_another_transaction_took_is_given_up(workspace: Workspace, chain: Chain) -> None:
    """Once the other transaction is deep enough, the row covers nothing, and the next round anchors anew."""
    small = grow(workspace, 2)
    grow(workspace, 3)
    lost = anchoring.anchor_due(workspace.database, workspace.settings, chain.anchor(), NOW)
    assert lost is not None
    rival = chain.anchor()
    rival.submit(rival.sign(lost.nonce, Head(2, bytes.fromhex(small.root))))
    chain.mine()
    chain.mine(3)
    assert [row.state for row in round_of(workspace, chain)] == ["failed"]
    assert word(workspace, 5) == "waiting"
    with workspace.database.reading() as session:
        assert anchoring.find_anchoring(session, lost.transaction_hash) is None
    round_of(workspace, chain)
    chain.mine(3)
    round_of(workspace, chain)
    assert states(workspace) == ["failed", "confirmed"]
    assert rows(workspace)[1].previous_size == 2
    assert word(workspace, 5) == "confirmed"


def test_a_transaction_that_the_contract_refused_covers_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another installation with our key anchors a greater size before our transaction, so ours covers nothing."""
    chain = MemoryChain()
    rival = chain.anchor()
    rival.submit(rival.sign(0, Head(9, b"9" * 32)))
    grow(workspace, 5)

    def meanwhile(anchor: MemoryAnchor, depth: int = 0) -> int:
        chain.mine()
        return anchor.to.used(depth)

    with monkeypatch.context() as patched:
        patched.setattr(MemoryAnchor, "used_nonces", meanwhile)
        anchoring.anchor_due(workspace.database, workspace.settings, chain.anchor(), NOW)
    for expected in ("sent", "failed"):
        changed = list(anchoring.follow(workspace.database, chain.anchor(), NOW, confirmations=3))
        assert [row.state for row in changed] == [expected]
        chain.mine()
    assert word(workspace, 5) == "waiting"


def test_two_workers_that_sign_at_once_share_no_nonce_and_lose_none(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers sign for the same nonce before either stores.

    The slower worker looks again and takes the next nonce.
    """
    chain, together, first = MemoryChain(), Barrier(2, timeout=30), Lock()
    grow(workspace, 5)
    sign = MemoryAnchor.sign

    def at_once(anchor: MemoryAnchor, nonce: int, checkpoint: Head) -> SignedTransaction:
        if checkpoint.size == 5:
            together.wait()
            if first.acquire(blocking=False):
                grow(workspace, 3)
        return sign(anchor, nonce, checkpoint)

    monkeypatch.setattr(MemoryAnchor, "sign", at_once)
    with ThreadPoolExecutor(2) as pool:
        runs = [
            pool.submit(
                anchoring.anchor_due,
                workspace.database,
                workspace.settings,
                chain.anchor(),
                NOW + timedelta(minutes=number),
                force=True,
            )
            for number in range(2)
        ]
        made = [run.result() for run in runs]
    assert sorted((row.nonce, row.previous_size, row.size) for row in made if row) == [(0, 0, 5), (1, 5, 8)]
    assert [row.nonce for row in rows(workspace)] == [0, 1]


@pytest.mark.slow
def test_two_processes_anchor_a_growing_ledger(
    workspace: Workspace, anvil: AnvilChain, environment: dict[str, str], tmp_path: Path
) -> None:
    """Each nonce is used once without a gap.

    The workers store every signed transaction, and the chain takes them all.
    """
    last_size, named = 15, anvil.variables(tmp_path)
    words = [sys.executable, "-c", ANCHORS_AS_LONG_AS_IT_GROWS, str(last_size)]
    said = [tmp_path / "first.txt", tmp_path / "second.txt"]
    workers = []
    for path in said:
        with path.open("w") as file:
            workers.append(subprocess.Popen(words, env=os.environ | environment | named, stdout=file))  # noqa: S603 - our own
    while not all("ready" in path.read_text() for path in said):
        assert [worker.poll() for worker in workers] == [None, None]
        time.sleep(0.01)
    for _ in range(last_size):
        grow(workspace, 1)
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0]
    stored = rows(workspace)
    first = anvil.anchor().used_nonces()
    assert [row.nonce for row in stored] == list(range(first, first + len(stored)))
    nonces = [int(line) for path in said for line in path.read_text().splitlines()[1:]]
    assert sorted(nonces) == [row.nonce for row in stored]
    assert stored[-1].size == last_size
    round_of(workspace, anvil)
    anvil.mine(4)
    round_of(workspace, anvil)
    assert set(states(workspace)) == {"confirmed"}
    assert [row.previous_size for row in rows(workspace)] == [0, *(row.size for row in stored[:-1])]


@pytest.mark.slow
def test_a_process_that_dies_before_sending_loses_nothing(
    workspace: Workspace, anvil: AnvilChain, environment: dict[str, str], tmp_path: Path
) -> None:
    """A process is killed between storing and sending a signed transaction.

    The next run sends the same bytes.
    """
    grow(workspace, 5)
    named = environment | anvil.variables(tmp_path)
    words = [sys.executable, "-c", DIES_BEFORE_SENDING, "anchors", "run"]
    died = subprocess.run(words, env=os.environ | named, capture_output=True, check=False)  # noqa: S603 - our own
    assert died.returncode == -signal.SIGKILL, died.stderr
    (before,) = rows(workspace)
    assert before.state == "signed"
    anvil.mine()
    assert anvil.anchor().receipt(before.transaction_hash) is None
    assert [row.state for row in round_of(workspace, anvil)] == ["sent"]
    anvil.mine(3)
    round_of(workspace, anvil)
    (after,) = rows(workspace)
    assert (after.state, after.raw_transaction) == ("confirmed", before.raw_transaction)


@pytest.mark.parametrize(
    ("size", "root", "family", "code"),
    [
        (9, b"9" * 32, Unavailable, "ledger.rolled_back"),
        (5, b"9" * 32, NotTrue, "ledger.forked"),
        (3, b"9" * 32, NotTrue, "ledger.forked"),
    ],
)
def test_a_database_that_the_chain_knows_better_anchors_nothing(
    workspace: Workspace, size: int, root: bytes, family: type[AuthcheckError], code: str
) -> None:
    """When the chain holds more entries or another history than the database, nothing is anchored."""
    chain = MemoryChain()
    grow(workspace, 5)
    earlier = chain.anchor()
    earlier.submit(earlier.sign(0, Head(size, root)))
    chain.mine()
    with pytest.raises(family) as caught:
        round_of(workspace, chain, force=True)
    assert caught.value.code == code
    assert rows(workspace) == []


def test_an_old_backup_stays_unsigned_once_the_chain_told(workspace: Workspace) -> None:
    """Every process remembers the chain's size and signs nothing, even after the backup grows beyond it."""
    chain = MemoryChain()
    grow(workspace, 5)
    earlier = chain.anchor()
    earlier.submit(earlier.sign(0, Head(9, b"9" * 32)))
    chain.mine()
    with pytest.raises(Unavailable):
        round_of(workspace, chain)
    with pytest.raises(Unavailable):
        grow(workspace, 1)
    forge(workspace, *range(9))
    with pytest.raises(NotTrue) as caught:
        grow(workspace, 1)
    assert caught.value.code == "ledger.forked"


def test_the_command_line_deploys_anchors_and_lists(
    workspace: Workspace, node: Node, cli: Any, environment: dict[str, str], tmp_path: Path
) -> None:
    """The commands of docs/cli.md lead from an account with funds to a confirmed anchor."""
    node.fund(SECRET)
    environment |= AnvilChain(node, "").variables(tmp_path)
    del environment["AUTHCHECK_EVM_CONTRACT"]
    assert cli("anchors", "run").code == 2
    deployed = cli("anchors", "deploy")
    assert deployed.code == 0, deployed.err
    assert evm.address_of(SECRET) in deployed.err
    environment["AUTHCHECK_EVM_CONTRACT"] = deployed.out.strip()
    grow(workspace, 5)
    (sent,) = cli("anchors", "run", "--json").objects
    assert (sent["state"], sent["previous_size"], sent["size"]) == ("sent", 0, 5)
    node.rpc("anvil_mine", 12)
    assert "confirmed" in cli("anchors", "run").out
    listed = cli("anchors", "list").out
    assert sent["transaction_hash"] in listed
    assert "0 to 4" in listed
    assert cli("anchors", "run").out == ""


def test_the_command_line_says_that_anchoring_is_off(cli: Any, environment: dict[str, str]) -> None:
    """Without a chain nothing runs. With half of the settings the missing setting is named."""
    off = cli("anchors", "run")
    assert (off.code, "AUTHCHECK_EVM_URL" in off.err) == (2, True)
    assert cli("anchors", "deploy").code == 2
    environment["AUTHCHECK_EVM_URL"] = "http://127.0.0.1:9"
    assert "AUTHCHECK_EVM_CHAIN" in cli("anchors", "run").err
    assert "AUTHCHECK_EVM_CHAIN" in cli("anchors", "deploy").err
    assert cli("anchors", "list", "--json").objects == []


def test_the_writer_s_key_is_made_at_first_use(settings: Settings) -> None:
    """The key is made in the keys' folder at first use, readable by its owner alone, and never changes."""
    assert anchoring.open_anchor(settings) is None
    assert not settings.keys_dir.exists()
    made = anchoring.writer_key(settings)
    assert anchoring.writer_key(settings) == made
    assert (settings.keys_dir / "evm").stat().st_mode & 0o077 == 0
