"""The port to a chain that keeps checkpoints where the ledger's operator cannot change them."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Head:
    """The newest checkpoint of the ledger in a chain: the size in entries, and the root of that tree."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A transaction that anchors one checkpoint, as bytes that are ready to send.

    `hash` is `0x` and 64 hexadecimal digits.
    """

    hash: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """The result of a transaction in the chain's present history.

    A later request may find the transaction in another block, or in no block. `confirmations` counts the
    blocks from the transaction's block to the newest block, including both. `previous_size` is the size that
    the chain had before the transaction. It is None when the chain refused the transaction.
    """

    block_number: int
    block_hash: str
    confirmations: int
    previous_size: int | None


class Anchor(Protocol):
    """The connection of one writer to one chain.

    Every method raises Unavailable (`anchor.*`) when the chain does not answer.
    """

    @property
    def chain(self) -> str:
        """Return the chain's identifier: `eip155:` and the chain's number (CAIP-2)."""

    @property
    def sender(self) -> str:
        """Return the writer's account. The nonces belong to this account."""

    def head(self) -> Head | None:
        """Return the newest checkpoint in the chain, None before the first checkpoint.

        Do not trust that this checkpoint is ours.
        """

    def used_nonces(self, depth: int = 0) -> int:
        """Count the writer's nonces, from 0 on, in blocks with at least `depth` blocks above them."""

    def sign(self, nonce: int, checkpoint: Head) -> SignedTransaction:
        """Make the transaction. This service sets every field. Sends nothing."""

    def submit(self, transaction: SignedTransaction) -> None:
        """Send the transaction, or send it again.

        Changes nothing when the chain already has the transaction or waits to include it.
        """

    def receipt(self, transaction_hash: str) -> Receipt | None:
        """Return the result of a transaction, None while no block has the transaction."""
