"""The tree as tiles (C2SP tlog-tiles): growth, roots, proofs, and the served paths and bytes.

Tile `number` of level L holds at most 256 hashes. Each is the hash of a whole subtree of 256**L leaves. A
partial tile is a prefix of the full tile and is never hashed upwards. So the stored hashes serve every
earlier size of the tree.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from authcheck.errors import NotFound, NotTrue, Rejected
from authcheck.tlog.merkle import EMPTY_ROOT, HASH_BYTES, SIZE_LIMIT, node_hash

WIDTH = 256
HEIGHT = 8  # levels of the tree in a tile
TOP_LEVEL = 63
LONGEST_ENTRY_BYTES = 0xFFFF
MOST_LAYERED = 4096  # tiles with cached inner hashes, 8 KiB each: enough for a million entries
ReadTile = Callable[[int, int], bytes]
"""(level, number) -> the tile's stored hashes one after the other, or b"" when the tile has no hashes."""

PATH = re.compile(r"tile/(entries|0|[1-9]\d?)/((?:x\d{3}/){0,6}\d{3})(?:\.p/([1-9]\d{0,2}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class TilePath:
    """A request for the first `width` hashes of a tile, or for entries when `level` is None."""

    level: int | None
    number: int
    width: int


def grow(size: int, leaves: Sequence[bytes], read: ReadTile) -> dict[tuple[int, int], bytes]:
    """Return the tiles that change when leaf hashes join a tree of `size`: (level, number) -> all hashes.

    Overwrites hashes beyond `size`. Raises NotTrue (`ledger.tile`) when the tiles hold fewer than `size`
    leaves.
    """
    changed = {}
    level, count, fresh = 0, size, b"".join(leaves)
    while fresh:
        number, kept = divmod(count, WIDTH)
        hashes = _tile(read, level, number, kept)[: kept * HASH_BYTES] + fresh
        full = []
        for start in range(0, len(hashes), WIDTH * HASH_BYTES):
            tile = hashes[start : start + WIDTH * HASH_BYTES]
            changed[level, number] = tile
            number += 1
            if len(tile) == WIDTH * HASH_BYTES:
                full.append(_layers(tile)[HEIGHT])
        level, count, fresh = level + 1, count // WIDTH, b"".join(full)
    return changed


def root_at(size: int, read: ReadTile) -> bytes:
    """Return the root that the tree had at this size.

    Raises NotTrue (`ledger.tile`) when a tile lacks a hash.
    """
    return _hash_of(0, size, read) if size else EMPTY_ROOT


def prove_inclusion(index: int, size: int, read: ReadTile) -> list[bytes]:
    """Return the proof that leaf `index` is in the tree of `size` (RFC 6962 s2.1.1).

    Reads each tile at most once.

    Raises Rejected (`ledger.out_of_range`) for a leaf outside the tree, NotTrue (`ledger.tile`) when a tile
    lacks a hash.
    """
    if not 0 <= index < size < SIZE_LIMIT:
        raise Rejected(f"A log of {size} entries has no entry {index}.", code="ledger.out_of_range")
    read = cache(read)
    proof = []
    low, high = 0, size
    while high - low > 1:
        middle = _middle(low, high)
        if index < middle:
            proof.append(_hash_of(middle, high, read))
            high = middle
        else:
            proof.append(_hash_of(low, middle, read))
            low = middle
    return proof[::-1]


def prove_consistency(size1: int, size2: int, read: ReadTile) -> list[bytes]:
    """Return the proof that the tree of `size1` is the beginning of the tree of `size2` (RFC 6962 s2.1.2).

    Raises Rejected (`ledger.out_of_range`) unless 0 < size1 <= size2, NotTrue (`ledger.tile`) when a tile
    lacks a hash.
    """
    if not 0 < size1 <= size2 < SIZE_LIMIT:
        raise Rejected(
            f"A log of {size2} entries cannot continue a log of {size1} entries.",
            code="ledger.out_of_range",
        )
    read = cache(read)
    proof = []
    low, high = 0, size2
    while high != size1:
        middle = _middle(low, high)
        if size1 <= middle:
            proof.append(_hash_of(middle, high, read))
            high = middle
        else:
            proof.append(_hash_of(low, middle, read))
            low = middle
    if low:  # else the first tree is a whole subtree, and the verifier has its root
        proof.append(_hash_of(low, high, read))
    return proof[::-1]


def tile_path(level: int, number: int, width: int = WIDTH) -> str:
    """Return the path of the first `width` hashes of a tile, such as `tile/0/x001/x234/067.p/12`."""
    return f"tile/{level}/{_number_path(number, width)}"


def entries_path(number: int, width: int = WIDTH) -> str:
    """Return the path of the first `width` entries of a bundle, such as `tile/entries/x001/x234/067.p/12`."""
    return f"tile/entries/{_number_path(number, width)}"


def parse_path(path: str) -> TilePath:
    """Parse the path of a tile. Each tile has one path.

    Raises NotFound (`ledger.no_such_tile`) for other text.
    """
    parts = PATH.fullmatch(path)
    if parts:
        level = None if parts[1] == "entries" else int(parts[1])
        tile = TilePath(level, int(parts[2].replace("x", "").replace("/", "")), int(parts[3] or WIDTH))
        write_path = entries_path if level is None else lambda *rest: tile_path(level, *rest)
        if (
            (level or 0) <= TOP_LEVEL
            and tile.number < SIZE_LIMIT
            and write_path(tile.number, tile.width) == path
        ):
            return tile
    raise NotFound("There is no tile at that address.", code="ledger.no_such_tile")


def encode_entries(entries: Sequence[bytes]) -> bytes:
    """Encode a bundle: each entry after its length in two bytes, big-endian.

    Raises Rejected (`ledger.entry`) for an entry of more than 65,535 bytes.
    """
    if any(len(entry) > LONGEST_ENTRY_BYTES for entry in entries):
        raise Rejected("An entry has more than 65,535 bytes.", code="ledger.entry")
    return b"".join(len(entry).to_bytes(2) + entry for entry in entries)


def decode_entries(bundle: bytes) -> list[bytes]:
    """Decode the entries of a bundle, for a reader of the ledger or of a mirror.

    Raises NotTrue (`ledger.tile`) when the bundle breaks off.
    """
    return list(_split(bundle))


def _split(bundle: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(bundle):
        start = at + 2
        at = start + int.from_bytes(bundle[at:start])
        if start > len(bundle) or at > len(bundle):
            raise NotTrue("A bundle of entries breaks off.", code="ledger.tile")
        yield bundle[start:at]


def _middle(low: int, high: int) -> int:
    """Return where RFC 6962 divides a range of leaves: after the largest power of two below its size."""
    return low + (1 << (high - low - 1).bit_length() - 1)


def _hash_of(low: int, high: int, read: ReadTile) -> bytes:
    """Return the hash of the leaves from `low` up to, not including, `high`.

    Proofs and roots use such ranges.
    """
    count = high - low
    if count & (count - 1):
        middle = _middle(low, high)
        return node_hash(_hash_of(low, middle, read), _hash_of(middle, high, read))
    level, rest = divmod(count.bit_length() - 1, HEIGHT)
    number, first = divmod(low >> HEIGHT * level, WIDTH)
    at = (first >> rest) * HASH_BYTES
    return _layers(_tile(read, level, number, first + (1 << rest)))[rest][at : at + HASH_BYTES]


def _tile(read: ReadTile, level: int, number: int, width: int) -> bytes:
    """Read a tile of at least `width` hashes. Raises NotTrue (`ledger.tile`) for a shorter tile."""
    hashes = read(level, number) if width else b""
    if len(hashes) < width * HASH_BYTES:
        raise NotTrue(
            f"Tile {level}/{number} has fewer than {width} hashes.",
            code="ledger.tile",
            level=level,
            number=number,
        )
    return hashes


@lru_cache(maxsize=MOST_LAYERED)
def _layers(tile: bytes) -> tuple[bytes, ...]:
    """Return a tile's hashes, then the hashes of each layer above them, for whole subtrees only."""
    layers = [tile]
    for _ in range(HEIGHT):
        below = layers[-1]
        pairs = range(0, len(below) - HASH_BYTES, 2 * HASH_BYTES)
        layers.append(
            b"".join([hashlib.sha256(b"\x01" + below[at : at + 2 * HASH_BYTES]).digest() for at in pairs])
        )
    return tuple(layers)


def _number_path(number: int, width: int) -> str:
    digits = f"{number:03}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    partial = "" if width == WIDTH else f".p/{width}"
    return "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:]) + partial
