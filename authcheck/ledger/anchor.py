"""The port to a chain that keeps checkpoints where the ledger's operator cannot change them."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Head:
    """What a chain holds of the ledger: the newest anchored size, in entries, and the root of that tree."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A transaction that anchors one checkpoint, as bytes ready to be sent; `hash` is `0x` and 64 hexadecimal digits."""

    hash: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a transaction in the chain's present history: a later look may find it in another block, or in none.

    `confirmations` counts the blocks from its own to the newest, both included. `previous_size` is the size that the
    chain held before it, None where the chain refused the transaction.
    """

    block_number: int
    block_hash: str
    confirmations: int
    previous_size: int | None


class Anchor(Protocol):
    """One writer's way into one chain. Every method raises Unavailable (`anchor.*`) where the chain does not answer."""

    @property
    def chain(self) -> str:
        """Which chain: `eip155:` and its number (CAIP-2)."""

    @property
    def sender(self) -> str:
        """Whose nonces these are: the writer's account."""

    def head(self) -> Head | None:
        """The newest checkpoint that the chain holds, None before the first. Nothing of it is trusted to be ours."""

    def used_nonces(self, depth: int = 0) -> int:
        """How many of the writer's nonces, from 0 on, are in blocks that have at least `depth` others above them."""

    def sign(self, nonce: int, checkpoint: Head) -> SignedTransaction:
        """Make the transaction, with every field set by us. Sends nothing."""

    def submit(self, transaction: SignedTransaction) -> None:
        """Send it, or send it again: a transaction that the chain has or waits for already changes nothing."""

    def receipt(self, transaction_hash: str) -> Receipt | None:
        """Where a transaction stands, None while it is in no block."""
