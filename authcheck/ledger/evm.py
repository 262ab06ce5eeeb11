"""Anchoring in any chain that speaks Ethereum's JSON-RPC. Needs the extra `authcheck[evm]`.

Only calls that every such chain has are made, and gas, price and nonce are set here: no `eth_feeHistory`, no
`eth_estimateGas`, no `pending` nonces (of two workers that asked for one, one failed).
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Self

from authcheck.errors import BadSetting, Unavailable
from authcheck.ledger.anchor import Head, Receipt, SignedTransaction

CONTRACT = Path(__file__).parent / "contracts" / "LedgerAnchor.json"
TIMEOUT_S = 10
DEPLOYMENT_TIMEOUT_S = 300
ANCHOR_GAS = 150_000  # a limit, not a price: an anchor takes less than half of it
DEPLOYMENT_GAS = 500_000
PRICE_SHARE = (3, 2)  # of the price that the node names, so that rising fees do not leave it lying


@dataclass(frozen=True, slots=True)
class EvmPlace:
    """Where a contract lives: the node's URL, the chain's number (EIP-155) and the contract's address."""

    url: str
    chain_id: int
    contract: str


class EvmAnchor:
    """The adapter for the contract in contracts/LedgerAnchor.sol. `open` is how to get one."""

    def __init__(self, web: Any, contract: Any, account: Any, chain_id: int) -> None:
        self._web, self._contract, self._account, self._chain_id = web, contract, account, chain_id
        self.chain = f"eip155:{chain_id}"
        self.sender: str = account.address

    @classmethod
    def open(cls, place: EvmPlace, secret: bytes) -> Self:
        """Connect as the account of the secp256k1 key `secret` (32 bytes).

        Raises BadSetting (`anchor.not_installed`, `anchor.wrong_chain`, `anchor.no_contract`, `anchor.foreign_writer`)
        or Unavailable (`anchor.unreachable`).
        """
        web3 = _web3()
        web, account = _connect(web3, place.url, place.chain_id), _account(web3, secret)
        if not web3.Web3.is_address(place.contract):
            raise _no_contract(place.contract)
        contract = web.eth.contract(web3.Web3.to_checksum_address(place.contract), abi=_compiled()["abi"])
        with _translated(web3):
            if not web.eth.get_code(contract.address):
                raise _no_contract(place.contract)
            writer = contract.functions.writer().call()
        if writer != account.address:
            raise BadSetting(
                f"The contract takes anchors from {writer} alone; our key is that of {account.address}.",
                code="anchor.foreign_writer",
                writer=writer,
                sender=account.address,
            )
        return cls(web, contract, account, place.chain_id)

    def head(self) -> Head | None:
        """Size and root in one state of the chain."""
        with _translated(_web3()):
            block = self._web.eth.block_number
            size = self._contract.functions.size().call(block_identifier=block)
            root = self._contract.functions.root().call(block_identifier=block)
        return Head(size, root) if size else None

    def used_nonces(self, depth: int = 0) -> int:
        """The writer's transactions so far."""
        with _translated(_web3()):
            block = max(0, self._web.eth.block_number - depth)
            return int(self._web.eth.get_transaction_count(self.sender, block))

    def sign(self, nonce: int, checkpoint: Head) -> SignedTransaction:
        """A transaction with a fixed gas price, which chains without a base fee take too."""
        web3 = _web3()
        with _translated(web3):
            call = self._contract.functions.anchor(checkpoint.size, checkpoint.root)
            transaction = call.build_transaction(_fields(self._web, self._chain_id, nonce, ANCHOR_GAS))
        signed = self._account.sign_transaction(transaction)
        return SignedTransaction(web3.Web3.to_hex(signed.hash), bytes(signed.raw_transaction))

    def submit(self, transaction: SignedTransaction) -> None:
        """Raises Unavailable: `anchor.refused` where the node will not take it, as for want of funds."""
        web3 = _web3()
        with _translated(web3):
            try:
                self._web.eth.send_raw_transaction(transaction.raw)
            except web3.exceptions.Web3RPCError:
                # Nodes word "already known" each in its own way: ask, do not parse.
                if not self._knows(web3, transaction.hash):
                    raise

    def _knows(self, web3: ModuleType, transaction_hash: str) -> bool:
        try:
            self._web.eth.get_transaction(transaction_hash)
        except web3.exceptions.TransactionNotFound:
            return False
        return True

    def receipt(self, transaction_hash: str) -> Receipt | None:
        """The contract's own event says what it covers."""
        web3 = _web3()
        with _translated(web3):
            try:
                found = self._web.eth.get_transaction_receipt(transaction_hash)
            except web3.exceptions.TransactionNotFound:
                return None
            newest = self._web.eth.block_number
            # Of whichever contract the transaction went to: an operator may have deployed another since.
            events = [log for log in found.logs if log.address == found.to]
            covered = self._contract.events.Anchored().process_log(events[0]).args if events else None
        return Receipt(
            block_number=found.blockNumber,
            block_hash=web3.Web3.to_hex(found.blockHash),
            confirmations=max(1, newest - found.blockNumber + 1),
            previous_size=covered.previousSize if covered else None,
        )


