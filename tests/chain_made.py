"""Chains for tests: one in memory, and anvil, a real node on loopback that npm installs."""

import base64
import hashlib
import json
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.request import Request, urlopen

import make
import pytest

from authcheck.errors import Unavailable
from authcheck.ledger import evm
from authcheck.ledger.anchor import Anchor, Head, Receipt, SignedTransaction
from authcheck.ledger.journal import ledger_size, record
from authcheck.ledger.publishing import publish
from authcheck.ledger.tables import SignedCheckpoint
from authcheck.tlog.entries import Draft
from authcheck.workspace import Workspace

START_TIMEOUT_S = 30
CHAIN_ID = 31_337
SECRET = hashlib.sha256(b"the writer of these tests").digest()
WEI = 10**20


class Chain(Protocol):
    """A chain that a test moves on by hand. A block is mined only when the test calls `mine`."""

    def anchor(self) -> Anchor:
        """Return an anchor for the only writer that the contract accepts."""

    def mine(self, blocks: int = 1) -> None:
        """Mine the waiting transactions into a block, then add empty blocks."""

    def fork(self, depth: int) -> None:
        """Replace the newest `depth` blocks by empty ones. Their transactions do not wait again."""


@dataclass
class MemoryChain:
    """The contract's rules without a node. `blocks` are lists of transactions. `down` makes calls fail."""

    blocks: list[list["MemoryTransaction"]] = field(default_factory=lambda: [[]])
    waiting: dict[str, "MemoryTransaction"] = field(default_factory=dict)
    forks: int = 0
    down: bool = False

    def anchor(self) -> "MemoryAnchor":
        """Return an anchor to this chain."""
        return MemoryAnchor(self)

    def mine(self, blocks: int = 1) -> None:
        """Mine the waiting transactions in the order of their nonces, up to the first gap."""
        for _ in range(blocks):
            block: list[MemoryTransaction] = []
            self.blocks.append(block)
            for one in sorted(self.waiting.values(), key=lambda one: one.nonce):
                if one.nonce == self.used():
                    held = self.head()
                    block.append(one if one.size > (held.size if held else 0) else replace(one, refused=True))
                    del self.waiting[one.hash]

    def fork(self, depth: int) -> None:
        """Drop the newest blocks and put empty ones in their place."""
        self.forks += 1
        self.blocks[-depth:] = [[] for _ in range(depth)]

    def used(self, depth: int = 0) -> int:
        """Return the number of nonces used in the blocks below the newest `depth`."""
        return sum(map(len, self.blocks[: max(0, len(self.blocks) - depth)]))

    def head(self) -> Head | None:
        """Return the newest head that the contract accepted."""
        taken = [one for block in self.blocks for one in block if not one.refused]
        return Head(taken[-1].size, taken[-1].root) if taken else None


@dataclass(frozen=True)
class MemoryTransaction:
    """The transaction that `MemoryAnchor` signs: JSON of nonce, size and root."""

    hash: str
    nonce: int
    size: int
    root: bytes
    refused: bool = False

    @classmethod
    def read(cls, signed: SignedTransaction) -> Self:
        """Read a transaction back from its bytes."""
        nonce, size, root = json.loads(signed.raw)
        return cls(signed.hash, nonce, size, bytes.fromhex(root))


@dataclass(frozen=True)
class MemoryAnchor:
    """The `Anchor` port to a `MemoryChain`."""

    to: MemoryChain
    chain: str = "eip155:1"
    sender: str = "0xWriter"

    def head(self) -> Head | None:
        """Return the chain's head."""
        self._check_up()
        return self.to.head()

    def used_nonces(self, depth: int = 0) -> int:
        """Return the chain's used nonces."""
        self._check_up()
        return self.to.used(depth)

    def sign(self, nonce: int, checkpoint: Head) -> SignedTransaction:
        """Return the transaction with a hash in place of a signature."""
        raw = json.dumps([nonce, checkpoint.size, checkpoint.root.hex()]).encode()
        return SignedTransaction("0x" + hashlib.sha256(raw).hexdigest(), raw)

    def submit(self, transaction: SignedTransaction) -> None:
        """Queue the transaction, unless it already waits or is in a block."""
        self._check_up()
        if self.receipt(transaction.hash) is None:
            self.to.waiting[transaction.hash] = MemoryTransaction.read(transaction)

    def receipt(self, transaction_hash: str) -> Receipt | None:
        """Search the blocks for the transaction's receipt."""
        self._check_up()
        before = 0
        for number, block in enumerate(self.to.blocks):
            for one in block:
                if one.hash == transaction_hash:
                    name = f"block {number} of fork {self.to.forks}"
                    return Receipt(
                        number, name, len(self.to.blocks) - number, None if one.refused else before
                    )
                before = before if one.refused else one.size
        return None

    def _check_up(self) -> None:
        if self.to.down:
            raise Unavailable("The chain is down.", code="anchor.unreachable")


