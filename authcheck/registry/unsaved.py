"""The designs that one transaction adds to the registry before its commit."""

from collections.abc import Callable, Iterator
from functools import partial

from authcheck.registry.tables import Design
from authcheck.vision.fingerprints.fingerprint import Fingerprint
from authcheck.vision.fingerprints.gallery import Gallery, Hit

FIRST_NEAR = 8  # number of nearest pictures that the first search for another owner's design asks for
MOST_NEAR = 4096  # number for the last search, even if the owner's own pictures fill its whole result


class UnsavedDesigns:
    """Designs that are not in the shared index, because their transaction has not been committed.

    The designs of a dry run are never stored.
    """

    def __init__(self) -> None:
        self._gallery = Gallery()
        self._designs: list[Design] = []  # the index in this list is the picture's number in the gallery
        self._pictures: dict[str, set[str]] = {}
        self._by_reference: dict[tuple[str, str], Design] = {}
        self._by_picture: dict[tuple[str, str], list[Design]] = {}

    def add(self, design: Design, sha256: str, fingerprint: Fingerprint) -> None:
        """Add one picture of a design."""
        self._gallery.add([len(self._designs)], [fingerprint.reference().to_bytes()])
        self._designs.append(design)
        self._pictures.setdefault(design.id, set()).add(sha256)
        self._by_reference[design.owner_id, design.reference] = design
        self._by_picture.setdefault((design.owner_id, sha256), []).append(design)

    def called(self, owner_id: str, reference: str) -> Design | None:
        """Return the owner's design with this reference, or None."""
        return self._by_reference.get((owner_id, reference))

    def showing(self, owner_id: str, hashes: frozenset[str]) -> Design | None:
        """Return the owner's first design that has all of these pictures, or None."""
        designs = self._by_picture.get((owner_id, min(hashes)), [])
        return next((design for design in designs if hashes <= self._pictures[design.id]), None)

    def pictures_of(self, design: Design) -> set[str]:
        """Return the SHA-256 of the pictures that were added to a design."""
        return self._pictures.get(design.id, set())

    def near(
        self, owner_id: str, sha256: str, query: Fingerprint, least_score: float
    ) -> Iterator[tuple[Design, float]]:
        """Yield other owners' designs with scores of at least `least_score`.

        An identical file has the score 1.
        """
        for hit in hits_above(partial(self._gallery.search, query), least_score):
            design = self._designs[hit.view_id]
            if design.owner_id != owner_id:
                yield design, 1.0 if sha256 in self._pictures[design.id] else hit.score


def hits_above(search: Callable[[int], list[Hit]], least_score: float) -> list[Hit]:
    """Return the hits with at least this score.

    The search asks for 8 times more pictures while all hits reach the score, up to MOST_NEAR.
    """
    count = FIRST_NEAR
    while True:
        hits = [hit for hit in search(count) if hit.score >= least_score]
        if len(hits) < count or count >= MOST_NEAR:
            return hits
        count *= 8
