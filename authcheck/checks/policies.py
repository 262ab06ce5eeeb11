"""Policies: named versions of the thresholds of a verdict. POLICIES holds every threshold of the product."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from authcheck.errors import BadSetting


@dataclass(frozen=True, slots=True)
class Policy:
    """One named version of the score thresholds, each in [0, 1].

    With a score of `match` or more, the picture shows the design. With a score from `lookalike` up to
    `match`, a person should look. `model` names the model that scores the evidence of the local stages. It is
    None when the policy uses hashes only. The local stages do not run when the hashes give one design
    `settled` or more and every other design less than `lookalike`. A hash score of `hashes_stand` or more is
    kept when the local stages score lower. With `first_wins`, the first registered of the designs that
    explain the same place is the answer (`rank`). Without it, the best score is the answer. A view that the
    picture shows redrawn, by `redrawn` or more (`rate_redrawing`), is at most a lookalike. With
    `names_variants`, the verdict says when several designs of one owner fit the same place as well.
    """

    name: str
    match: float
    lookalike: float
    model: str | None = None
    settled: float = 0.0
    hashes_stand: float = math.inf
    first_wins: bool = False
    redrawn: float = math.inf
    names_variants: bool = False


POLICIES: Mapping[str, Policy] = {
    policy.name: policy
    for policy in (
        Policy(name="hashes-1", match=0.9, lookalike=0.5),
        Policy(name="local-1", match=0.9, lookalike=0.5, model="local-1", settled=0.98),
        Policy(
            name="local-2",
            match=0.9,
            lookalike=0.5,
            model="local-1",
            settled=0.98,
            hashes_stand=0.95,
        ),
        Policy(name="hashes-2", match=0.9, lookalike=0.5, first_wins=True),
        Policy(
            name="local-3",
            match=0.9,
            lookalike=0.5,
            model="local-1",
            settled=0.98,
            hashes_stand=0.95,
            first_wins=True,
        ),
        Policy(
            name="local-4",
            match=0.9,
            lookalike=0.5,
            model="local-2",
            settled=0.98,
            hashes_stand=0.95,
            first_wins=True,
            redrawn=1.0,
            names_variants=True,
        ),
    )
}
FAST_POLICY = POLICIES["hashes-2"]
CURRENT_POLICY = POLICIES["local-4"]


def policy_named(name: str) -> Policy:
    """Return the policy with this name.

    Raises BadSetting (`policy.unknown`) when this release has no such policy.
    """
    try:
        return POLICIES[name]
    except KeyError:
        raise BadSetting(
            f"We have no policy {name!r}. Use one of {', '.join(POLICIES)}.",
            code="policy.unknown",
            name=name,
        ) from None
