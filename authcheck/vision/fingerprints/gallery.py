"""All registered views in memory, searched by both hash families at once."""

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

    `score` is the probability in [0, 1] that this is the design in the picture. `window` is the part of the picture
    and `orientation` what was done to the design to give it; `distances_bits` (0-256) is by family, `method` the
    family that is nearer.
    """

    view_id: int
    score: float
    method: str
    orientation: str
    window: str
    distances_bits: Mapping[str, int]


class Gallery:
    """Views by number, each under the codes of its whole and of its trimmed picture, one index a family.

    The distance of a picture and a view is the least joint distance (`score.joint_bits`) over the picture's windows and
    orientations and the view's windows. Changes must not run beside each other. A search
    beside a change is safe and sees part of it: who needs all of it asks again, as LiveGallery does.

    Args:
        new_index: makes an empty index; FlatIndex, or BruteForceIndex to compare with.
    """

    def __init__(self, new_index: Callable[[], FingerprintIndex] = FlatIndex) -> None:
        self._indexes = tuple(new_index() for _ in FAMILIES)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, view_ids: Sequence[int], records: Sequence[bytes]) -> None:
        """Put reference records (`Fingerprint.reference().to_bytes()`) under these numbers, all or nothing.

        Raises ValueError for a number that is known or repeated and for a record of another scheme.
        """
        codes = reference_codes(records)
        ids = _entries(view_ids)
        # A picture without a border is its own trimmed picture: one entry is enough.
        kept = np.ones(ids.shape, np.bool_)
        kept[:, 1:] = (codes[:, 1:] != codes[:, :1]).any(axis=(2, 3))
        for family, index in enumerate(self._indexes):
            index.add(ids[kept], np.ascontiguousarray(codes[kept][:, family]))
        self._count += len(ids)

    def remove(self, view_ids: Sequence[int]) -> None:
        """Take these views out; numbers that are not there are ignored."""
        whole, *others = _entries(view_ids).T
        removed = [index.remove(whole) for index in self._indexes]
        for index in self._indexes:
            index.remove(np.concatenate(others))
        self._count -= removed[0]

    def search(self, query: Fingerprint, count: int) -> list[Hit]:
        """The `count` best views, by falling score, then by number.

        Every view within REACH_BITS is considered, so none that could matter is missed; the list is filled up with
        views that are among the nearest by one family. Raises ValueError for a fingerprint of another scheme.
        """
        if query.scheme != SCHEME:
            raise ValueError(f"a fingerprint of scheme {query.scheme!r}, not {SCHEME!r}")
        variants = query.codes.reshape(-1, len(FAMILIES), CODE_BYTES)
        codes = [np.ascontiguousarray(variants[:, family]) for family in range(len(FAMILIES))]
        ids, stored = self._codes_of(self._near(codes, max(LEAST_NEAR, count * WINDOWS)))
        if not len(ids):
            return []
        bits = np.stack([_distances(c, s) for c, s in zip(codes, stored, strict=True)])
        joint = joint_bits(*bits)
        variant = joint.argmin(axis=0)
        column = np.arange(len(ids))
        best = joint[variant, column]
        hits: dict[int, Hit] = {}
        for place in np.lexsort((ids, best)).tolist():
            view = int(ids[place]) // WINDOWS
            if view not in hits:
                distances = bits[:, variant[place], place].tolist()
                hits[view] = _hit(query, view, int(variant[place]), score_of(int(best[place])), distances)
            if len(hits) == count:
                break
        return list(hits.values())

    def _near(self, codes: Sequence[Codes], count: int) -> Ids:
        """The entries among the `count` nearest of any variant by either family, and all within REACH_BITS."""
        found = [index.nearest(c, count) for c, index in zip(codes, self._indexes, strict=True)]
        ids = [near[near >= 0] for near, _ in found]
        # An entry not seen by either family is as far as the last one seen, or farther: it is within reach only where
        # dhash leaves room for it.
        phash, dhash = (np.where(bits[:, -1] < 0, CODE_BITS, bits[:, -1]) for _, bits in found)
        open_rows = np.nonzero(joint_bits(phash, dhash) <= REACH_BITS)[0]
        if len(open_rows):
            radius = REACH_BITS - int(joint_bits(phash[open_rows], np.zeros(1, np.int32)).min())
            ids.append(self._indexes[1].within(codes[1][open_rows], radius)[1])
        return np.unique(np.concatenate(ids))

    def _codes_of(self, ids: Ids) -> tuple[Ids, list[Codes]]:
        """The stored codes by family, without the entries that were taken out since they were found."""
        while True:
            try:
                return ids, [index.codes_of(ids) for index in self._indexes]
            except KeyError as gone:
                ids = ids[ids != gone.args[0]]


def _entries(view_ids: Sequence[int]) -> Ids:
    """The index ids of views, `(views, windows)`."""
    return np.asarray(view_ids, np.int64)[:, None] * WINDOWS + np.arange(WINDOWS)


def _distances(codes: Codes, stored: Codes) -> Bits:
    """Hamming distances in bits, `(codes, stored)`."""
    left, right = codes.view(np.uint64), np.ascontiguousarray(stored).view(np.uint64)
    bits = np.zeros((len(left), len(right)), np.int32)
    for word in range(left.shape[1]):
        bits += np.bitwise_count(left[:, word, None] ^ right[:, word])
    return bits


def _hit(query: Fingerprint, view: int, variant: int, score: float, distances: Sequence[int]) -> Hit:
    window, orientation = divmod(variant, query.codes.shape[1])
    return Hit(
        view_id=view,
        score=score,
        method=FAMILIES[int(np.argmin(distances))],
        orientation=ORIENTATIONS[orientation],
        window=query.windows[window],
        distances_bits=dict(zip(FAMILIES, distances, strict=True)),
    )
