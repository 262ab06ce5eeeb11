"""The states of a case, and which listings open one."""

from datetime import timedelta
from enum import StrEnum

from authcheck.config import Settings
from authcheck.listings.policies import ListingVerdict, Severity


class State(StrEnum):
    """A case waits for a moderator, or for a lead."""

    OPEN = "open"
    ESCALATED = "escalated"  # passed on by several readers: a lead decides


SUSPECT = frozenset(
    {
        ListingVerdict.CERTIFICATE_INVALID,
        ListingVerdict.CLONE_SUSPECTED,
        ListingVerdict.CERTIFICATE_MISMATCH,
        ListingVerdict.UNLICENSED_USE,
        ListingVerdict.LICENCE_BREACH,
        ListingVerdict.LOOKALIKE,
    }
)
"""The verdicts on listings that open a case."""
SEVERITIES: tuple[Severity, ...] = ("none", "low", "medium", "high")


def decided_within(severity: str, settings: Settings) -> timedelta:
    """Return how long a moderator may take for the first decision of a case."""
    hours = settings.case_hours_high if severity == "high" else settings.case_hours
    return timedelta(hours=hours)


def worse(severity: str, other: str) -> str:
    """Return the more urgent one of two severities."""
    return max(severity, other, key=[str(word) for word in SEVERITIES].index)
