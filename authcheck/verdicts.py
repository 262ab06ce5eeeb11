"""The rule book: evidence in, verdict out. Pure; every threshold of the product stands in POLICIES."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from authcheck.errors import BadSetting


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
    """

    name: str
    match: float
    lookalike: float
    dispute: float


POLICIES: Mapping[str, Policy] = {
    policy.name: policy for policy in (Policy(name="hashes-1", match=0.9, lookalike=0.5, dispute=0.9),)
}
CURRENT_POLICY = POLICIES["hashes-1"]


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


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to "which registered design is this?"; `candidate` is None where nothing came near at all."""

    code: VerdictCode
    score: float
    candidate: Candidate | None
    reasons: tuple[Reason, ...]


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
    best, *others = rank(candidates)
    code = code_for(best.score, policy)
    if code is VerdictCode.NONE:
        return Verdict(code, best.score, best, noted)
    reasons = [*best.reasons]
    if best.disputed:
        reasons.append(Reason("design.disputed", 0.5))
    alike = sum(1 for other in others if code_for(other.score, policy) is not VerdictCode.NONE)
    if alike:
        reasons.append(Reason("image.also_near", 0.2, {"designs": alike}))
    reasons.sort(key=lambda reason: -reason.weight)
    return Verdict(code, best.score, best, (*reasons, *noted))
