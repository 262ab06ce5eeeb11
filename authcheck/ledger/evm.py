"""Anchoring in any chain that speaks Ethereum's JSON-RPC. Needs the extra `authcheck[evm]`.

This module uses only calls that every such chain has, and sets gas, price and nonce itself. It uses no
`eth_feeHistory`, no `eth_estimateGas` and no `pending` nonces. When two workers asked for a `pending`
nonce, one worker failed.
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
ANCHOR_GAS = 150_000  # a limit, not a price: an anchor uses less than half of this
DEPLOYMENT_GAS = 500_000
PRICE_SHARE = (3, 2)  # factor on the node's price, so that a transaction is included even if fees rise


@dataclass(frozen=True, slots=True)
class EvmPlace:
    """The place of a contract: the node's URL, the chain's number (EIP-155) and the contract's address."""

    url: str
    chain_id: int
    contract: str


class EvmAnchor:
    """The adapter for the contract in contracts/LedgerAnchor.sol. Use `open` to make one."""

    def __init__(self, web: Any, contract: Any, account: Any, chain_id: int) -> None:
        self._web, self._contract, self._account, self._chain_id = web, contract, account, chain_id
        self.chain = f"eip155:{chain_id}"
        self.sender: str = account.address

    @classmethod
    def open(cls, place: EvmPlace, secret: bytes) -> Self:
        """Connect as the account of the secp256k1 key `secret` (32 bytes).

        Raises BadSetting (`anchor.not_installed`, `anchor.wrong_chain`, `anchor.no_contract`,
        `anchor.foreign_writer`) or Unavailable (`anchor.unreachable`).
        """
        web3 = _load_web3()
        web, account = _connect(web3, place.url, place.chain_id), _account_of(web3, secret)
        if not web3.Web3.is_address(place.contract):
            raise _no_contract_error(place.contract)
        contract = web.eth.contract(
            web3.Web3.to_checksum_address(place.contract), abi=_load_compiled()["abi"]
        )
        with _translate_errors(web3):
            if not web.eth.get_code(contract.address):
                raise _no_contract_error(place.contract)
            writer = contract.functions.writer().call()
        if writer != account.address:
            raise BadSetting(
                f"The contract accepts anchors only from {writer}. Our key belongs to {account.address}.",
                code="anchor.foreign_writer",
                writer=writer,
                sender=account.address,
            )
        return cls(web, contract, account, place.chain_id)

    def head(self) -> Head | None:
        """Read size and root in one state of the chain."""
        with _translate_errors(_load_web3()):
            block = self._web.eth.block_number
            size = self._contract.functions.size().call(block_identifier=block)
            root = self._contract.functions.root().call(block_identifier=block)
        return Head(size, root) if size else None

    def used_nonces(self, depth: int = 0) -> int:
        """Count the writer's transactions so far."""
        with _translate_errors(_load_web3()):
            block = max(0, self._web.eth.block_number - depth)
            return int(self._web.eth.get_transaction_count(self.sender, block))

    def sign(self, nonce: int, checkpoint: Head) -> SignedTransaction:
        """Make a transaction with a fixed gas price, which chains without a base fee accept too."""
        web3 = _load_web3()
        with _translate_errors(web3):
            call = self._contract.functions.anchor(checkpoint.size, checkpoint.root)
            transaction = call.build_transaction(
                _transaction_fields(self._web, self._chain_id, nonce, ANCHOR_GAS)
            )
        signed = self._account.sign_transaction(transaction)
        return SignedTransaction(web3.Web3.to_hex(signed.hash), bytes(signed.raw_transaction))

    def submit(self, transaction: SignedTransaction) -> None:
        """Send a transaction.

        Raises Unavailable: `anchor.refused` when the node refuses it, e.g. because the account has no funds.
        """
        web3 = _load_web3()
        with _translate_errors(web3):
            try:
                self._web.eth.send_raw_transaction(transaction.raw)
            except web3.exceptions.Web3RPCError:
                # Every node has its own words for "already known". Therefore ask, and do not parse the error.
                if not self._has_transaction(web3, transaction.hash):
                    raise

    def _has_transaction(self, web3: ModuleType, transaction_hash: str) -> bool:
        try:
            self._web.eth.get_transaction(transaction_hash)
        except web3.exceptions.TransactionNotFound:
            return False
        return True

    def receipt(self, transaction_hash: str) -> Receipt | None:
        """Read the result of a transaction. The contract's own event says what the transaction covers."""
        web3 = _load_web3()
        with _translate_errors(web3):
            try:
                result = self._web.eth.get_transaction_receipt(transaction_hash)
            except web3.exceptions.TransactionNotFound:
                return None
            newest = self._web.eth.block_number
            # Use the contract of this transaction: the operator may have deployed another contract since.
            events = [log for log in result.logs if log.address == result.to]
            event = self._contract.events.Anchored().process_log(events[0]).args if events else None
        return Receipt(
            block_number=result.blockNumber,
            block_hash=web3.Web3.to_hex(result.blockHash),
            confirmations=max(1, newest - result.blockNumber + 1),
            previous_size=event.previousSize if event else None,
        )


