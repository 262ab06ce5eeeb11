"""The rule book of verdicts, tested alone."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authcheck.checks.verdicts import (
    CURRENT_POLICY,
    POLICIES,
    Candidate,
    Policy,
    Reason,
    VerdictCode,
    code_for,
    decide,
    policy_named,
    rank,
)
from authcheck.errors import BadSetting
from authcheck.vision.fingerprints.score import REACH_BITS, score_of

POLICY = Policy("test-1", match=0.9, lookalike=0.5, dispute=0.9)


def candidate(design_id: str = "dsn_1", score: float = 1.0, **words: Any) -> Candidate:
    """Return a candidate of acme."""
    given = {"reference": design_id, "owner": "acme", "view_number": 1, "method": "phash", **words}
    return Candidate(design_id=design_id, score=score, **given)


scores = st.floats(0, 1)
candidates = st.builds(
    candidate,
    st.sampled_from(["dsn_1", "dsn_2", "dsn_3"]),
    scores,
    disputed=st.booleans(),
    registered_order=st.integers(0, 3),
)


@pytest.mark.parametrize(
    ("score", "code"),
    [
        (1.0, "match"),
        (0.9, "match"),
        (0.899999, "lookalike"),
        (0.5, "lookalike"),
        (0.499, "none"),
        (0.0, "none"),
    ],
)
def test_thresholds_belong_to_the_higher_verdict(score: float, code: str) -> None:
    """A score exactly at a threshold has reached it."""
    assert code_for(score, POLICY) == code


def test_nothing_found_is_none_without_a_candidate() -> None:
    """An empty registry gives the verdict none with score 0."""
    verdict = decide([], POLICY, ["image.animated"])
    assert (verdict.code, verdict.score, verdict.candidate) == (VerdictCode.NONE, 0.0, None)
    assert verdict.reasons == (Reason("image.animated", 0.0),)


def test_what_is_too_far_is_none_but_known() -> None:
    """Below the lookalike threshold the nearest design is kept without its reasons."""
    far = candidate(score=0.2, reasons=(Reason("image.near_copy", 0.9),))
    verdict = decide([far], POLICY)
    assert (verdict.code, verdict.score, verdict.candidate, verdict.reasons) == ("none", 0.2, far, ())


def test_first_registered_wins_a_tie() -> None:
    """When designs match equally well, the earlier one is the answer, whatever the order of the search."""
    first = candidate("dsn_2", registered_order=1)
    later = [candidate("dsn_1", registered_order=2), candidate("dsn_3", registered_order=3)]
    for order in itertools.permutations([first, *later]):
        assert decide(order, POLICY).candidate == first


def test_ids_break_the_ties_of_one_import() -> None:
    """Designs of one transaction share a tick. Their ids keep the order of the table."""
    earlier, later = candidate("dsn_1", view_number=9), candidate("dsn_2", view_number=2)
    assert rank([later, earlier]) == [earlier, later]


def test_a_disputed_design_stands_after_an_undisputed_one() -> None:
    """A disputed design ranks after an undisputed one, even if its copy was registered earlier elsewhere."""
    disputed = candidate("dsn_1", disputed=True, registered_order=1)
    clean = candidate("dsn_2", registered_order=2)
    assert rank([disputed, clean]) == [clean, disputed]


def test_a_disputed_answer_says_so() -> None:
    """The verdict on a disputed design carries that reason."""
    codes = [reason.code for reason in decide([candidate(disputed=True)], POLICY).reasons]
    assert codes == ["design.disputed"]


def test_others_that_are_near_are_counted() -> None:
    """Only designs at or above the lookalike threshold count as near."""
    others = [candidate("dsn_2", 0.7), candidate("dsn_3", 0.5), candidate("dsn_4", 0.4)]
    verdict = decide([candidate(), *others], POLICY)
    assert verdict.reasons == (Reason("image.also_near", 0.2, {"designs": 2}),)


@given(st.lists(candidates, max_size=6), st.lists(st.sampled_from(["image.animated"]), max_size=1))
def test_any_evidence_gives_one_sound_verdict(found: list[Candidate], notes: list[str]) -> None:
    """The answer is the best candidate.

    Its code follows from its score, and its reasons are sorted by weight.
    """
    verdict = decide(found, CURRENT_POLICY, notes)
    assert verdict.score == max((one.score for one in found), default=0.0)
    assert verdict.code == code_for(verdict.score, CURRENT_POLICY) if found else VerdictCode.NONE
    weights = [reason.weight for reason in verdict.reasons]
    assert weights == sorted(weights, reverse=True)
    assert decide(found[::-1], CURRENT_POLICY, notes).score == verdict.score


@given(scores, scores)
def test_a_higher_score_never_gives_a_weaker_verdict(one: float, other: float) -> None:
    """Verdicts rise with the score under every policy."""
    order = [VerdictCode.NONE, VerdictCode.LOOKALIKE, VerdictCode.MATCH]
    low, high = sorted([one, other])
    for policy in POLICIES.values():
        assert order.index(code_for(low, policy)) <= order.index(code_for(high, policy))


def test_every_policy_is_found_by_its_name() -> None:
    """Stored checks name their policy, so that a replay can ask for it."""
    for name, policy in POLICIES.items():
        assert policy_named(name) is policy
        assert 0 < policy.lookalike <= policy.match <= 1
        assert 0 < policy.dispute <= 1


def test_an_unknown_policy_is_refused() -> None:
    """A check made by a release with other policies cannot be replayed by this release."""
    with pytest.raises(BadSetting) as refused:
        policy_named("hashes-0")
    assert refused.value.code == "policy.unknown"


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_no_threshold_lies_where_the_search_may_miss(policy: Policy) -> None:
    """The gallery promises views only down to REACH_BITS. No threshold may be below that score."""
    assert score_of(REACH_BITS) <= policy.lookalike <= policy.match <= 1
    assert policy.lookalike <= policy.dispute <= 1
