"""Exact Hamming search over fingerprints: the protocol, its implementation and a reference implementation.

authcheck runs on `FlatIndex`. `BruteForceIndex` is plain numpy and defines what "exact" means. Both give the
same answer to the last id. The database owns the codes. An index is filled from the database and holds
nothing else.
"""

import threading
from typing import Protocol

import numpy as np

from authcheck.vision.fingerprints.blocks import Bits, Block, Codes, Ids, cut, on_one_thread, runs

CODE_BITS = 256
CODE_BYTES = CODE_BITS // 8


class FingerprintIndex(Protocol):
    """Exact Hamming search over 256-bit codes, each under its own id (0 or greater).

    Codes are `(n, 32) uint8`, ids `(n,) int64`. Another shape or dtype raises ValueError. The index is
    thread-safe: any number of threads may search while others change the index, and a search sees each change
    completely or not at all.
    """

    def add(self, ids: Ids, codes: Codes) -> None:
        """Add `codes[i]` under `ids[i]`, all or nothing.

        Raises ValueError if an id is already in the index, repeated or negative.
        """

    def remove(self, ids: Ids) -> int:
        """Remove the entries of these ids and return how many there were. Unknown ids are ignored."""

    def within(self, codes: Codes, radius_bits: int) -> tuple[Ids, Ids, Bits]:
        """Return (query_row, id, distance_bits) of every entry at most `radius_bits` (0-256) away.

        Sorted by query_row, then distance, then id. Raises ValueError for a radius out of range.
        """

    def nearest(self, codes: Codes, count: int) -> tuple[Ids, Bits]:
        """Return ids and distances in bits, `(q, count)` each, of the `count` (1 or more) nearest entries.

        One row per query, sorted by distance, then id, and cut in that order. Both hold -1 where there are
        fewer entries.
        """

    def codes_of(self, ids: Ids) -> Codes:
        """Return the codes of these ids, `(n, 32)`, in the given order. Raises KeyError with a missing id."""

    def __len__(self) -> int: ...


