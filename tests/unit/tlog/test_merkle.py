"""Roots and the verification of proofs: published vectors, a naive reference, and attacks."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authcheck.errors import NotTrue
from authcheck.tlog.merkle import (
    EMPTY_ROOT,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "rfc6962.json").read_text())
LEAVES = [leaf_hash(b"%d" % number) for number in range(300)]
ROOTS = [root_of(LEAVES[:size]) for size in range(71)]
BAD_SIZES = (-1, -(2**64), 2**63, 2**64 + 5, 10**400, True, 5.0, "5", None, b"5")
BAD_PROOFS: tuple[Any, ...] = (None, b"", b"x" * 32, "x" * 32, {}, iter(()), 7, [b"x" * 32] * 65)
BAD_HASHES: tuple[Any, ...] = (
    b"",
    b"x" * 31,
    b"x" * 33,
    "x" * 32,
    bytearray(32),
    memoryview(bytes(32)),
    None,
    7,
)


def unhex(texts: Sequence[str]) -> list[bytes]:
    """Return hashes from the vectors' hex."""
    return [bytes.fromhex(text) for text in texts]


def audit_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the audit path as RFC 6962 s2.1.1 defines it."""
    if len(leaves) < 2:
        return []
    middle = 1 << (len(leaves) - 1).bit_length() - 1
    if index < middle:
        return [*audit_path(index, leaves[:middle]), root_of(leaves[middle:])]
    return [*audit_path(index - middle, leaves[middle:]), root_of(leaves[:middle])]


def subproof(size1: int, leaves: Sequence[bytes], *, whole: bool = True) -> list[bytes]:
    """Return the subproof as RFC 6962 s2.1.2 defines it."""
    if size1 == len(leaves):
        return [] if whole else [root_of(leaves)]
    middle = 1 << (len(leaves) - 1).bit_length() - 1
    if size1 <= middle:
        return [*subproof(size1, leaves[:middle], whole=whole), root_of(leaves[middle:])]
    return [*subproof(size1 - middle, leaves[middle:], whole=False), root_of(leaves[:middle])]


def refused(call: Callable[..., None], *arguments: Any) -> bool:
    """Return whether a verification fails as not true."""
    try:
        call(*arguments)
    except NotTrue as error:
        return error.code == "proof.invalid"
    return False


@st.composite
def inclusions(draw: st.DrawFn) -> tuple[bytes, int, int, list[bytes], bytes]:
    """Draw a leaf, its number, a size, the proof and the root, all true."""
    size = draw(st.integers(1, len(LEAVES)))
    index = draw(st.integers(0, size - 1))
    return LEAVES[index], index, size, audit_path(index, LEAVES[:size]), root_of(LEAVES[:size])


@st.composite
def consistencies(draw: st.DrawFn) -> tuple[int, int, list[bytes], bytes, bytes]:
    """Draw two sizes, the proof and both roots, all true."""
    size2 = draw(st.integers(1, len(LEAVES)))
    size1 = draw(st.integers(1, size2))
    return size1, size2, subproof(size1, LEAVES[:size2]), root_of(LEAVES[:size1]), root_of(LEAVES[:size2])


def test_published_roots() -> None:
    """The trees of Certificate Transparency's reference have their published roots."""
    leaves = [leaf_hash(entry) for entry in unhex(VECTORS["entries"])]
    assert [root_of(leaves[:size]) for size in range(9)] == unhex(VECTORS["roots"])
    assert unhex(VECTORS["roots"])[0] == EMPTY_ROOT


@pytest.mark.parametrize("vector", VECTORS["inclusion"], ids=str)
def test_published_inclusion_proofs(vector: dict[str, Any]) -> None:
    """The published proofs are true, and true for no other leaf."""
    leaves = [leaf_hash(entry) for entry in unhex(VECTORS["entries"])]
    index, size, proof = vector["index"], vector["size"], unhex(vector["proof"])
    root = unhex(VECTORS["roots"])[size]
    assert audit_path(index, leaves[:size]) == proof
    verify_inclusion(leaves[index], index, size, proof, root)
    assert refused(verify_inclusion, leaves[index - 1], index, size, proof, root)


