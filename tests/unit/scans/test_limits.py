"""The one setting of the clone rules."""

import re
from dataclasses import asdict
from pathlib import Path

import pytest

from authcheck.errors import BadSetting
from authcheck.scans.limits import CloneLimits, parse_limits


def test_named_limits_change() -> None:
    """Named limits change."""
    assert parse_limits("") == CloneLimits()
    limits = parse_limits(" repeat_phones=60 , move_odds = 0.05,")
    assert (limits.repeat_phones, limits.move_odds, limits.speed_kmh) == (60, 0.05, 900)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("phones=3", "'phones' is not one of window_days, repeat_phones"),
        ("speed_kmh", "'speed_kmh' needs a number"),
        ("speed_kmh=many", "needs a number"),
        ("speed_kmh=0", "speed_kmh must be above 0"),
        ("speed_kmh=-1", "above 0"),
        ("speed_kmh=nan", "above 0"),
        ("move_odds=1", "below 1"),
        ("speed_kmh=inf", "above 0"),
    ],
)
def test_a_bad_limit_is_refused_by_name(text: str, words: str) -> None:
    """A bad limit is refused by name."""
    with pytest.raises(BadSetting, match="AUTHCHECK_CLONE_LIMITS") as caught:
        parse_limits(text)
    assert words in str(caught.value)


def test_the_document_has_every_parameter_with_its_default() -> None:
    """docs/clones.md has a row for each parameter, and no other."""
    text = (Path(__file__).parents[3] / "docs" / "clones.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", text, re.MULTILINE))
    assert {name: float(value) for name, value in rows.items()} == asdict(CloneLimits())
