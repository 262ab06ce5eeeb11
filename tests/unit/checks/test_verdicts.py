"""The rule book of verdicts, tested alone."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from authcheck.checks.policies import POLICIES, Policy, policy_named
from authcheck.checks.verdicts import Candidate, Reason, VerdictCode, code_for, decide, rank
from authcheck.errors import BadSetting
from authcheck.vision.fingerprints.score import REACH_BITS, score_of
from authcheck.vision.matching.alignment import Alignment, alignment_of

POLICY = Policy("test-1", match=0.9, lookalike=0.5)
VARIANTS = replace(POLICY, name="test-3", names_variants=True)
FIRST_WINS = replace(POLICY, name="test-2", first_wins=True)


def candidate(design_id: str = "dsn_1", score: float = 1.0, **words: Any) -> Candidate:
    """Return a candidate of acme."""
    given = {"reference": design_id, "owner": "acme", "view_number": 1, "method": "phash", **words}
    return Candidate(design_id=design_id, score=score, **given)


def placed(left: float) -> Alignment:
    """Return the place of a square design of 100 px in a picture, `left` px from the left."""
    matrix = np.array([[100.0, 0, left], [0, 100, 0], [0, 0, 1]])
    return alignment_of(matrix, design_px=(100, 100), picture_px=(900, 100), coverage=1.0, inverted=False)


HERE, FAR_AWAY = placed(0), placed(500)
scores = st.floats(0, 1)
candidates = st.builds(
    candidate,
    st.sampled_from(["dsn_1", "dsn_2", "dsn_3"]),
    scores,
    owner=st.sampled_from(["acme", "rival"]),
    disputed=st.booleans(),
    priority=st.integers(0, 3),
    yields_to=st.frozensets(st.sampled_from(["dsn_1", "dsn_2", "dsn_3"]), max_size=2),
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
    first = candidate("dsn_2", priority=1)
    later = [candidate("dsn_1", priority=2), candidate("dsn_3", priority=3)]
    for order in itertools.permutations([first, *later]):
        assert decide(order, POLICY).candidate == first


def test_ids_break_the_ties_of_one_import() -> None:
    """Designs of one transaction share a tick. Their ids keep the order of the table."""
    earlier, later = candidate("dsn_1", view_number=9), candidate("dsn_2", view_number=2)
    assert rank([later, earlier], POLICY) == [earlier, later]


def test_a_disputed_design_stands_after_an_undisputed_one() -> None:
    """A disputed design ranks after an undisputed one, even if its copy was registered earlier elsewhere."""
    disputed = candidate("dsn_1", disputed=True, priority=1)
    clean = candidate("dsn_2", priority=2)
    assert rank([disputed, clean], POLICY) == [clean, disputed]


def test_a_disputed_answer_says_so() -> None:
    """The verdict on a disputed design carries that reason."""
    codes = [reason.code for reason in decide([candidate(disputed=True)], POLICY).reasons]
    assert codes == ["design.disputed"]


def test_others_that_are_near_are_counted() -> None:
    """Only designs at or above the lookalike threshold count as near."""
    others = [candidate("dsn_2", 0.7), candidate("dsn_3", 0.5), candidate("dsn_4", 0.4)]
    verdict = decide([candidate(), *others], POLICY)
    assert verdict.reasons == (Reason("image.also_near", 0.2, {"designs": 2}),)


@pytest.mark.parametrize(
    ("score", "words", "expected"),
    [
        (0.94, {}, True),
        (0.93, {}, True),  # the odds are 39 and 13.3
        (0.92, {}, False),
        (0.95, {"owner": "rival", "priority": 9}, False),
        (0.95, {"alignment": FAR_AWAY}, False),
        (0.95, {"alignment": None}, False),
    ],
    ids=["as well", "just", "less", "of another owner", "elsewhere", "by hashes"],
)
def test_a_variant_fits_the_same_place_as_well(
    score: float, words: dict[str, Any], *, expected: bool
) -> None:
    """Designs of one owner that fit one place about equally are variants, up to a threefold ratio of odds."""
    found = candidate("dsn_1", 0.975, alignment=HERE, priority=1)
    other = candidate("dsn_2", score, **{"alignment": HERE, "priority": 2, **words})
    (first, *_) = decide([found, other], VARIANTS).findings
    assert (other in first.variants) == expected
    assert decide([found, other], replace(VARIANTS, names_variants=False)).findings[0].variants == ()


@given(st.lists(candidates, max_size=6), st.lists(st.sampled_from(["image.animated"]), max_size=1))
def test_any_evidence_gives_one_sound_verdict(found: list[Candidate], notes: list[str]) -> None:
    """The answer is one of the candidates.

    Its code follows from its score, and its reasons are sorted by weight.
    """
    for policy in (POLICY, FIRST_WINS):
        ranked = rank(found, policy)
        assert sorted(map(id, ranked)) == sorted(map(id, found))
        verdict = decide(found, policy, notes)
        assert verdict.candidate == (ranked[0] if ranked else None)
        assert verdict.code == code_for(verdict.score, policy) if found else VerdictCode.NONE
        weights = [reason.weight for reason in verdict.reasons]
        assert weights == sorted(weights, reverse=True)
    best = max((one.score for one in found), default=0.0)
    assert decide(found, POLICY).score == best
    assert (decide(found, FIRST_WINS).code is VerdictCode.NONE) == (best < POLICY.lookalike)


def test_the_first_registered_is_the_answer_even_with_a_lower_score() -> None:
    """Of two owners' designs that the picture shows, the first registered one is the answer.

    The later one is named second.
    """
    first = candidate("dsn_2", 0.91, owner="brand", priority=1)
    copy = candidate("dsn_1", 0.99, owner="thief", priority=2)
    assert rank([copy, first], FIRST_WINS) == [first, copy]
    assert rank([copy, replace(first, score=0.89)], FIRST_WINS)[0] == copy
    sister = replace(copy, owner="brand")
    assert rank([sister, first], FIRST_WINS)[0] == sister


def test_a_view_yields_to_the_view_that_it_resembles() -> None:
    """A registered lookalike is named after the design that it resembles, if the picture resembles both."""
    first = candidate("dsn_1", 0.55, owner="brand", priority=1)
    altered = candidate("dsn_2", 0.97, owner="thief", priority=2, yields_to=frozenset({"dsn_1"}))
    assert rank([altered, first], FIRST_WINS) == [first, altered]
    assert rank([altered, replace(first, score=0.49)], FIRST_WINS)[0] == altered


def test_designs_that_may_both_stand_are_ranked_by_score() -> None:
    """After the ruling that both owners keep their designs, the better fit is the answer."""
    first = candidate("dsn_1", 0.91, owner="brand", priority=1)
    other = candidate("dsn_2", 0.99, owner="peer", priority=2, beside=frozenset({"dsn_1"}))
    assert rank([first, replace(other, beside=frozenset())], FIRST_WINS)[0] == first
    both = [replace(first, beside=frozenset({"dsn_2"})), other]
    assert rank(both, FIRST_WINS)[0] == other


@given(st.lists(candidates, max_size=5), candidates)
def test_a_disputed_copy_never_changes_an_undisputed_answer(found: list[Candidate], copy: Candidate) -> None:
    """One more disputed candidate leaves the answer as it was, unless nothing else is near."""
    disputed = replace(copy, design_id="dsn_9", disputed=True)
    before, after = decide(found, FIRST_WINS), decide([*found, disputed], FIRST_WINS)
    if before.candidate is not None and before.code is not VerdictCode.NONE and not before.candidate.disputed:
        assert (after.candidate, after.code) == (before.candidate, before.code)


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


def test_an_unknown_policy_is_refused() -> None:
    """A check made by a release with other policies cannot be replayed by this release."""
    with pytest.raises(BadSetting) as refused:
        policy_named("hashes-0")
    assert refused.value.code == "policy.unknown"


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_no_threshold_lies_where_the_search_may_miss(policy: Policy) -> None:
    """The gallery promises views only down to REACH_BITS. No threshold may be below that score."""
    assert score_of(REACH_BITS) <= policy.lookalike <= policy.match <= 1
