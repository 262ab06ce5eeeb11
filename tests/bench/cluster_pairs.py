"""How well are copies of one picture told from other pictures of the same design (ADR 26)?

    python tests/bench/cluster_pairs.py

The pictures and their copies are those of `cluster_pictures.py`. The radius of each method is chosen on one
half of the pictures: the largest one at which at most 3 in 1,000 pairs of different pictures of any kind
join. All printed figures are of the other half. Clusters are formed in a random order, as `cases.clusters`
forms them, and beside it by chains: each picture joins the cluster of its nearest earlier picture.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from bench_index import table
from cluster_pictures import EDITS, Taken, make_copies

from authcheck.vision.fingerprints import copies
from authcheck.vision.fingerprints.blocks import Bits, Codes
from authcheck.vision.fingerprints.fingerprint import REFERENCE_WINDOWS, SCHEME, Fingerprint

KINDS = ("photo", "print", "artwork", "packshot", "cut-out")
MOST_FALSE = 0.003
PDQ_BITS = 31  # what its authors recommend
Distance = Callable[[Taken, Sequence[Taken]], Bits]


def main() -> None:
    """Print three Markdown tables: methods, edits, clusters."""
    groups: dict[tuple[bool, str, str], list[Taken]] = defaultdict(list)
    for picture in make_copies():
        groups[picture.is_for_choosing, picture.kind, picture.product].append(picture)
    for pictures in groups.values():
        random.Random(0).shuffle(pictures)
    choosing = {key: pictures for key, pictures in groups.items() if key[0]}
    reported = {key: pictures for key, pictures in groups.items() if not key[0]}
    rows = []
    for name, distance in METHODS.items():
        chosen = Pairs.of(choosing.values(), distance).choose_radius()
        pairs = Pairs.of(reported.values(), distance)
        rows.append([name, str(chosen), *pairs.cells(chosen)])
        if name == "PDQ":
            rows.append([name, f"{PDQ_BITS} (customary)", *pairs.cells(PDQ_BITS)])
    table(["method", "radius", *KINDS], rows)
    pairs = Pairs.of(reported.values(), _slopes)
    table(["copy", *KINDS[:3]], pairs.edit_rows(copies.RADIUS_BITS))
    stars = [cluster_cells(reported, kind, is_star=True) for kind in KINDS]
    chains = [cluster_cells(reported, kind, is_star=False) for kind in KINDS]
    table(["clusters", *KINDS], [["stars", *stars], ["chains", *chains]])


def _pdq(picture: Taken, stored: Sequence[Taken]) -> Bits:
    return _least(picture.pdq, np.stack([earlier.pdq[:1] for earlier in stored]))


def _family(family: int, windows: int) -> Distance:
    def distance(picture: Taken, stored: Sequence[Taken]) -> Bits:
        codes = picture.codes[:windows, :, family].reshape(-1, 32)
        return _least(codes, np.stack([earlier.codes[:windows, 0, family] for earlier in stored]))

    return distance


def _least(codes: Codes, stored: Codes) -> Bits:
    """Return the least distances of codes `(n, 32)` to each of `(pictures, m, 32)`."""
    bits = np.bitwise_count(codes[:, None, None] ^ stored).sum(axis=3, dtype=np.int32)
    least: Bits = bits.min(axis=(0, 2))
    return least


def _slopes(picture: Taken, stored: Sequence[Taken]) -> Bits:
    query = Fingerprint(SCHEME, REFERENCE_WINDOWS, picture.codes)
    records = [Fingerprint(SCHEME, REFERENCE_WINDOWS, earlier.codes[:, :1]).to_bytes() for earlier in stored]
    return copies.measure(query, records)


METHODS: dict[str, Distance] = {
    "PDQ": _pdq,
    "phash, whole": _family(0, 1),
    "phash, whole and trimmed": _family(0, 2),
    "dhash, whole": _family(1, 1),
    "dhash, whole and trimmed": _family(1, 2),
    "dhash by slopes, whole and trimmed (ours)": _slopes,
}


@dataclass(slots=True)
class Pairs:
    """Distances of pairs of pictures of one product, by (kind, is a copy), and of copies by (kind, edit)."""

    bits: dict[tuple[str, bool], list[int]] = field(default_factory=lambda: defaultdict(list))
    edits: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, groups: Sequence[list[Taken]], distance: Distance) -> "Pairs":
        """Measure every picture against all earlier pictures of its group."""
        pairs = cls()
        for pictures in groups:
            for number, picture in enumerate(pictures[1:], 1):
                distances = distance(picture, pictures[:number]).tolist()
                for earlier, bits in zip(pictures, distances, strict=False):
                    is_copy = earlier.base == picture.base
                    pairs.bits[picture.kind, is_copy].append(bits)
                    edits = {earlier.edit, picture.edit}
                    if is_copy and "none" in edits:
                        pairs.edits[picture.kind, max(edits - {"none"})].append(bits)
        return pairs

    def choose_radius(self) -> int:
        """Return the largest radius at which at most MOST_FALSE of the false pairs of each kind join."""
        false = [sorted(bits) for (_, is_copy), bits in self.bits.items() if not is_copy]
        return min(bits[int(MOST_FALSE * len(bits))] - 1 for bits in false)

    def cells(self, radius: int) -> list[str]:
        """Return `recall / share of false pairs that join` by kind."""
        return [
            f"{_share(self.bits[kind, True], radius):.3f} / {_share(self.bits[kind, False], radius):.4f}"
            if (kind, False) in self.bits
            else f"{_share(self.bits[kind, True], radius):.3f}"
            for kind in KINDS
        ]

    def edit_rows(self, radius: int) -> list[list[str]]:
        """Return the share of copies that join the unedited picture, a row an edit."""
        return [
            [edit, *(f"{_share(self.edits[kind, edit], radius):.2f}" for kind in KINDS[:3])]
            for edit in EDITS
            if edit != "none"
        ]


def _share(bits: Sequence[int], radius: int) -> float:
    return sum(bit <= radius for bit in bits) / len(bits)


def cluster_cells(groups: dict[tuple[bool, str, str], list[Taken]], kind: str, *, is_star: bool) -> str:
    """Form clusters one picture after another. Return `precision / recall` of the pairs inside them."""
    right = inside = same = 0
    for (_, its_kind, _), pictures in groups.items():
        if its_kind != kind:
            continue
        numbers: list[int] = []
        for number, picture in enumerate(pictures):
            open_to = [place for place, own in enumerate(numbers) if own == place or not is_star]
            bits = _slopes(picture, [pictures[place] for place in open_to]) if open_to else np.array([256])
            is_near = bits.min() <= copies.RADIUS_BITS
            numbers.append(numbers[open_to[int(bits.argmin())]] if is_near else number)
        for number, picture in enumerate(pictures):
            for earlier in range(number):
                is_copy, is_inside = (
                    pictures[earlier].base == picture.base,
                    numbers[earlier] == numbers[number],
                )
                right, inside, same = right + (is_copy and is_inside), inside + is_inside, same + is_copy
    return f"{right / inside:.4f} / {right / same:.3f}"


if __name__ == "__main__":
    main()
