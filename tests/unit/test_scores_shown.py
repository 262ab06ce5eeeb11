"""Scores on the terminal and in tables never look better than they are."""

import math

import pytest

from authcheck.checks.policies import POLICIES, Policy
from authcheck.checks.scan import _format_row
from authcheck.terminal.output import console


@pytest.mark.parametrize("policy", POLICIES.values(), ids=lambda policy: policy.name)
def test_a_score_below_a_threshold_is_shown_below_it(policy: Policy) -> None:
    """The highest score of a lookalike is not shown as the lowest score of a match."""
    for threshold in (policy.match, policy.lookalike):
        assert float(console.score_text(threshold)) == threshold
        below = math.nextafter(threshold, 0)
        assert float(console.score_text(below)) < threshold
        assert float(_format_row("a.jpg", score=below)["score"]) < threshold
    assert [console.score_text(score) for score in (0.0, 0.0004, 0.9999, 1.0)] == [
        "0.000",
        "0.000",
        "0.999",
        "1.000",
    ]
