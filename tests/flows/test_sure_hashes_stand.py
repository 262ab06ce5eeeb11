"""Flow: a close look that is less sure does not overrule hashes that are sure (ADR 7, policy local-2)."""

import math
from dataclasses import replace

import make
import numpy as np
import pytest
from evidence_scenes import homography

from authcheck.checks.candidates import candidates
from authcheck.checks.finder import Seen
from authcheck.checks.policies import CURRENT_POLICY
from authcheck.checks.verdicts import Candidate
from authcheck.registry.clock import current_tick
from authcheck.vision.fingerprints.gallery import Hit
from authcheck.vision.matching.alignment import alignment_of
from authcheck.vision.matching.score import NUMBERS
from authcheck.workspace import Workspace


def candidate(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    by_hashes: float,
    by_look: float,
    hashes_stand: float,
) -> Candidate:
    """The only candidate, for these scores of the hashes and of the close look."""
    make.register(workspace)
    design = make.picture()
    numbers = [0.0] * len(NUMBERS)
    numbers[NUMBERS.index("pairs")] = float(np.log1p(9))
    lies = alignment_of(
        homography(make.quad(design, (400, 320), 200)),
        design_px=design.size,
        picture_px=(800, 640),
        coverage=0.5,
        inverted=False,
    )
    monkeypatch.setattr("authcheck.checks.candidates._score_look", lambda *_: by_look)
    with workspace.database.reading() as session:
        (found,) = candidates(
            session,
            "0" * 64,
            [Hit(1, by_hashes, "phash", "upright", "whole", {"phash": 9, "dhash": 9})],
            tick=current_tick(session),
            looks=[Seen(1, tuple(numbers), lies)],
            policy=replace(CURRENT_POLICY, hashes_stand=hashes_stand),
        )
    return found


@pytest.mark.parametrize(
    ("given", "score", "method"),
    [
        ((0.95, 0.8, 0.9), 0.95, "phash"),
        ((0.95, 0.97, 0.9), 0.97, "features"),
        ((0.89, 0.3, 0.9), 0.3, "features"),
        ((0.95, 0.8, math.inf), 0.8, "features"),
    ],
    ids=["hashes are surer", "the look is surer", "hashes are not sure", "an older policy"],
)
def test_the_surer_of_the_two_is_told(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    given: tuple[float, float, float],
    score: float,
    method: str,
) -> None:
    """Score, method, reasons and outline come from the surer of the two.

    `given`: hash score, look score, `hashes_stand`.
    """
    found = candidate(workspace, monkeypatch, *given)
    assert (found.score, found.method) == (score, method)
    assert (found.alignment is not None) == (method == "features")
    assert ("image.near_copy" in {reason.code for reason in found.reasons}) == (method == "phash")
