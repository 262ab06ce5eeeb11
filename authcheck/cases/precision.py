"""What decisions say about a brand's matches: their precision, and what other thresholds would have done."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from math import sqrt

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.cases.rulings import ACCUSING, Code
from authcheck.cases.tables import Case, CaseDecision, CaseItem
from authcheck.checks.tables import Check
from authcheck.listings.tables import ListingPicture
from authcheck.members.reach import Reach
from authcheck.registry.tables import Design

FEW = 25  # decided cases, under which a share says little
THRESHOLDS = tuple(number / 100 for number in range(50, 100, 5))
Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class Share:
    """A share of decided cases, with its 95 % bounds by Wilson's score interval. Empty for no case."""

    good: int
    all: int

    @property
    def value(self) -> float | None:
        """Return the share, or None for no case."""
        return self.good / self.all if self.all else None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Return the lower and the upper bound, or None for no case."""
        if not self.all:
            return None
        share, square = self.good / self.all, Z95**2
        middle = share + square / (2 * self.all)
        half = Z95 * sqrt(share * (1 - share) / self.all + square / (4 * self.all**2))
        scale = 1 + square / self.all
        return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


@dataclass(frozen=True, slots=True)
class Precision:
    """How often the service was right about an owner's designs, by the decisions of moderators.

    `matches` are the cases whose picture shows the design, of all with an answer. `accusations` are the cases
    in which the seller was in the wrong, and the decision stands, of the same. `unclear` are cases that
    nobody could tell.
    """

    matches: Share
    accusations: Share
    unclear: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What a threshold would have done in the past: listings with at least this score.

    `right` and `wrong` are those whose picture shows the design or does not, as moderators decided. The rest
    of `found` is undecided. `missed` are decided as right, and score less.
    """

    threshold: float
    found: int
    right: int
    wrong: int
    missed: int


def find_precision(session: Session, owner_id: str, *, since: datetime, reach: Reach) -> Precision:
    """Return how often the service was right about an owner's designs, by decisions since a moment.

    A reversed decision against a seller did not stand. Any other reversed decision is no answer at all.
    """
    query = (
        select(CaseDecision.code, CaseDecision.reversed_at)
        .join(Case)
        .join(Design)
        .where(
            Design.owner_id == owner_id,
            reach.has_design(Design.id),
            CaseDecision.effective_at >= since,
        )
    )
    codes: Counter[str] = Counter()
    stood = 0
    for code, reversed_at in session.execute(query):
        if reversed_at is not None and code not in ACCUSING:
            continue
        codes[code] += 1
        stood += code in ACCUSING and reversed_at is None
    answered = codes.total() - codes[Code.CANNOT_TELL]
    return Precision(
        matches=Share(answered - codes[Code.WRONG_MATCH], answered),
        accusations=Share(stood, answered),
        unclear=codes[Code.CANNOT_TELL],
    )


def preview_thresholds(session: Session, owner_id: str, *, policy: str, reach: Reach) -> list[Preview]:
    """Return what thresholds of .50 to .95 would have done to the listings of an owner's cases.

    Only checks by this policy count, because scores of two policies do not compare. A listing counts once,
    with its best score for the case's design.
    """
    query = (
        select(CaseItem.listing_id, Case.design_id, Check.findings, CaseDecision.code)
        .join(Case, Case.id == CaseItem.case_id)
        .join(Design, Design.id == Case.design_id)
        .join(ListingPicture, ListingPicture.listing_id == CaseItem.listing_id)
        .join(Check, Check.id == ListingPicture.check_id)
        .outerjoin(
            CaseDecision,
            (CaseDecision.case_id == Case.id)
            & CaseDecision.effective_at.is_not(None)
            & CaseDecision.reversed_at.is_(None)
            & CaseItem.included.is_(True),
        )
        .where(Design.owner_id == owner_id, reach.has_design(Design.id), Check.policy == policy)
    )
    best, answers = dict[tuple[str, str], float](), dict[tuple[str, str], str]()
    for listing_id, design_id, findings, code in session.execute(query):
        key = listing_id, design_id
        scores = [row["score"] for row in findings if row["design_id"] == design_id]
        best[key] = max([best.get(key, 0.0), *scores])
        if code is not None and code != Code.CANNOT_TELL:
            answers[key] = code
    wrong = {key for key, code in answers.items() if code == Code.WRONG_MATCH}
    right = answers.keys() - wrong
    return [
        Preview(
            threshold,
            found=sum(score >= threshold for score in best.values()),
            right=sum(best[key] >= threshold for key in right),
            wrong=sum(best[key] >= threshold for key in wrong),
            missed=sum(best[key] < threshold for key in right),
        )
        for threshold in THRESHOLDS
    ]