def address_of(secret: bytes) -> str:
    """Return the account of a secp256k1 key. The account needs funds.

    Raises BadSetting (`anchor.not_installed`).
    """
    return str(_account_of(_load_web3(), secret).address)


def deploy(url: str, chain_id: int, secret: bytes) -> str:
    """Deploy a new contract to the chain. Return the contract's address when the contract is in a block.

    Only the account of `secret` can write to the contract.

    Raises BadSetting (`anchor.not_installed`, `anchor.wrong_chain`) or Unavailable (`anchor.*`).
    """
    web3 = _load_web3()
    web, account, compiled = _connect(web3, url, chain_id), _account_of(web3, secret), _load_compiled()
    with _translate_errors(web3):
        nonce = web.eth.get_transaction_count(account.address, web.eth.block_number)
        constructor = web.eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"]).constructor()
        signed = account.sign_transaction(
            constructor.build_transaction(_transaction_fields(web, chain_id, nonce, DEPLOYMENT_GAS))
        )
        transaction_hash = web.eth.send_raw_transaction(signed.raw_transaction)
        receipt = web.eth.wait_for_transaction_receipt(transaction_hash, timeout=DEPLOYMENT_TIMEOUT_S)
    if receipt.status != 1:
        raise Unavailable(
            "The chain refused the contract. Check that its gas is enough.", code="anchor.refused"
        )
    return str(receipt.contractAddress)


def _load_web3() -> Any:
    limit = sys.getrecursionlimit()
    try:
        import web3  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise BadSetting(
            "Anchoring in a chain needs web3. Install it: pip install authcheck[evm]",
            code="anchor.not_installed",
        ) from error
    finally:
        # A part of web3 (py_ecc) raises the limit to 100,000. Then nested JSON from an attacker could end
        # the process.
        sys.setrecursionlimit(limit)
    return web3


def _connect(web3: Any, url: str, chain_id: int) -> Any:
    web = web3.Web3(web3.HTTPProvider(url, request_kwargs={"timeout": TIMEOUT_S}))
    with _translate_errors(web3):
        node_chain_id = web.eth.chain_id
    if node_chain_id != chain_id:
        raise BadSetting(
            f"The node belongs to chain {node_chain_id}, not to chain {chain_id}.",
            code="anchor.wrong_chain",
            chain=node_chain_id,
        )
    return web


def _account_of(web3: Any, secret: bytes) -> Any:
    return web3.Account.from_key(secret)


def _load_compiled() -> dict[str, Any]:
    compiled: dict[str, Any] = json.loads(CONTRACT.read_text("utf-8"))
    return compiled


def _transaction_fields(web: Any, chain_id: int, nonce: int, gas: int) -> dict[str, int]:
    numerator, denominator = PRICE_SHARE
    price = web.eth.gas_price * numerator // denominator
    return {"chainId": chain_id, "nonce": nonce, "gas": gas, "gasPrice": price, "value": 0}


def _no_contract_error(address: str) -> BadSetting:
    return BadSetting(
        f"There is no ledger contract at {address}.", code="anchor.no_contract", contract=address
    )


@contextmanager
def _translate_errors(web3: Any) -> Iterator[None]:
    """Translate every error between this service and the node to Unavailable.

    Raises BadSetting (`anchor.no_contract`) when the contract is not a ledger contract. Never quote a URL,
    because it may contain a key.
    """
    try:
        yield
    except web3.exceptions.BadFunctionCallOutput as error:
        raise BadSetting(
            "The contract at this address is not a ledger contract.", code="anchor.no_contract"
        ) from error
    except web3.exceptions.Web3RPCError as error:
        raise Unavailable(f"The chain's node refused: {error}", code="anchor.refused") from error
    except (web3.exceptions.Web3Exception, OSError, ValueError) as error:
        raise Unavailable(
            f"The chain's node does not answer, or its answer is not valid ({type(error).__name__}).",
            code="anchor.unreachable",
        ) from error