@pytest.mark.parametrize("vector", VECTORS["consistency"], ids=str)
def test_published_consistency_proofs(vector: dict[str, Any]) -> None:
    """The published proofs are true, and true for no other roots."""
    size1, size2, proof = vector["size1"], vector["size2"], unhex(vector["proof"])
    roots = unhex(VECTORS["roots"])
    verify_consistency(size1, size2, proof, roots[size1], roots[size2])
    assert refused(verify_consistency, size1, size2, proof, roots[size1 - 1], roots[size2])
    assert refused(verify_consistency, size1, size2, proof, roots[size1], roots[size2 - 1])


def test_every_proof_of_small_trees() -> None:
    """For up to 70 leaves every true proof verifies, and no proof for another leaf or size does."""
    for size in range(1, 71):
        for index in range(size):
            proof = audit_path(index, LEAVES[:size])
            verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])
            assert refused(
                verify_inclusion, LEAVES[index], (index + 1) % (size + 1), size, proof, ROOTS[size]
            )
            verify_consistency(
                index + 1, size, subproof(index + 1, LEAVES[:size]), ROOTS[index + 1], ROOTS[size]
            )


@given(inclusions(), st.data())
def test_inclusion_with_any_bit_changed_is_refused(
    case: tuple[bytes, int, int, list[bytes], bytes], data: st.DataObject
) -> None:
    """Flipping a bit of the leaf, the root or a hash of the proof makes the proof false."""
    leaf, index, size, proof, root = case
    verify_inclusion(leaf, index, size, proof, root)
    hashes = [leaf, *proof, root]
    hit, bit = data.draw(st.integers(0, len(hashes) - 1)), data.draw(st.integers(0, 255))
    hashes[hit] = (int.from_bytes(hashes[hit]) ^ 1 << bit).to_bytes(32)
    assert refused(verify_inclusion, hashes[0], index, size, hashes[1:-1], hashes[-1])


@given(inclusions(), st.integers(0, 300), st.data())
def test_inclusion_of_another_number_or_length_is_refused(
    case: tuple[bytes, int, int, list[bytes], bytes], other: int, data: st.DataObject
) -> None:
    """A proof with another number, another length or another order is refused."""
    leaf, index, size, proof, root = case
    assert other == index or refused(verify_inclusion, leaf, other, size, proof, root)
    at = data.draw(st.integers(0, len(proof)))
    assert refused(verify_inclusion, leaf, index, size, [*proof[:at], root, *proof[at:]], root)
    assert not proof or refused(verify_inclusion, leaf, index, size, proof[:-1], root)
    assert not proof or refused(verify_inclusion, leaf, index, size, proof[1:], root)
    assert len(proof) < 2 or refused(verify_inclusion, leaf, index, size, proof[::-1], root)


@given(consistencies(), st.data())
def test_consistency_with_any_bit_changed_is_refused(
    case: tuple[int, int, list[bytes], bytes, bytes], data: st.DataObject
) -> None:
    """Flipping a bit of a root or of a hash, or changing the proof's length, makes the proof false."""
    size1, size2, proof, root1, root2 = case
    verify_consistency(size1, size2, proof, root1, root2)
    hashes = [root1, *proof, root2]
    hit, bit = data.draw(st.integers(0, len(hashes) - 1)), data.draw(st.integers(0, 255))
    hashes[hit] = (int.from_bytes(hashes[hit]) ^ 1 << bit).to_bytes(32)
    assert refused(verify_consistency, size1, size2, hashes[1:-1], hashes[0], hashes[-1])
    at = data.draw(st.integers(0, len(proof)))
    longer = [*proof[:at], root2, *proof[at:]]
    assert refused(verify_consistency, size1, size2, longer, root1, root2)
    assert not proof or refused(verify_consistency, size1, size2, proof[:-1], root1, root2)
    assert not proof or refused(verify_consistency, size1, size2, proof[1:], root1, root2)


@given(st.integers(1, 299), st.integers(1, 299), st.data())
def test_a_rewritten_history_has_no_consistency_proof(size1: int, more: int, data: st.DataObject) -> None:
    """After an old entry is changed and others are added, the new tree's proof does not fit the old root."""
    size2 = min(size1 + more, 300)
    changed = data.draw(st.integers(0, size1 - 1))
    forged = [*LEAVES[:changed], leaf_hash(b"forged"), *LEAVES[changed + 1 : size2]]
    proof = subproof(size1, forged)
    assert refused(verify_consistency, size1, size2, proof, root_of(LEAVES[:size1]), root_of(forged))


