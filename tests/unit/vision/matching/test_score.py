"""The score: a probability that rises with the evidence, from a model of exactly these numbers."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from authcheck.checks.verdicts import POLICIES
from authcheck.vision.matching import score
from authcheck.vision.matching.score import NUMBERS, Model, load_model

NAMES = sorted({policy.model for policy in POLICIES.values() if policy.model})


@pytest.mark.parametrize("name", NAMES)
def test_the_models_of_all_policies_are_there(name: str) -> None:
    """Each number has one finite entry, and a scale that is not zero."""
    model = load_model(name)
    for values in (model.centres, model.scales, model.weights):
        assert values.shape == (len(NUMBERS),)
        assert np.isfinite(values).all()
    assert model.scales.min() > 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("number", range(len(NUMBERS)), ids=NUMBERS)
def test_a_score_follows_its_logit(name: str, number: int) -> None:
    """More of a number with a positive weight raises the score.

    With a negative weight it lowers the score.
    """
    model = load_model(name)
    steps = model.centres + np.outer(np.linspace(-2, 2, 9), np.eye(len(NUMBERS))[number] * model.scales)
    worth = np.diff([model.score(one) for one in steps])
    assert np.all(worth * np.sign(model.weights[number]) > 0)


@pytest.mark.slow
@given(st.lists(st.floats(-1e6, 1e6), min_size=len(NUMBERS), max_size=len(NUMBERS)))
def test_a_score_is_a_probability(numbers: list[float]) -> None:
    """Any numbers give a score in [0, 1], without overflow."""
    assert 0 <= load_model(NAMES[0]).score(numbers) <= 1


def test_average_evidence_is_the_bias() -> None:
    """At the centres the score is that of the bias."""
    ones = np.ones(len(NUMBERS))
    model = Model("x", 3 * ones, ones, ones, 0.5)
    assert model.score(3 * ones) == pytest.approx(1 / (1 + np.exp(-0.5)))


def test_a_model_for_other_numbers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer numbers, or the same in another order, are refused, because the weights would be wrong."""
    data = json.loads((score.FOLDER / f"score-{NAMES[0]}.json").read_text())
    monkeypatch.setattr(score, "FOLDER", tmp_path)
    for number, numbers in enumerate([data["numbers"][1:], data["numbers"][::-1]]):
        (tmp_path / f"score-other-{number}.json").write_text(json.dumps({**data, "numbers": numbers}))
        with pytest.raises(ValueError, match="other numbers"):
            load_model(f"other-{number}")
    with pytest.raises(OSError, match="score-none"):
        load_model("none")