class FlatIndex:
    """faiss' flat scan over blocks sorted by id: about 1 ms per query and million codes, 40 bytes per entry.

    A search compares every code, so it misses nothing. Searches take no lock. A search works on the tuple of
    blocks that it picked up, and no row in these blocks ever changes. A change builds new blocks for those
    that it touches (one block for one entry), then replaces the tuple in one step. Changes only wait for each
    other. The ascending order of ids has three uses: the position in a block breaks ties, an id is found
    without a table, and the usual addition goes to the end without copying.

    A search runs on the calling thread alone. To use more cores, search from several threads: faiss releases
    the GIL.

    Args:
        block_codes: most entries in a block. Smaller blocks make changes cheaper and searches slower.
    """

    def __init__(self, block_codes: int = 131_072) -> None:
        self._limit = block_codes
        self._blocks: tuple[Block, ...] = ()
        self._changing = threading.Lock()

    def add(self, ids: Ids, codes: Codes) -> None:
        """See `FingerprintIndex.add`. Appends ids above all others. Other ids copy their blocks."""
        _check_entries(ids, codes)
        order = np.argsort(ids, kind="stable")
        ids, codes = ids[order], codes[order]
        with self._changing:
            blocks = list(self._blocks)
            inner_count = int(np.searchsorted(ids, blocks[-1].ids[-1], "right")) if blocks else 0
            for number, run in runs(blocks, ids[:inner_count]):
                block = blocks[number]
                if (place := block.places(ids[run]).max()) >= 0:
                    raise ValueError(f"id {block.ids[place]} is already in the index")
                blocks[number : number + 1] = block.merged(ids[run], codes[run], self._limit)
            self._append(blocks, ids[inner_count:], codes[inner_count:])
            self._publish(blocks)

    def remove(self, ids: Ids) -> int:
        """See `FingerprintIndex.remove`. Copies each block that loses an entry."""
        _check_ids(ids)
        ids = np.unique(ids)
        with self._changing:
            count_before, blocks = len(self), list(self._blocks)
            for number, run in runs(blocks, ids):
                places = blocks[number].places(ids[run])
                if places.max() >= 0:
                    blocks[number] = blocks[number].without(places[places >= 0])
            self._publish([block for block in blocks if block.size])
            return count_before - len(self)

    @on_one_thread
    def within(self, codes: Codes, radius_bits: int) -> tuple[Ids, Ids, Bits]:
        """See `FingerprintIndex.within`."""
        codes = _check_codes(codes)
        _check_radius(radius_bits)
        parts = [part for block in self._blocks if (part := block.within(codes, radius_bits))]
        if not parts:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int32)
        rows, ids, bits = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
        order = np.lexsort((ids, bits, rows))
        return rows[order], ids[order], bits[order]

    @on_one_thread
    def nearest(self, codes: Codes, count: int) -> tuple[Ids, Bits]:
        """See `FingerprintIndex.nearest`."""
        codes = _check_codes(codes)
        _check_count(count)
        parts = [block.nearest(codes, min(count, block.size)) for block in self._blocks]
        if len(parts) == 1 and parts[0][0].shape[1] == count:
            return parts[0]
        padding = (
            np.full((len(codes), count), -1, np.int64),
            np.full((len(codes), count), CODE_BITS + 1, np.int32),
        )
        ids, bits = map(np.hstack, zip(padding, *parts, strict=True))
        order = np.lexsort((ids, bits))[:, :count]
        ids, bits = np.take_along_axis(ids, order, 1), np.take_along_axis(bits, order, 1)
        bits[ids < 0] = -1
        return ids, bits

    def codes_of(self, ids: Ids) -> Codes:
        """See `FingerprintIndex.codes_of`."""
        _check_ids(ids)
        sorted_ids, positions = np.unique(ids, return_inverse=True)
        codes = np.empty((len(sorted_ids), CODE_BYTES), np.uint8)
        is_missing = np.ones(len(sorted_ids), bool)
        blocks = self._blocks
        for number, run in runs(blocks, sorted_ids):
            places = blocks[number].places(sorted_ids[run])
            codes[run] = blocks[number].room_codes[places]
            is_missing[run] = places < 0
        if is_missing.any():
            raise KeyError(int(sorted_ids[is_missing][0]))
        return codes[positions]

    def __len__(self) -> int:
        return sum(block.size for block in self._blocks)

    def _append(self, blocks: list[Block], ids: Ids, codes: Codes) -> None:
        """Append entries with ids above all others: into the last block's free room, then into new blocks."""
        while len(ids):
            if not blocks or blocks[-1].size >= self._limit:
                blocks.append(Block(ids[:0], codes[:0], 0))
            room = self._limit - blocks[-1].size
            blocks[-1] = blocks[-1].extended(ids[:room], codes[:room], self._limit)
            ids, codes = ids[room:], codes[room:]

    def _publish(self, blocks: list[Block]) -> None:
        """Show the changed blocks to the next search.

        First packs the blocks when removals left them mostly empty.
        """
        if len(blocks) > 2 + 2 * sum(block.size for block in blocks) // self._limit:
            ids, codes = (
                np.concatenate(parts)
                for parts in zip(*((block.ids, block.codes) for block in blocks), strict=True)
            )
            blocks = cut(ids, codes, self._limit)
        self._blocks = tuple(blocks)


