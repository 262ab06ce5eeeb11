"""Trees in tiles: growth, roots and proofs equal the naive reference at every size. Paths and bundles."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authcheck.errors import NotTrue, Rejected
from authcheck.tlog import tiles
from authcheck.tlog.merkle import EMPTY_ROOT, leaf_hash, root_of, verify_consistency, verify_inclusion
from authcheck.tlog.tiles import TilePath

LEAVES = [leaf_hash(b"%d" % number) for number in range(1400)]
SIZES = st.one_of(st.integers(1, 1400), st.sampled_from([1, 2, 255, 256, 257, 511, 512, 513, 1024, 1400]))


class Shelf:
    """Tiles in a dictionary that counts its reads."""

    def __init__(self, size: int = 0) -> None:
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.reads: Counter[tuple[int, int]] = Counter()
        self.tiles.update(tiles.grow(0, LEAVES[:size], self.read))
        self.reads.clear()

    def read(self, level: int, number: int) -> bytes:
        """Return a tile, as far as it exists."""
        self.reads[level, number] += 1
        return self.tiles.get((level, number), b"")


FULL = Shelf(len(LEAVES))


@given(st.lists(st.sampled_from([0, 1, 2, 3, 100, 255, 256, 257, 600]), max_size=8))
def test_tiles_do_not_depend_on_how_the_log_grew(steps: list[int]) -> None:
    """Growing by one or by thousands gives the same tiles.

    Each call returns only the tiles that it changes.
    """
    shelf = Shelf()
    size = 0
    for step in steps:
        leaves = LEAVES[size : size + step]
        changed = tiles.grow(size, leaves, shelf.read)
        assert all(shelf.tiles.get(at, b"") != hashes for at, hashes in changed.items())
        assert all(hashes.startswith(shelf.tiles.get(at, b"")) for at, hashes in changed.items())
        shelf.tiles.update(changed)
        size += len(leaves)
    assert shelf.tiles == Shelf(size).tiles


def test_the_layout_of_the_specification_s_example() -> None:
    """70,000 entries give tiles 273 x full and 112, 1 x full and 17, then 1 hash (C2SP tlog-tiles)."""
    widths = {
        at: len(hashes) // 32 for at, hashes in tiles.grow(0, [bytes(32)] * 70_000, lambda *_: b"").items()
    }
    assert Counter(level for level, _ in widths) == {0: 274, 1: 2, 2: 1}
    assert {at: width for at, width in widths.items() if width < 256} == {
        (0, 273): 112,
        (1, 1): 17,
        (2, 0): 1,
    }


@pytest.mark.parametrize("size", [0, 1, 2, 3, 255, 256, 257, 511, 512, 1000, 1400])
def test_roots_at_every_size_come_from_the_tiles_of_today(size: int) -> None:
    """A larger log still knows its earlier roots, because a partial tile is a prefix of the full tile."""
    assert tiles.root_at(size, FULL.read) == root_of(LEAVES[:size])
    assert tiles.root_at(0, FULL.read) == EMPTY_ROOT


@given(SIZES, st.data())
def test_inclusion_proofs_are_true_at_any_size(size: int, data: st.DataObject) -> None:
    """Each leaf of each tree is proved from the tiles of a larger log without reading a tile twice."""
    index = data.draw(st.integers(0, size - 1))
    FULL.reads.clear()
    proof = tiles.prove_inclusion(index, size, FULL.read)
    assert max(FULL.reads.values(), default=0) <= 1
    verify_inclusion(LEAVES[index], index, size, proof, root_of(LEAVES[:size]))


@given(SIZES, st.data())
def test_consistency_proofs_are_true_at_any_sizes(size2: int, data: st.DataObject) -> None:
    """Any two sizes are proved from the tiles of a larger log without reading a tile twice."""
    size1 = data.draw(st.integers(1, size2))
    FULL.reads.clear()
    proof = tiles.prove_consistency(size1, size2, FULL.read)
    assert max(FULL.reads.values(), default=0) <= 1
    verify_consistency(size1, size2, proof, root_of(LEAVES[:size1]), root_of(LEAVES[:size2]))


@pytest.mark.slow
def test_proofs_in_a_tree_of_three_levels() -> None:
    """Proofs are true at 70,000 entries, where a third level of tiles begins, and at its edge."""
    leaves = [leaf_hash(number.to_bytes(4)) for number in range(70_000)]
    shelf = Shelf()
    shelf.tiles.update(tiles.grow(0, leaves, shelf.read))
    dice = random.Random(1)
    for size in (65_535, 65_536, 65_537, 65_793, 70_000):
        root = root_of(leaves[:size])
        assert tiles.root_at(size, shelf.read) == root
        for index in (0, size - 1, dice.randrange(size)):
            verify_inclusion(leaves[index], index, size, tiles.prove_inclusion(index, size, shelf.read), root)
        size1 = dice.randrange(1, size)
        proof = tiles.prove_consistency(size1, size, shelf.read)
        verify_consistency(size1, size, proof, tiles.root_at(size1, shelf.read), root)


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (0, 0), (3, -1), (0, 2**63)])
def test_there_is_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    """A leaf outside the tree is the caller's mistake."""
    with pytest.raises(Rejected, match="no entry"):
        tiles.prove_inclusion(index, size, FULL.read)


