"""The designs that one transaction adds to the registry before its commit."""

from authcheck.registry.tables import Design, View


class UnsavedDesigns:
    """Designs whose transaction has not been committed, by reference and by picture.

    The designs of a dry run are never stored.
    """

    def __init__(self) -> None:
        self._pictures: dict[str, set[str]] = {}
        self._by_reference: dict[tuple[str, str], Design] = {}
        self._by_picture: dict[tuple[str, str], list[Design]] = {}

    def add(self, view: View) -> None:
        """Add one view, which has its `design` loaded."""
        design, sha256 = view.design, view.picture_sha256
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
