"""The EVM adapter and its contract, at a real node where npm can install one."""

import hashlib
import importlib.util
import json
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from chain_made import CHAIN_ID, SECRET, AnvilChain, Node
from npm_made import NPM

from authcheck.errors import BadSetting, Unavailable
from authcheck.ledger import evm
from authcheck.ledger.anchor import Head
from authcheck.ledger.evm import EvmAnchor, EvmPlace

NOBODY = "0x" + "11" * 20
COMPILE = """
const solc = require("solc");
process.stdout.write(solc.compile(require("fs").readFileSync(0, "utf8")));
"""
WITHOUT_WEB3 = """
import sys
sys.modules["web3"] = None
from authcheck.terminal.app import COMMANDS, load_command
[load_command(name) for name in COMMANDS]
from authcheck.config import Settings
from authcheck.ledger.anchoring import open_anchor
from authcheck.errors import BadSetting
assert open_anchor(Settings(data_dir=sys.argv[1])) is None
try:
    open_anchor(Settings(data_dir=sys.argv[1], evm_url="http://127.0.0.1:1", evm_chain=1, evm_contract="0x0"))
except BadSetting as error:
    print(error.code, error)
assert not [name for name in sys.modules if name.startswith(("web3", "eth_"))] or sys.modules["web3"] is None
"""


def compiled_again(node_modules: Path) -> dict[str, Any]:
    """Return solc's output for the committed source with the committed settings."""
    committed = json.loads(evm.CONTRACT.read_text())
    source = evm.CONTRACT.with_suffix(".sol").read_text()
    asked = {
        "language": "Solidity",
        "sources": {"LedgerAnchor.sol": {"content": source}},
        "settings": {
            **committed["settings"],
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
        },
    }
    program = shutil.which("node") or "node"
    done = subprocess.run(  # noqa: S603 - our own script
        [program, "-e", COMPILE],
        cwd=node_modules,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert "errors" not in answer, answer["errors"]
    made: dict[str, Any] = answer["contracts"]["LedgerAnchor.sol"]["LedgerAnchor"]
    return made


def place(chain: AnvilChain, **changed: Any) -> EvmPlace:
    """Return the contract's settings, with changes."""
    facts = {"url": chain.node.url, "chain_id": CHAIN_ID, "contract": chain.contract}
    return EvmPlace(**{**facts, **changed})


@pytest.mark.slow
def test_the_committed_bytecode_is_what_solc_makes_of_the_committed_source(node_modules: Path) -> None:
    """The bytecode in the repository is compiled from the source beside it.

    Nobody has to trust us for that.
    """
    committed = json.loads(evm.CONTRACT.read_text())
    made = compiled_again(node_modules)
    assert committed["compiler"] == NPM["solc"]
    assert committed["settings"]["evmVersion"] == "paris"
    assert committed["abi"] == made["abi"]
    assert committed["bytecode"] == "0x" + made["evm"]["bytecode"]["object"]


def test_the_contract_refuses_a_foreign_writer(anvil: AnvilChain) -> None:
    """Another account's transaction is mined and refused. Our own transactions still count."""
    thief = hashlib.sha256(b"somebody else").digest()
    anvil.node.fund(thief)
    ours = anvil.anchor()
    theirs = EvmAnchor(ours._web, ours._contract, evm._account_of(evm._load_web3(), thief), CHAIN_ID)
    forged, good = theirs.sign(0, Head(999, b"x" * 32)), ours.sign(ours.used_nonces(), Head(5, b"1" * 32))
    theirs.submit(forged)
    ours.submit(good)
    anvil.mine()
    refused, taken = ours.receipt(forged.hash), ours.receipt(good.hash)
    assert refused is not None
    assert refused.previous_size is None
    assert taken is not None
    assert taken.previous_size == 0
    assert ours.head() == Head(5, b"1" * 32)


def test_a_key_that_may_not_write_is_noticed_before_anything_is_sent(anvil: AnvilChain) -> None:
    """The contract names its writer, so a wrong key is noticed before anything is sent."""
    with pytest.raises(BadSetting) as caught:
        EvmAnchor.open(place(anvil), secrets.token_bytes(32))
    assert caught.value.code == "anchor.foreign_writer"
    assert caught.value.params["writer"] == evm.address_of(SECRET)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"chain_id": 1}, "anchor.wrong_chain"),
        ({"contract": NOBODY}, "anchor.no_contract"),
        ({"contract": "authcheck"}, "anchor.no_contract"),
    ],
)
def test_a_mistaken_setting_is_named(anvil: AnvilChain, changed: dict[str, Any], code: str) -> None:
    """The error names the mistake: another chain, an account without code, a text that is no address."""
    with pytest.raises(BadSetting) as caught:
        EvmAnchor.open(place(anvil, **changed), SECRET)
    assert caught.value.code == code


