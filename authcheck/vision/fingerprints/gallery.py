"""An in-memory search over all registered views, by both hash families at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from authcheck.vision.fingerprints.blocks import Bits, Codes, Ids
from authcheck.vision.fingerprints.fingerprint import (
    CODE_BYTES,
    FAMILIES,
    ORIENTATIONS,
    REFERENCE_WINDOWS,
    SCHEME,
    Fingerprint,
    reference_codes,
)
from authcheck.vision.fingerprints.index import CODE_BITS, FingerprintIndex, FlatIndex
from authcheck.vision.fingerprints.score import REACH_BITS, joint_bits, score_of

WINDOWS = len(REFERENCE_WINDOWS)
LEAST_NEAR = 16


@dataclass(frozen=True, slots=True)
class Hit:
    """A registered view that a picture resembles.

    `score` is the probability in [0, 1] that this design is in the picture. `window` is the matching part of
    the picture. `orientation` is the change from the design to this part. `distances_bits` (0-256) is by
    family. `method` is the family with the smaller distance.
    """

    view_id: int
    score: float
    method: str
    orientation: str
    window: str
    distances_bits: Mapping[str, int]


class Gallery:
    """Views by number, each with the codes of its whole and of its trimmed picture, one index per family.

    The distance of a picture and a view is the least joint distance (`score.joint_bits`) over the picture's
    windows and orientations and the view's windows. Two changes must not run at the same time. A search
    beside a change is safe and sees a part of the change. A caller that needs the whole change searches
    again, as LiveGallery does.

    Args:
        new_index: makes an empty index: FlatIndex, or BruteForceIndex for comparison.
    """

    def __init__(self, new_index: Callable[[], FingerprintIndex] = FlatIndex) -> None:
        self._indexes = tuple(new_index() for _ in FAMILIES)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, view_ids: Sequence[int], records: Sequence[bytes]) -> None:
        """Add reference records (`Fingerprint.reference().to_bytes()`) under these numbers, all or nothing.

        Raises ValueError for a number that is already in the gallery or repeated, and for a record of another
        scheme.
        """
        codes = reference_codes(records)
        ids = _entry_ids(view_ids)
        # The trimmed picture of a picture without a border is the same picture, so one entry is enough.
        is_needed = np.ones(ids.shape, np.bool_)
        is_needed[:, 1:] = (codes[:, 1:] != codes[:, :1]).any(axis=(2, 3))
        for family, index in enumerate(self._indexes):
            index.add(ids[is_needed], np.ascontiguousarray(codes[is_needed][:, family]))
        self._count += len(ids)

    def remove(self, view_ids: Sequence[int]) -> None:
        """Remove these views. Numbers that are not in the gallery are ignored."""
        whole, *others = _entry_ids(view_ids).T
        removed = [index.remove(whole) for index in self._indexes]
        for index in self._indexes:
            index.remove(np.concatenate(others))
        self._count -= removed[0]

    def search(self, query: Fingerprint, count: int) -> list[Hit]:
        """Return the `count` best views, by falling score, then by number.

        Considers every view within REACH_BITS, so the search misses no view that could matter. Fills the list
        up with views that are among the nearest by one family. Raises ValueError for a fingerprint of another
        scheme.
        """
        if query.scheme != SCHEME:
            raise ValueError(f"a fingerprint of scheme {query.scheme!r}, not {SCHEME!r}")
        variants = query.codes.reshape(-1, len(FAMILIES), CODE_BYTES)
        codes = [np.ascontiguousarray(variants[:, family]) for family in range(len(FAMILIES))]
        ids, stored = self._codes_of(self._near(codes, max(LEAST_NEAR, count * WINDOWS)))
        if not len(ids):
            return []
        bits = np.stack([_compute_distances(*pair) for pair in zip(codes, stored, strict=True)])
        joint = joint_bits(*bits)
        variant = joint.argmin(axis=0)
        column = np.arange(len(ids))
        best_joint = joint[variant, column]
        hits: dict[int, Hit] = {}
        for place in np.lexsort((ids, best_joint)).tolist():
            view = int(ids[place]) // WINDOWS
            if view not in hits:
                distances = bits[:, variant[place], place].tolist()
                hits[view] = _make_hit(
                    query, view, int(variant[place]), score_of(int(best_joint[place])), distances
                )
            if len(hits) == count:
                break
        return list(hits.values())

    def _near(self, codes: Sequence[Codes], count: int) -> Ids:
        """Return the `count` nearest entries of any variant by either family, and all within REACH_BITS."""
        nearest = [
            index.nearest(family_codes, count)
            for family_codes, index in zip(codes, self._indexes, strict=True)
        ]
        ids = [family_ids[family_ids >= 0] for family_ids, _ in nearest]
        # An entry that neither family lists is at least as far as the last listed entry of each family. Where
        # that is still within reach, search by dhash for every entry that could be within reach.
        phash, dhash = (np.where(bits[:, -1] < 0, CODE_BITS, bits[:, -1]) for _, bits in nearest)
        open_rows = np.nonzero(joint_bits(phash, dhash) <= REACH_BITS)[0]
        if len(open_rows):
            radius = REACH_BITS - int(joint_bits(phash[open_rows], np.zeros(1, np.int32)).min())
            ids.append(self._indexes[1].within(codes[1][open_rows], radius)[1])
        return np.unique(np.concatenate(ids))

    def _codes_of(self, ids: Ids) -> tuple[Ids, list[Codes]]:
        """Return the stored codes by family, without entries removed since the search found them."""
        while True:
            try:
                return ids, [index.codes_of(ids) for index in self._indexes]
            except KeyError as missing:
                ids = ids[ids != missing.args[0]]


def _entry_ids(view_ids: Sequence[int]) -> Ids:
    """Return the index ids of views, `(views, windows)`."""
    return np.asarray(view_ids, np.int64)[:, None] * WINDOWS + np.arange(WINDOWS)


def _compute_distances(codes: Codes, stored: Codes) -> Bits:
    """Return Hamming distances in bits, `(codes, stored)`."""
    left, right = codes.view(np.uint64), np.ascontiguousarray(stored).view(np.uint64)
    bits = np.zeros((len(left), len(right)), np.int32)
    for word in range(left.shape[1]):
        bits += np.bitwise_count(left[:, word, None] ^ right[:, word])
    return bits


def _make_hit(query: Fingerprint, view: int, variant: int, score: float, distances: Sequence[int]) -> Hit:
    """Return the Hit of a view for the nearest `variant`, a row of the flattened windows and orientations."""
    window, orientation = divmod(variant, query.codes.shape[1])
    return Hit(
        view_id=view,
        score=score,
        method=FAMILIES[int(np.argmin(distances))],
        orientation=ORIENTATIONS[orientation],
        window=query.windows[window],
        distances_bits=dict(zip(FAMILIES, distances, strict=True)),
    )
