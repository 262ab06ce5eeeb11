"""The score: a probability that rises with the evidence, from a model of exactly these numbers."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from authcheck.checks.policies import POLICIES
from authcheck.vision.matching import score
from authcheck.vision.matching.score import NUMBERS, Model, load_model
from authcheck.vision.matching.trees import Trees

FALLING, FREE = ("error", "shear", "rival_confirmed"), ("size", "visible", "design_points")
NAMES = sorted({policy.model for policy in POLICIES.values() if policy.model})


@pytest.mark.parametrize("name", NAMES)
def test_the_models_of_all_policies_are_there(name: str) -> None:
    """Each number has one finite entry, and a scale that is not zero."""
    model = load_model(name)
    for values in (model.centres, model.scales, model.weights):
        assert values.shape == (len(NUMBERS),)
        assert np.isfinite(values).all()
    assert model.scales.min() > 0


@pytest.mark.parametrize("number", range(len(NUMBERS)), ids=NUMBERS)
def test_a_score_follows_its_logit(number: int) -> None:
    """More of a number with a positive weight raises the score of a regression.

    With a negative weight it lowers the score.
    """
    model = load_model("local-1")
    steps = model.centres + np.outer(np.linspace(-2, 2, 9), np.eye(len(NUMBERS))[number] * model.scales)
    worth = np.diff([model.score(one) for one in steps])
    assert np.all(worth * np.sign(model.weights[number]) > 0)


@pytest.mark.parametrize("number", [number for number in NUMBERS if number not in FREE])
@pytest.mark.parametrize("seed", range(5))
def test_more_evidence_never_lowers_what_the_trees_say(number: str, seed: int) -> None:
    """More agreement raises the log-odds of the trees or leaves them. Errors, shear and rivals lower them."""
    model, dice = load_model("local-2"), np.random.default_rng(seed)
    assert model.trees is not None
    row = model.centres + dice.normal(0, 1, len(NUMBERS)) * model.scales
    steps = row + np.outer(np.linspace(-3, 3, 25), np.eye(len(NUMBERS))[NUMBERS.index(number)] * model.scales)
    worth = np.diff([model.trees.log_odds(step) for step in steps])
    assert (worth * (-1 if number in FALLING else 1) >= -1e-12).all()


def test_trees_add_up() -> None:
    """Each tree gives the value of the leaf that the row reaches. At the threshold a row goes left."""
    trees = Trees.from_json(
        {
            "start": -1.0,
            "nodes": [
                [[1, 2.0, 1, 2, 0], [0, 0, 1, 1, 0.25], [0, 5.0, 3, 4, 0], [0, 0, 3, 3, 4], [0, 0, 4, 4, 8]],
                [[0, 0, 0, 0, 16], *[[0, 0, n, n, 99] for n in range(1, 5)]],
            ],
        }
    )
    rows = {(0, 2): 0.25, (5, 3): 4.0, (6, 3): 8.0}
    assert [trees.log_odds(np.array(row, float)) for row in rows] == [15 + value for value in rows.values()]
    assert Trees.from_json(trees.to_json()).to_json() == trees.to_json()


def test_the_trees_share_the_say_with_the_regression() -> None:
    """The log-odds of a model with trees are the mean of both, and squares weigh what is unusual."""
    ones, leaf = np.ones(len(NUMBERS)), {"start": 3.0, "nodes": [[[0, 0, 0, 0, 1.0]]]}
    model = Model("x", 0 * ones, ones, 0 * ones, 1.0, ones / len(NUMBERS), Trees.from_json(leaf))
    assert model.score(2 * ones) == pytest.approx(1 / (1 + np.exp(-(1 + 4 + 4) / 2)))


@pytest.mark.slow
@given(st.lists(st.floats(-1e6, 1e6), min_size=len(NUMBERS), max_size=len(NUMBERS)))
def test_a_score_is_a_probability(numbers: list[float]) -> None:
    """Any numbers give a score in [0, 1], without overflow."""
    assert all(0 <= load_model(name).score(numbers) <= 1 for name in NAMES)


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
