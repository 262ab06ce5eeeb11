"""The threat model names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_every_test_that_the_threat_model_names_exists() -> None:
    """A defence whose test was renamed or lost would be a claim without proof."""
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "threat-model.md").read_text()))
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert len(named) > 80
    assert sorted(named - set(re.findall(r"^def (test_\w+)", tests, re.MULTILINE))) == []
