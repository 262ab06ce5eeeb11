"""Rules that turn evidence into a verdict.

The functions are pure. `policies.POLICIES` holds the thresholds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from authcheck.checks.policies import Policy
from authcheck.vision.matching.alignment import Alignment, in_one_place

AS_WELL_ODDS = 3.0  # ratio of the odds of two scores up to which two designs fit a picture equally well
LATER_NAMED = 3  # most later designs that a verdict names beside the first registered design


class VerdictCode(StrEnum):
    """The possible answers of a check."""

    MATCH = "match"
    LOOKALIKE = "lookalike"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason of a verdict: a stable code, the values of its sentence, and a sorting weight in [0, 1]."""

    code: str
    weight: float
    params: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A registered design that the picture may show.

    `reference` is the owner's own id of the design, `owner` the owner's handle. `score` is the calibrated
    probability in [0, 1]. `method` names the method that found the design: `sha256`, a hash family, or
    `features`. `view_number` is the matched view. `disputed` is true when the view is disputed: an earlier
    view of another owner shows the same. `priority` is the place of the picture in the order of registration,
    lowest first. `yields_to` are the ids of the designs with earlier views that this view shows or resembles.
    `beside` are the ids of the designs of which the operator has ruled that both may stand.
    `alignment` is the design's place in the picture, or None when geometry
    has not confirmed the place.
    """

    design_id: str
    reference: str
    owner: str
    view_number: int
    score: float
    method: str
    reasons: tuple[Reason, ...] = ()
    disputed: bool = False
    priority: int = 0
    yields_to: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()
    alignment: Alignment | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One design found in a picture. `code` is `match` or `lookalike`.

    `variants` are the owner's other designs that explain the same place as well. Which of them the picture
    shows cannot be told.
    """

    code: VerdictCode
    candidate: Candidate
    variants: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to the question "which registered design is this?".

    `candidate` is None when no design came near. `findings` are all designs found, the design of the verdict
    first. `findings` is empty when the code is `none`.
    """

    code: VerdictCode
    score: float
    candidate: Candidate | None
    reasons: tuple[Reason, ...]
    findings: tuple[Finding, ...] = ()


def code_for(score: float, policy: Policy) -> VerdictCode:
    """Return the verdict code of a score under a policy."""
    if score >= policy.match:
        return VerdictCode.MATCH
    return VerdictCode.LOOKALIKE if score >= policy.lookalike else VerdictCode.NONE


def rank(candidates: Sequence[Candidate], policy: Policy) -> list[Candidate]:
    """Return the candidates, the answer first.

    Candidates are ordered by score, then undisputed before disputed, then first registered. With
    `first_wins`, disputed candidates come after all undisputed candidates of at least `lookalike`, and a
    candidate comes after every candidate that was first in the same place (`_was_first`).
    """
    by_score = sorted(candidates, key=lambda c: (-c.score, c.disputed, c.priority, c.design_id))
    if not policy.first_wins:
        return by_score
    near = [candidate for candidate in by_score if candidate.score >= policy.lookalike]
    near.sort(key=lambda candidate: candidate.disputed)  # a stable sort
    ordered: list[Candidate] = []
    visited: set[int] = set()

    def put(later: Candidate) -> None:
        """Put a candidate behind the candidates that were first in its place."""
        visited.add(id(later))
        for candidate in near:
            if id(candidate) not in visited and _was_first(candidate, later, policy):
                put(candidate)
        ordered.append(later)

    for candidate in near:
        if id(candidate) not in visited:
            put(candidate)
    return [*ordered, *by_score[len(near) :]]


def _was_first(candidate: Candidate, later: Candidate, policy: Policy) -> bool:
    """Return whether a candidate is the answer in the place of `later`, whatever their scores are.

    That is so when the registration found that `later` shows or resembles the candidate. It is also so when
    the picture shows both, of two owners, and the candidate was registered first: a copy may have escaped the
    comparison at its registration.
    """
    if not _share_place(candidate, later) or (candidate.disputed and not later.disputed):
        return False
    if candidate.design_id in later.yields_to:
        return True
    is_rival = (
        candidate.owner != later.owner
        and candidate.disputed == later.disputed
        and later.design_id not in candidate.yields_to | candidate.beside
    )
    show_both = min(candidate.score, later.score) >= policy.match
    return is_rival and show_both and candidate.priority < later.priority


def _share_place(first: Candidate, second: Candidate) -> bool:
    """Return whether two candidates cover the same place, as far as both places are known."""
    return (
        first.alignment is None or second.alignment is None or in_one_place(first.alignment, second.alignment)
    )


def decide(candidates: Sequence[Candidate], policy: Policy, notes: Sequence[str] = ()) -> Verdict:
    """Return the verdict on these candidates, with reasons in order of falling weight.

    `notes` are codes about the decoding of the picture (for example `image.animated`). They become reasons of
    weight 0.
    """
    note_reasons = tuple(Reason(note, 0.0) for note in notes)
    if not candidates:
        return Verdict(VerdictCode.NONE, 0.0, None, note_reasons)
    ranked = rank(candidates, policy)
    best = ranked[0]
    code = code_for(best.score, policy)
    if code is VerdictCode.NONE:
        return Verdict(code, best.score, best, note_reasons)
    findings = _find_places(ranked, policy)
    near = [candidate for candidate in ranked if code_for(candidate.score, policy) is not VerdictCode.NONE]
    reasons = [*best.reasons, *_explain(best, near, findings, policy)]
    reasons.sort(key=lambda reason: -reason.weight)
    return Verdict(code, best.score, best, (*reasons, *note_reasons), findings)


def _explain(
    best: Candidate, near: Sequence[Candidate], findings: Sequence[Finding], policy: Policy
) -> list[Reason]:
    """Return the reasons that lie in the other candidates and in disputes. `near` are the lookalikes, too."""
    reasons = []
    if best.disputed:
        reasons.append(Reason("design.disputed", 0.5))
    if unclear := len(findings[0].variants):
        reasons.append(Reason("design.variant_unclear", 0.45, {"designs": unclear}))
    told = len(findings) + len({one.design_id for finding in findings for one in finding.variants})
    if len(near) > told:
        reasons.append(Reason("image.also_near", 0.2, {"designs": len(near) - told}))
    if policy.first_wins:
        later_claims = [claim for claim in near if best.design_id in claim.yields_to]
        reasons += [
            Reason("design.later_claim", 0.25, {"design": claim.reference, "owner": claim.owner})
            for claim in later_claims[:LATER_NAMED]
        ]
    if len(findings) > 1:
        reasons.append(Reason("image.several_designs", 0.55, {"designs": len(findings)}))
    return reasons


def _find_places(ranked: Sequence[Candidate], policy: Policy) -> tuple[Finding, ...]:
    """Return the designs that are in the picture, each in its own place.

    When several designs cover the same place (sisters that share parts), report the design that explains most
    of it. A design found by hashes alone has no known place, so it is a finding only when it is the best
    candidate.
    """
    placed: list[Candidate] = []
    for candidate in ranked:
        if code_for(candidate.score, policy) is VerdictCode.NONE:
            break
        places = [finding.alignment for finding in placed]
        if not placed or (
            candidate.alignment is not None
            and all(place is not None and not in_one_place(candidate.alignment, place) for place in places)
        ):
            placed.append(candidate)
    return tuple(
        Finding(
            code_for(candidate.score, policy), candidate, _find_variants(candidate, placed, ranked, policy)
        )
        for candidate in placed
    )


def _find_variants(
    found: Candidate, placed: Sequence[Candidate], ranked: Sequence[Candidate], policy: Policy
) -> tuple[Candidate, ...]:
    """Return the owner's other designs that fit the same place as well, the likeliest first.

    Each gets the same answer as `found`. Hashes alone do not see the parts in which designs of one family
    differ, so they make no variants.
    """
    if not policy.names_variants or found.alignment is None:
        return ()
    return tuple(
        candidate
        for candidate in ranked
        if candidate.owner == found.owner
        and candidate not in placed
        and code_for(candidate.score, policy) is code_for(found.score, policy)
        and _odds(found.score) <= AS_WELL_ODDS * _odds(candidate.score)
        and candidate.alignment is not None
        and in_one_place(candidate.alignment, found.alignment)
    )


def _odds(score: float) -> float:
    return score / max(1 - score, 1e-9)
