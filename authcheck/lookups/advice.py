"""What a buyer is told about a label: one of four outcomes, and the cautions behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Advice = Literal["verified", "careful", "revoked", "cannot_tell"]


@dataclass(frozen=True, slots=True)
class Caution:
    """A reason to be careful although the certificate is good: a code with the figures of its sentence."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


def advise(outcome: str, cautions: Sequence[Caution]) -> Advice:
    """Return the advice for the outcome of a certificate's checks.

    A good certificate with a caution is no longer `verified`: a label can be copied.
    """
    if outcome == "revoked":
        return "revoked"
    if outcome == "not_true" or (outcome == "good" and cautions):
        return "careful"
    return "verified" if outcome == "good" else "cannot_tell"