@pytest.mark.parametrize("size", BAD_SIZES, ids=lambda value: repr(value)[:12])
def test_numbers_out_of_range_or_of_another_kind_are_refused(size: Any) -> None:
    """Negative, huge, boolean and fractional numbers and other types are refused in every number's place."""
    assert refused(verify_inclusion, LEAVES[0], 0, size, [], LEAVES[0])
    assert refused(verify_inclusion, LEAVES[0], size, 9, [], LEAVES[0])
    assert refused(verify_consistency, size, size, [], LEAVES[0], LEAVES[0])
    assert refused(verify_consistency, 1, size, [LEAVES[0]], LEAVES[0], LEAVES[0])
    assert refused(verify_consistency, size, 9, [LEAVES[0]], LEAVES[0], LEAVES[0])


@pytest.mark.parametrize("proof", BAD_PROOFS, ids=lambda value: repr(value)[:12])
def test_proofs_that_are_no_lists_of_hashes_are_refused(proof: Any) -> None:
    """Texts, bytes, other containers, and more hashes than any tree's height are refused."""
    assert refused(verify_inclusion, LEAVES[0], 0, 1, proof, LEAVES[0])
    assert refused(verify_consistency, 1, 2, proof, LEAVES[0], LEAVES[0])
    assert refused(verify_consistency, 1, 1, proof, LEAVES[0], LEAVES[0])


@pytest.mark.parametrize("one", BAD_HASHES, ids=lambda value: repr(value)[:12])
def test_hashes_of_another_length_or_kind_are_refused(one: Any) -> None:
    """Wrong hashes are refused as the leaf, as a root, and in the proof."""
    good = LEAVES[0]
    assert refused(verify_inclusion, one, 0, 1, [], one)
    assert refused(verify_inclusion, good, 0, 1, [], one)
    assert refused(verify_inclusion, good, 0, 2, [one], node_hash(good, good))
    assert refused(verify_consistency, 1, 1, [], one, one)
    assert refused(verify_consistency, 1, 2, [one], good, good)


def test_the_edges_of_inclusion() -> None:
    """A tree of one needs no proof. The empty tree holds nothing. The last number is the size less one."""
    verify_inclusion(LEAVES[0], 0, 1, [], LEAVES[0])
    assert refused(verify_inclusion, LEAVES[0], 0, 1, [LEAVES[1]], LEAVES[0])
    assert refused(verify_inclusion, EMPTY_ROOT, 0, 0, [], EMPTY_ROOT)
    assert refused(verify_inclusion, LEAVES[2], 3, 3, [ROOTS[2]], ROOTS[3])


def test_the_edges_of_consistency() -> None:
    """Equal sizes need equal roots and no proof. The empty tree has no consistency. A tree never shrinks."""
    verify_consistency(3, 3, [], ROOTS[3], ROOTS[3])
    assert refused(verify_consistency, 3, 3, [], ROOTS[3], ROOTS[4])
    assert refused(verify_consistency, 3, 3, [ROOTS[3]], ROOTS[3], ROOTS[3])
    assert refused(verify_consistency, 0, 3, [], EMPTY_ROOT, ROOTS[3])
    assert refused(verify_consistency, 0, 0, [], EMPTY_ROOT, EMPTY_ROOT)
    assert refused(verify_consistency, 4, 3, subproof(3, LEAVES[:4]), ROOTS[4], ROOTS[3])
    assert refused(verify_consistency, 3, 4, [], ROOTS[3], ROOTS[4])
    assert refused(verify_consistency, 4, 8, [], ROOTS[4], ROOTS[4])


def test_an_inner_node_is_no_entry() -> None:
    """Two hashes presented as an entry (second preimage) get the leaf's prefix, so the hash differs."""
    forged = leaf_hash(LEAVES[0] + LEAVES[1])
    assert forged != node_hash(LEAVES[0], LEAVES[1])
    assert refused(verify_inclusion, forged, 0, 2, [node_hash(LEAVES[2], LEAVES[3])], ROOTS[4])