def address_of(secret: bytes) -> str:
    """The account of a secp256k1 key, which must have funds. Raises BadSetting (`anchor.not_installed`)."""
    return str(_account(_web3(), secret).address)


def deploy(url: str, chain_id: int, secret: bytes) -> str:
    """Put a new contract into the chain, written by the account of `secret`; its address, once it is in a block.

    Raises BadSetting (`anchor.not_installed`, `anchor.wrong_chain`) or Unavailable (`anchor.*`).
    """
    web3 = _web3()
    web, account, compiled = _connect(web3, url, chain_id), _account(web3, secret), _compiled()
    with _translated(web3):
        nonce = web.eth.get_transaction_count(account.address, web.eth.block_number)
        made = web.eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"]).constructor()
        signed = account.sign_transaction(
            made.build_transaction(_fields(web, chain_id, nonce, DEPLOYMENT_GAS))
        )
        sent = web.eth.send_raw_transaction(signed.raw_transaction)
        receipt = web.eth.wait_for_transaction_receipt(sent, timeout=DEPLOYMENT_TIMEOUT_S)
    if receipt.status != 1:
        raise Unavailable("The chain refused the contract; was its gas enough?", code="anchor.refused")
    return str(receipt.contractAddress)


def _web3() -> Any:
    limit = sys.getrecursionlimit()
    try:
        import web3  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise BadSetting(
            "Anchoring in a chain needs web3: pip install authcheck[evm]", code="anchor.not_installed"
        ) from error
    finally:
        # A part of it (py_ecc) lifts the limit to 100,000: nested JSON of a stranger would end the process.
        sys.setrecursionlimit(limit)
    return web3


def _connect(web3: Any, url: str, chain_id: int) -> Any:
    web = web3.Web3(web3.HTTPProvider(url, request_kwargs={"timeout": TIMEOUT_S}))
    with _translated(web3):
        found = web.eth.chain_id
    if found != chain_id:
        raise BadSetting(
            f"The node is of chain {found}, not {chain_id}.", code="anchor.wrong_chain", chain=found
        )
    return web


def _account(web3: Any, secret: bytes) -> Any:
    return web3.Account.from_key(secret)


def _compiled() -> dict[str, Any]:
    compiled: dict[str, Any] = json.loads(CONTRACT.read_text("utf-8"))
    return compiled


def _fields(web: Any, chain_id: int, nonce: int, gas: int) -> dict[str, int]:
    many, of = PRICE_SHARE
    price = web.eth.gas_price * many // of
    return {"chainId": chain_id, "nonce": nonce, "gas": gas, "gasPrice": price, "value": 0}


def _no_contract(address: str) -> BadSetting:
    return BadSetting(f"No ledger contract lives at {address}.", code="anchor.no_contract", contract=address)


@contextmanager
def _translated(web3: Any) -> Iterator[None]:
    """Let whatever goes wrong between us and the node be Unavailable. URLs may hold a key and are not quoted."""
    try:
        yield
    except web3.exceptions.BadFunctionCallOutput as error:
        raise BadSetting("What lives there is no ledger contract.", code="anchor.no_contract") from error
    except web3.exceptions.Web3RPCError as error:
        raise Unavailable(f"The chain's node refused: {error}", code="anchor.refused") from error
    except (web3.exceptions.Web3Exception, OSError, ValueError) as error:
        raise Unavailable(
            f"The chain's node does not answer as it should ({type(error).__name__}).",
            code="anchor.unreachable",
        ) from error