@pytest.mark.parametrize(("size1", "size2"), [(0, 5), (6, 5), (-1, 5), (1, 2**63)])
def test_there_is_no_consistency_with_what_is_not_there(size1: int, size2: int) -> None:
    """Sizes in the wrong order, empty sizes and sizes beyond the limit are refused."""
    with pytest.raises(Rejected, match="cannot continue"):
        tiles.prove_consistency(size1, size2, FULL.read)


def test_a_tile_that_lacks_hashes_is_named() -> None:
    """The error names the tile for roots, for proofs and for appending."""
    shelf = Shelf(300)
    shelf.tiles[0, 1] = shelf.tiles[0, 1][:-32]
    with pytest.raises(NotTrue, match="Tile 0/1"):
        tiles.root_at(300, shelf.read)
    with pytest.raises(NotTrue, match="Tile 0/1"):
        tiles.grow(300, LEAVES[300:301], shelf.read)
    with pytest.raises(NotTrue, match="Tile 0/1"):
        tiles.prove_inclusion(5, 300, shelf.read)


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        (TilePath(0, 0, 256), "tile/0/000"),
        (TilePath(0, 1234067, 256), "tile/0/x001/x234/067"),
        (TilePath(1, 1000, 17), "tile/1/x001/000.p/17"),
        (TilePath(63, 999, 255), "tile/63/999.p/255"),
        (TilePath(None, 0, 1), "tile/entries/000.p/1"),
        (TilePath(None, 1234067, 256), "tile/entries/x001/x234/067"),
    ],
)
def test_paths_are_those_of_the_specification(asked: TilePath, path: str) -> None:
    """Paths are written and read back as in the specification."""
    if asked.level is None:
        assert tiles.entries_path(asked.number, asked.width) == path
    else:
        assert tiles.tile_path(asked.level, asked.number, asked.width) == path
    assert tiles.parse_path(path) == asked


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/64/000",
        "tile/100/000",
        "tile/-1/000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/",
        "tile/0/000\n",
        "tile/0/\u0660\u0660\u0660",
        "tile/entries/000/",
        "tile/0/../../000",
        "/tile/0/000",
        "tile/0/" + "x999/" * 7 + "999",
        "tile/0/" + "x999/" * 2000 + "999",
        "tile/data/000",
    ],
)
def test_one_tile_has_one_path(path: str) -> None:
    """Every other spelling is refused, because two addresses of one tile would be cached twice."""
    with pytest.raises(Rejected) as caught:
        tiles.parse_path(path)
    assert caught.value.code == "ledger.no_such_tile"


@given(st.lists(st.binary(max_size=300)))
def test_bundles_are_read_back(entries: list[bytes]) -> None:
    """Entries of any bytes are read back. A bundle without its last byte is refused."""
    bundle = tiles.encode_entries(entries)
    assert tiles.decode_entries(bundle) == entries
    if bundle:
        with pytest.raises(NotTrue, match="breaks off"):
            tiles.decode_entries(bundle[:-1])


def test_a_bundle_s_lengths_have_two_bytes() -> None:
    """A length is big-endian. 65,535 bytes fit, and one more does not."""
    assert tiles.encode_entries([b"ab", b""]) == b"\x00\x02ab\x00\x00"
    assert tiles.decode_entries(tiles.encode_entries([bytes(65_535)])) == [bytes(65_535)]
    with pytest.raises(Rejected):
        tiles.encode_entries([bytes(65_536)])
    with pytest.raises(NotTrue):
        tiles.decode_entries(b"\x00")
