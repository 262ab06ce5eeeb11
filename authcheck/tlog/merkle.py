"""The Merkle tree of RFC 6962: hashes, roots, and verification of proofs.

All functions are pure, on bytes.
"""

import hashlib
from collections.abc import Sequence
from typing import NoReturn

from authcheck.errors import NotTrue

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
# Every tree is smaller. An inclusion proof then has at most 63 hashes, a consistency proof at most 64.
SIZE_LIMIT = 2**63
LONGEST_PROOF = 64


def leaf_hash(entry: bytes) -> bytes:
    """Return SHA-256(0x00 || entry), the hash of a leaf (RFC 6962 s2.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right), the hash of an inner node (RFC 6962 s2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over these leaf hashes.

    The function follows the definition in RFC 6962 s2.1 word by word. Tests compare faster code with it.
    """
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    middle = 1 << (len(leaves) - 1).bit_length() - 1  # the largest power of two below the number of leaves
    return node_hash(root_of(leaves[:middle]), root_of(leaves[middle:]))


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Verify that a leaf has number `index` (from 0) in the tree of `size` leaves with this root.

    The algorithm is RFC 9162 s2.1.3.2. `proof` runs from the leaf's sibling to the root's child.
    Raises NotTrue (`proof.invalid`) when the proof is false or an argument is malformed.
    """
    _check_size(index)
    _check_size(size)
    _check_hashes([leaf_hash, root])
    _check_hashes(proof)
    if index >= size:
        _refuse("There is no such leaf in a tree of that size.")
    place, last, running = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            _refuse("The proof is too long.")
        if place & 1 or place == last:
            running = node_hash(sibling, running)
            while not place & 1 and place:  # levels at which the rightmost node has no sibling
                place, last = place >> 1, last >> 1
        else:
            running = node_hash(running, sibling)
        place, last = place >> 1, last >> 1
    if last:
        _refuse("The proof is too short.")
    if running != root:
        _refuse("The proof leads to another root.")


def verify_consistency(size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> None:
    """Verify that the tree (size1, root1) is the beginning of the tree (size2, root2) (RFC 9162 s2.1.4.2).

    For a reader of the ledger, such as a witness. Raises NotTrue (`proof.invalid`) when the proof is false or
    an argument is malformed. The function also refuses `size1` 0. Every tree begins with the empty tree, so
    such a proof says nothing about the caller's tree.
    """
    _check_size(size1)
    _check_size(size2)
    _check_hashes([root1, root2])
    _check_hashes(proof)
    if not 0 < size1 <= size2:
        _refuse("The first tree is empty or larger than the second.")
    if size1 == size2:
        if proof or root1 != root2:
            _refuse("Trees of one size need one root and no proof.")
        return
    _follow_both(size1, size2, proof, root1, root2)


def _follow_both(size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> None:
    # The proof leaves out the first root when the first tree is a whole subtree of the second tree.
    path = [root1, *proof] if size1 & (size1 - 1) == 0 else list(proof)
    place, last = size1 - 1, size2 - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    if not path:
        _refuse("The proof is too short.")
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            _refuse("The proof is too long.")
        if place & 1 or place == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        place, last = place >> 1, last >> 1
    if last:
        _refuse("The proof is too short.")
    if first != root1 or second != root2:
        _refuse("The proof leads to other roots.")


def _check_size(value: object) -> None:
    if type(value) is not int or not 0 <= value < SIZE_LIMIT:  # `type`: True is an int to isinstance
        _refuse("An index or a size is not a whole number in range.")


def _check_hashes(hashes: object) -> None:
    if not isinstance(hashes, list | tuple) or len(hashes) > LONGEST_PROOF:
        _refuse("The proof is not a list of at most 64 hashes.")
    if not all(isinstance(node, bytes) and len(node) == HASH_BYTES for node in hashes):
        _refuse("A hash is not 32 bytes.")


def _refuse(message: str) -> NoReturn:
    raise NotTrue(message, code="proof.invalid")