@dataclass(frozen=True)
class Node:
    """A running anvil."""

    url: str

    def rpc(self, method: str, *params: object) -> Any:
        """Make one JSON-RPC call."""
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        request = Request(  # noqa: S310 - loopback
            self.url, json.dumps(call).encode(), {"Content-Type": "application/json"}
        )
        with urlopen(request, timeout=10) as response:  # noqa: S310 - loopback
            answer = json.load(response)
        assert "error" not in answer, answer
        return answer["result"]

    def fund(self, secret: bytes) -> None:
        """Give an account funds for gas."""
        self.rpc("anvil_setBalance", evm.address_of(secret), hex(WEI))


@dataclass(frozen=True)
class AnvilChain:
    """An anvil node with our contract. After deployment, blocks are mined by hand."""

    node: Node
    contract: str

    @classmethod
    def deploy(cls, node: Node) -> Self:
        """Deploy the contract."""
        node.fund(SECRET)
        contract = evm.deploy(node.url, CHAIN_ID, SECRET)
        node.rpc("evm_setAutomine", False)
        return cls(node, contract)

    def anchor(self) -> evm.EvmAnchor:
        """Return an anchor to this node."""
        return evm.EvmAnchor.open(evm.EvmPlace(self.node.url, CHAIN_ID, self.contract), SECRET)

    def mine(self, blocks: int = 1) -> None:
        """Make anvil mine blocks."""
        self.node.rpc("anvil_mine", blocks)

    def fork(self, depth: int) -> None:
        """Make anvil reorganise its chain."""
        self.node.rpc("anvil_reorg", depth, [])

    def variables(self, folder: Path) -> dict[str, str]:
        """Return the settings that lead a process to this chain, with the writer's key in a file."""
        key = folder / "evm-key"
        key.touch(0o600)
        key.write_text(base64.b64encode(SECRET).decode())
        named = {"URL": self.node.url, "CHAIN": CHAIN_ID, "CONTRACT": self.contract, "KEY": f"file:{key}"}
        return {f"AUTHCHECK_EVM_{name}": str(value) for name, value in named.items()}


@pytest.fixture
def node(node_modules: Path, tmp_path: Path) -> Iterator[Node]:
    """Return a fresh anvil on a free port of loopback, and stop it at the end."""
    programs = sorted(node_modules.glob("@foundry-rs/anvil-*/bin/anvil*"))
    if not programs:
        pytest.skip("npm has no anvil for this machine: nothing was tried on a real chain")
    log = tmp_path / "anvil.log"
    with log.open("w") as file:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            [programs[0], "--host", "127.0.0.1", "--port", "0"], stdout=file, stderr=subprocess.STDOUT
        )
    try:
        yield Node(_listening(process, log))
    finally:
        process.terminate()
        process.wait(timeout=20)


def _listening(process: "subprocess.Popen[bytes]", log: Path) -> str:
    ends_at = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < ends_at and process.poll() is None:
        found = re.search(r"^Listening on (127\.0\.0\.1:\d+)$", log.read_text(), re.MULTILINE)
        if found:
            return f"http://{found[1]}"
        time.sleep(0.02)
    pytest.fail(f"anvil did not start: {log.read_text()[-500:]}")


@pytest.fixture
def anvil(node: Node) -> AnvilChain:
    """Return a real chain with our contract in it."""
    return AnvilChain.deploy(node)


@pytest.fixture(params=["memory", pytest.param("anvil", marks=pytest.mark.npm)])
def chain(request: pytest.FixtureRequest) -> Chain:
    """Return each kind of chain in turn."""
    made: Chain = MemoryChain() if request.param == "memory" else request.getfixturevalue("anvil")
    return made


def grow(workspace: Workspace, entries: int) -> SignedCheckpoint:
    """Append this many new entries to the ledger and sign a checkpoint of all entries."""
    with workspace.database.writing() as session:
        size = ledger_size(session)
        numbers = range(size, size + entries)
        record(session, [Draft("org.approve", f"org_{number}", make.NOW) for number in numbers])
    return publish(workspace.database, workspace.settings, now=make.NOW)