class BruteForceIndex:
    """A plain numpy index that computes every distance and sorts every answer: slow, but simple to verify."""

    def __init__(self) -> None:
        self._entries = np.empty(0, np.int64), np.empty((0, CODE_BYTES), np.uint8)
        self._changing = threading.Lock()

    def add(self, ids: Ids, codes: Codes) -> None:
        """See `FingerprintIndex.add`."""
        _check_entries(ids, codes)
        with self._changing:
            old_ids, old_codes = self._entries
            if np.isin(ids, old_ids).any():
                raise ValueError(f"id {ids[np.isin(ids, old_ids)][0]} is already in the index")
            self._entries = np.concatenate([old_ids, ids]), np.concatenate([old_codes, codes])

    def remove(self, ids: Ids) -> int:
        """See `FingerprintIndex.remove`."""
        _check_ids(ids)
        with self._changing:
            old_ids, old_codes = self._entries
            stays = ~np.isin(old_ids, ids)
            self._entries = old_ids[stays], old_codes[stays]
        return len(old_ids) - int(stays.sum())

    def within(self, codes: Codes, radius_bits: int) -> tuple[Ids, Ids, Bits]:
        """See `FingerprintIndex.within`."""
        _check_radius(radius_bits)
        ids, distances = self._compute_distances(codes)
        rows, columns = np.nonzero(distances <= radius_bits)
        near_ids, bits = ids[columns], distances[rows, columns]
        order = np.lexsort((near_ids, bits, rows))
        return rows[order], near_ids[order], bits[order]

    def nearest(self, codes: Codes, count: int) -> tuple[Ids, Bits]:
        """See `FingerprintIndex.nearest`."""
        _check_count(count)
        ids, distances = self._compute_distances(codes)
        nearest_ids = np.full((len(codes), count), -1, np.int64)
        nearest_bits = np.full((len(codes), count), -1, np.int32)
        for row, bits in enumerate(distances):
            order = np.lexsort((ids, bits))[:count]
            nearest_ids[row, : len(order)] = ids[order]
            nearest_bits[row, : len(order)] = bits[order]
        return nearest_ids, nearest_bits

    def codes_of(self, ids: Ids) -> Codes:
        """See `FingerprintIndex.codes_of`."""
        _check_ids(ids)
        stored_ids, stored_codes = self._entries
        if missing := set(ids.tolist()) - set(stored_ids.tolist()):
            raise KeyError(min(missing))
        order = np.argsort(stored_ids)
        return stored_codes[order[np.searchsorted(stored_ids[order], ids)]]

    def __len__(self) -> int:
        return len(self._entries[0])

    def _compute_distances(self, codes: Codes) -> tuple[Ids, Bits]:
        """Return the ids, and the distances of each query to all of them."""
        ids, stored = self._entries
        queries = _check_codes(codes).view(np.uint64)
        distances = np.empty((len(queries), len(ids)), np.int32)
        for row, query in enumerate(queries):
            distances[row] = np.bitwise_count(stored.view(np.uint64) ^ query).sum(axis=1, dtype=np.int32)
        return ids, distances


def _check_ids(ids: Ids) -> None:
    if ids.dtype != np.int64 or ids.ndim != 1:
        raise ValueError(f"ids must be (n,) int64, got {ids.shape} {ids.dtype}")


def _check_entries(ids: Ids, codes: Codes) -> None:
    _check_ids(ids)
    _check_codes(codes)
    if len(ids) != len(codes):
        raise ValueError(f"{len(ids)} ids for {len(codes)} codes")
    ordered = np.sort(ids)
    if (ordered[1:] == ordered[:-1]).any():
        raise ValueError("an id is repeated")
    if len(ids) and ids.min() < 0:
        raise ValueError(f"ids are 0 or greater, got {ids.min()}")


def _check_codes(codes: Codes) -> Codes:
    if codes.dtype != np.uint8 or codes.shape[1:] != (CODE_BYTES,):
        raise ValueError(f"codes must be (n, {CODE_BYTES}) uint8, got {codes.shape} {codes.dtype}")
    return np.ascontiguousarray(codes)


def _check_radius(radius_bits: int) -> None:
    if not 0 <= radius_bits <= CODE_BITS:
        raise ValueError(f"a radius is 0 to {CODE_BITS} bits, got {radius_bits}")


def _check_count(count: int) -> None:
    if count < 1:
        raise ValueError(f"a count is 1 or more, got {count}")
