"""What a comparison of a picture with registered views says, and who makes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from authcheck.registry.tables import View
from authcheck.vision.fingerprints.fingerprint import Fingerprint

MATCH, LOOKALIKE = "match", "lookalike"


@dataclass(frozen=True, slots=True)
class Similarity:
    """The number of a view that a picture shows (`match`) or resembles (`lookalike`).

    The score is in [0, 1].
    """

    number: int
    verdict: str
    score: float


@dataclass(frozen=True, slots=True)
class Similar:
    """A Similarity to a view that may not be stored. The view has its `design` loaded."""

    view: View
    verdict: str
    score: float


@dataclass(frozen=True, slots=True)
class Compared:
    """The result of a comparison with all other owners' views as of the registry's tick `tick`.

    `similar` has at most one view per design. `policy` names the thresholds and the stages.
    """

    policy: str
    tick: int
    similar: Sequence[Similarity]


class Comparer(Protocol):
    """Compares pictures with registered views by the same stages as a check."""

    @property
    def policy(self) -> str:
        """Return the name of the policy."""

    def compare(self, data: bytes, fingerprint: Fingerprint, sha256: str, owner_id: str | None) -> Compared:
        """Compare a picture with the views of all owners but one, outside any transaction.

        Raises ImageRejected, Unavailable.
        """

    def compare_with(
        self, data: bytes, fingerprint: Fingerprint, sha256: str, views: Sequence[View]
    ) -> list[Similar]:
        """Compare a picture with these views, which have `local` and `design` loaded.

        Returns the similar views, at most one per design.
        """
