"""The states of a case, and which listings open one."""

from datetime import timedelta
from enum import StrEnum

from authcheck.config import Settings
from authcheck.listings.policies import ListingVerdict, Severity


class State(StrEnum):
    """The states of a case, in their usual order."""

    OPEN = "open"
    WAITING = "waiting"  # somebody was asked for information
    ESCALATED = "escalated"  # passed on: no reader gets it as the next case, a lead takes it by name
    DECIDED = "decided"  # the decision can still be undone, and nobody outside knows of it
    EFFECTIVE = "effective"
    CLOSED = "closed"  # nobody can complain any more, so the evidence is released
    REVERSED = "reversed"  # the decision was taken back after it was effective
    WITHDRAWN = "withdrawn"  # the only reporters took their reports back, and the check suspects nothing


SETTLED = (State.EFFECTIVE, State.CLOSED, State.REVERSED)
"""The states of a case whose decision has left."""
WORKABLE = (State.OPEN, State.WAITING, State.ESCALATED)
"""The states in which a case can be leased and decided."""


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
