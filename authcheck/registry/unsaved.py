"""What one transaction adds to the registry before its commit."""

from collections.abc import Callable, Iterator
from functools import partial

from authcheck.registry.tables import Design
from authcheck.vision.fingerprints.fingerprint import Fingerprint
from authcheck.vision.fingerprints.gallery import Gallery, Hit

FIRST_NEAR = 8  # pictures looked at first for another owner's design
MOST_NEAR = 4096  # and at most, while the owner's own stand before it


class UnsavedDesigns:
    """Designs that the shared index must not know before the commit, and that a dry run never stores."""

    def __init__(self) -> None:
        self._gallery = Gallery()
        self._designs: list[Design] = []  # by the number of their picture in the gallery
        self._pictures: dict[str, set[str]] = {}
        self._by_reference: dict[tuple[str, str], Design] = {}
        self._by_picture: dict[tuple[str, str], list[Design]] = {}

    def add(self, design: Design, sha256: str, fingerprint: Fingerprint) -> None:
        """One more picture of a design."""
        self._gallery.add([len(self._designs)], [fingerprint.reference().to_bytes()])
        self._designs.append(design)
        self._pictures.setdefault(design.id, set()).add(sha256)
        self._by_reference[design.owner_id, design.reference] = design
        self._by_picture.setdefault((design.owner_id, sha256), []).append(design)

    def called(self, owner_id: str, reference: str) -> Design | None:
        """The owner's design of that reference."""
        return self._by_reference.get((owner_id, reference))

    def showing(self, owner_id: str, hashes: frozenset[str]) -> Design | None:
        """The first of the owner's designs that has all of these pictures."""
        designs = self._by_picture.get((owner_id, min(hashes)), [])
        return next((design for design in designs if hashes <= self._pictures[design.id]), None)

    def pictures_of(self, design: Design) -> set[str]:
        """SHA-256 of the pictures added to a design."""
        return self._pictures.get(design.id, set())

    def near(
        self, owner_id: str, sha256: str, query: Fingerprint, least_score: float
    ) -> Iterator[tuple[Design, float]]:
        """Other owners' designs with scores of at least `least_score`; the very same file scores 1."""
        for hit in hits_above(partial(self._gallery.search, query), least_score):
            design = self._designs[hit.view_id]
            if design.owner_id != owner_id:
                yield design, 1.0 if sha256 in self._pictures[design.id] else hit.score


def hits_above(search: Callable[[int], list[Hit]], least_score: float) -> list[Hit]:
    """The hits of a search with at least that score: it looks further while all that it found are so near."""
    count = FIRST_NEAR
    while True:
        hits = [hit for hit in search(count) if hit.score >= least_score]
        if len(hits) < count or count >= MOST_NEAR:
            return hits
        count *= 8