def test_another_contract_is_not_taken_for_the_ledger_s(anvil: AnvilChain) -> None:
    """A contract without a writer is refused, whatever it answers."""
    anvil.node.rpc("anvil_setCode", NOBODY, "0x00")
    with pytest.raises(BadSetting) as caught:
        EvmAnchor.open(place(anvil, contract=NOBODY), SECRET)
    assert caught.value.code == "anchor.no_contract"


@pytest.mark.slow
def test_a_node_that_is_not_there_is_unavailable() -> None:
    """The error does not quote the node's address, which may hold a key."""
    if importlib.util.find_spec("web3") is None:
        pytest.skip("the extra evm is not installed")
    limit = sys.getrecursionlimit()
    with pytest.raises(Unavailable) as caught:
        EvmAnchor.open(EvmPlace("http://127.0.0.1:9/a-secret", CHAIN_ID, NOBODY), SECRET)
    assert sys.getrecursionlimit() == limit  # which web3 lifts: nested JSON could end the process
    assert caught.value.code == "anchor.unreachable"
    assert "a-secret" not in str(caught.value)


def test_an_account_without_funds_is_told_so(node: Node) -> None:
    """The operator sees the node's own message."""
    with pytest.raises(Unavailable, match=r"(?i)insufficient funds") as caught:
        evm.deploy(node.url, CHAIN_ID, secrets.token_bytes(32))
    assert caught.value.code == "anchor.refused"


def test_a_transaction_that_the_node_refuses_is_told(anvil: AnvilChain) -> None:
    """A nonce that another transaction has used is not mistaken for "already known"."""
    anchor = anvil.anchor()
    with pytest.raises(Unavailable) as caught:
        anchor.submit(anchor.sign(0, Head(5, b"1" * 32)))
    assert caught.value.code == "anchor.refused"


def test_an_anchor_takes_less_than_half_of_its_gas(anvil: AnvilChain) -> None:
    """We set the gas limit without asking the node.

    It is ample for the first anchor, the dearest, and for the next.
    """
    anchor = anvil.anchor()
    nonce = anchor.used_nonces()
    used = []
    for number in range(2):
        signed = anchor.sign(nonce + number, Head(2**63 + number, b"\xff" * 32))
        anchor.submit(signed)
        anvil.mine()
        used.append(int(anvil.node.rpc("eth_getTransactionReceipt", signed.hash)["gasUsed"], 16))
    assert max(used) < evm.ANCHOR_GAS / 2


def test_an_anchor_outlives_the_contract_it_went_to(anvil: AnvilChain) -> None:
    """An operator who deploys another contract keeps all earlier anchors."""
    anchor = anvil.anchor()
    signed = anchor.sign(anchor.used_nonces(), Head(5, b"1" * 32))
    anchor.submit(signed)
    anvil.mine()
    anvil.node.rpc("evm_setAutomine", True)
    moved = AnvilChain(anvil.node, evm.deploy(anvil.node.url, CHAIN_ID, SECRET)).anchor()
    receipt = moved.receipt(signed.hash)
    assert receipt is not None
    assert receipt.previous_size == 0
    assert moved.head() is None


@pytest.mark.slow
def test_without_web3_all_imports_and_the_missing_extra_is_named(tmp_path: Path) -> None:
    """The extra is needed only once a chain is configured. The error then says what to install."""
    words = [sys.executable, "-W", "error", "-c", WITHOUT_WEB3, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - our own script
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == (
        "anchor.not_installed Anchoring in a chain needs web3. Install it: pip install authcheck[evm]"
    )
