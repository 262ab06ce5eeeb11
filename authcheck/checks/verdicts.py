"""The rule book: evidence in, verdict out. Pure; every threshold of the product stands in POLICIES."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from authcheck.errors import BadSetting
from authcheck.vision.matching.alignment import Alignment, in_one_place


class VerdictCode(StrEnum):
    """What a check answers."""

    MATCH = "match"
    LOOKALIKE = "lookalike"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Policy:
    """Score thresholds of one named version of the rules, each in [0, 1].

    At `match` and above the picture shows the design; from `lookalike` up to there a person should look. A design
    being registered is held as a dispute when it scores `dispute` or more against another owner's design.
    `model` names the model that scores the evidence of the local stages, None where only hashes are asked; they
    are passed over where the hashes give one design `settled` or more and no other one `lookalike`. A score by the
    hashes of `hashes_stand` or more stands where they are less sure.
    """

    name: str
    match: float
    lookalike: float
    dispute: float
    model: str | None = None
    settled: float = 0.0
    hashes_stand: float = math.inf


POLICIES: Mapping[str, Policy] = {
    policy.name: policy
    for policy in (
        Policy(name="hashes-1", match=0.9, lookalike=0.5, dispute=0.9),
        Policy(name="local-1", match=0.9, lookalike=0.5, dispute=0.9, model="local-1", settled=0.98),
        Policy(
            name="local-2",
            match=0.9,
            lookalike=0.5,
            dispute=0.9,
            model="local-1",
            settled=0.98,
            hashes_stand=0.95,
        ),
    )
}
FAST_POLICY = POLICIES["hashes-1"]
CURRENT_POLICY = POLICIES["local-2"]


def policy_named(name: str) -> Policy:
    """The policy of that name. Raises BadSetting where this release does not know it."""
    try:
        return POLICIES[name]
    except KeyError:
        raise BadSetting(f"No policy is called {name!r}.", code="policy.unknown", name=name) from None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: a stable code, the numbers a sentence about it needs, and a weight in [0, 1] to order by."""

    code: str
    weight: float
    params: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A registered design that the picture may show.

    `reference` is the owner's own id for it, `owner` the owner's handle. `score` is the calibrated probability in [0, 1]; `method` says what found it (`sha256`, or a hash family);
    `view_number` is the matched view. `disputed` is set where the design is held as a dispute. `registered_order`
    counts up with registration: of two designs that fit equally well, the one registered first is the answer.
    `alignment` says where the design is, where geometry confirmed it.
    """

    design_id: str
    reference: str
    owner: str
    view_number: int
    score: float
    method: str
    reasons: tuple[Reason, ...] = ()
    disputed: bool = False
    registered_order: int = 0
    alignment: Alignment | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One design seen in a picture, and how sure that is: `match` or `lookalike`."""

    code: VerdictCode
    candidate: Candidate


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to "which registered design is this?"; `candidate` is None where nothing came near at all.

    `findings` are all designs seen, the answer's first; none where the code is `none`.
    """

    code: VerdictCode
    score: float
    candidate: Candidate | None
    reasons: tuple[Reason, ...]
    findings: tuple[Finding, ...] = ()


def code_for(score: float, policy: Policy) -> VerdictCode:
    """Where a score stands under a policy."""
    if score >= policy.match:
        return VerdictCode.MATCH
    return VerdictCode.LOOKALIKE if score >= policy.lookalike else VerdictCode.NONE


def rank(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Best first: by score, then undisputed before disputed, then first registered (ids of one tick keep their order)."""
    return sorted(candidates, key=lambda c: (-c.score, c.disputed, c.registered_order, c.design_id))


def decide(candidates: Sequence[Candidate], policy: Policy, notes: Sequence[str] = ()) -> Verdict:
    """Join what was found into one verdict, reasons by falling weight.

    `notes` are codes of what had to be done to the picture (say `image.animated`): they become reasons of weight 0.
    """
    noted = tuple(Reason(note, 0.0) for note in notes)
    if not candidates:
        return Verdict(VerdictCode.NONE, 0.0, None, noted)
    ranked = rank(candidates)
    best = ranked[0]
    code = code_for(best.score, policy)
    if code is VerdictCode.NONE:
        return Verdict(code, best.score, best, noted)
    findings = _findings(ranked, policy)
    reasons = [*best.reasons]
    if best.disputed:
        reasons.append(Reason("design.disputed", 0.5))
    near = [one for one in ranked if code_for(one.score, policy) is not VerdictCode.NONE]
    if len(near) > len(findings):
        reasons.append(Reason("image.also_near", 0.2, {"designs": len(near) - len(findings)}))
    if len(findings) > 1:
        reasons.append(Reason("image.several_designs", 0.55, {"designs": len(findings)}))
    reasons.sort(key=lambda reason: -reason.weight)
    return Verdict(code, best.score, best, (*reasons, *noted), findings)


def _findings(ranked: Sequence[Candidate], policy: Policy) -> tuple[Finding, ...]:
    """The designs that are in the picture, each in a place of its own.

    Of those that lie in one place, sisters that share parts, the one that explains most is the finding; of one that only
    hashes found nobody knows where it lies, so it is a finding only where it is the best.
    """
    found: list[Candidate] = []
    for one in ranked:
        if code_for(one.score, policy) is VerdictCode.NONE:
            break
        places = [other.alignment for other in found]
        if not found or (
            one.alignment is not None
            and all(place is not None and not in_one_place(one.alignment, place) for place in places)
        ):
            found.append(one)
    return tuple(Finding(code_for(one.score, policy), one) for one in found)
