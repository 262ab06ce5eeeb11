"""What a comparison of a picture with registered views says, and who makes it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from authcheck.registry.tables import View
from authcheck.vision.fingerprints.fingerprint import Fingerprint
from authcheck.vision.matching.subjects import Submitted


@dataclass(frozen=True, slots=True)
class NewPicture:
    """A picture that is compared before it is registered.

    `data` has its original bytes. `record` has the local features within its mask (`Features.to_bytes`), and
    `thumbnail` a small copy (`vision.features.thumbnail`).
    """

    data: bytes
    sha256: str
    width_px: int
    height_px: int
    fingerprint: Fingerprint
    record: bytes
    thumbnail: bytes


@dataclass(frozen=True, slots=True)
class Similarity:
    """The number of a view that a picture shows (`match`) or resembles (`lookalike`).

    A picture that is a part of the view's picture shows the view, too. The score is in [0, 1].
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

    `policy` names the thresholds and the stages. `submitted` is the picture as the local stages read it, for
    further comparisons.
    """

    policy: str
    tick: int
    similar: Sequence[Similarity]
    submitted: Submitted | None = field(default=None, repr=False, compare=False)


class NewViews(Protocol):
    """Views that the indexes of this process lack, such as those of the same transaction."""

    def add(self, view: View) -> None:
        """Add a view, which has `local` and `design` loaded. It need not be stored."""

    def compare(
        self, picture: NewPicture, without: str | None, submitted: Submitted | None = None
    ) -> list[Similar]:
        """Return the views of all owners but one (an id) that a picture shows or resembles.

        `submitted` is the picture as the local stages read it, if a comparison has read it before.
        """


class Comparer(Protocol):
    """Compares pictures with registered views by the same stages as a check."""

    @property
    def policy(self) -> str:
        """Return the name of the policy."""

    def compare(self, picture: NewPicture, owner_id: str | None) -> Compared:
        """Compare a picture with the views of all owners but one, outside any transaction.

        Raises ImageRejected, Unavailable.
        """

    def new_views(self) -> NewViews:
        """Return an empty collection of views."""
