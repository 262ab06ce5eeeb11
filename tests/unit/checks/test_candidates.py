"""A candidate's method and reasons, from the results of the hashes and of the local stages."""

from dataclasses import replace

import make
import numpy as np
import pytest
from evidence_scenes import homography

from authcheck.checks.candidates import _explain_hashes, _explain_look, score_view
from authcheck.checks.comparing import _FewViews
from authcheck.checks.finder import HINTS, LEAST_HINT, Seen, hints_of, seen_in
from authcheck.checks.policies import CURRENT_POLICY, FAST_POLICY, POLICIES
from authcheck.checks.verdicts import Reason
from authcheck.vision.fingerprints.gallery import Hit
from authcheck.vision.matching.alignment import Alignment, alignment_of
from authcheck.vision.matching.score import NUMBERS

DESIGN = make.picture(1)


def hit(score: float = 0.8, *, orientation: str = "upright", window: str = "whole", view: int = 3) -> Hit:
    """Return a result of the hashes."""
    return Hit(view, score, "phash", orientation, window, {"phash": 40, "dhash": 60})


def look(pairs: int, alignment: Alignment) -> Seen:
    """Return a result of the local stages with this many agreeing points."""
    numbers = [0.0] * len(NUMBERS)
    numbers[NUMBERS.index("pairs")] = float(np.log1p(pairs))
    return Seen(3, tuple(numbers), alignment)


def laid(
    angle_deg: float = 0, *, coverage: float = 1, mirrored: bool = False, inverted: bool = False
) -> Alignment:
    """Return an alignment of the design in a picture."""
    place = make.quad(DESIGN, (400, 320), 200, angle_deg=angle_deg, mirrored=mirrored)
    return alignment_of(
        homography(place), design_px=DESIGN.size, picture_px=(800, 640), coverage=coverage, inverted=inverted
    )


def test_the_registered_file_needs_no_hash() -> None:
    """The registered file's score is 1 whatever the other stages found.

    A view that nothing found has no score.
    """
    for given in (None, hit(0.2)):
        assert score_view(given, None, FAST_POLICY, is_exact=True) == 1.0
        assert _explain_hashes(given, is_exact=True) == ("sha256", (Reason("image.exact_copy", 1.0),))
    assert score_view(None, None, FAST_POLICY, is_exact=False) == 0.0
    assert _explain_hashes(None, is_exact=False) == ("", ())


@pytest.mark.parametrize(
    ("orientation", "window", "codes"),
    [
        ("upright", "whole", []),
        ("rot90", "whole", ["image.rotated"]),
        ("mirror", "whole", ["image.mirrored"]),
        ("mirror_rot180", "panel", ["image.mirrored", "image.rotated", "image.part"]),
    ],
)
def test_hashes_say_how_a_copy_lies(orientation: str, window: str, codes: list[str]) -> None:
    """Reasons name a turned, mirrored or partial copy. An upright whole copy needs no such reason."""
    method, reasons = _explain_hashes(hit(orientation=orientation, window=window), is_exact=False)
    assert method == "phash"
    assert reasons[0] == Reason(
        "image.near_copy", 0.9, {"family": "phash", "distance_bits": 40, "of_bits": 256}
    )
    assert [one.code for one in reasons[1:]] == codes


@pytest.mark.parametrize(
    ("alignment", "codes"),
    [
        (laid(), []),
        (laid(7), []),
        (laid(355), []),
        (laid(90), ["image.rotated"]),
        (laid(mirrored=True), ["image.mirrored"]),
        (laid(inverted=True), ["image.inverted"]),
        (laid(coverage=0.79), ["image.partial_copy"]),
        (
            laid(180, coverage=0.3, mirrored=True, inverted=True),
            ["image.partial_copy", "image.inverted", "image.mirrored", "image.rotated"],
        ),
    ],
)
def test_points_say_how_a_design_lies(alignment: Alignment, codes: list[str]) -> None:
    """The number of agreeing points comes first, then what is odd about the placement.

    Hashes give no reason then.
    """
    method, reasons = _explain_look(look(12, alignment), hit(), CURRENT_POLICY)
    assert method == "features"
    assert reasons[0] == Reason("image.design_found", 0.9, {"points": 12})
    assert [one.code for one in reasons[1:]] == codes


@pytest.mark.parametrize(("coverage", "percent"), [(0.0, 1), (0.004, 1), (0.4567, 46)])
def test_a_partial_copy_says_how_much_is_seen(coverage: float, percent: int) -> None:
    """A partial copy states the visible share in whole percent, never 0, because something was found."""
    _, reasons = _explain_look(look(12, laid(coverage=coverage)), None, CURRENT_POLICY)
    assert reasons[1].params == {"percent": percent}


def test_what_no_point_confirms_speaks_as_the_hashes_do() -> None:
    """A look that only tests a hash's assumption keeps the hash's method and reasons.

    Without a hash it gives none.
    """
    method, reasons = _explain_look(look(0, laid()), hit(orientation="mirror"), CURRENT_POLICY)
    assert (method, [one.code for one in reasons]) == ("phash", ["image.near_copy", "image.mirrored"])
    assert _explain_look(look(0, laid()), None, CURRENT_POLICY) == ("features", ())


def sure(redrawn: float) -> Seen:
    """Return a look that has everything a match needs."""
    values = dict.fromkeys(NUMBERS, 0.0) | {
        "votes": 4.0, "pairs": 4.2, "agreeing": 0.7, "error": 0.004, "shear": 0.02, "size": -0.5, "visible": 5.0,
        "confirmed": 0.8, "confirmed_count": 4.8, "likeness": 0.7, "spread": 0.6, "channels": 4.0, "seen": 1.0,
        "grey": 0.9, "gradient": 0.8, "colour": 0.8, "blocks": 0.9, "design_points": 5.4, "hash": 0.3,
        "ahead_of_rival": 2.5, "ahead_of_noise": 3.5,
    }  # fmt: skip
    return Seen(3, tuple(values[name] for name in NUMBERS), laid(), redrawn=redrawn)


def test_a_redrawing_is_at_most_a_lookalike() -> None:
    """Not even hashes that are almost sure make a match of it. A policy of an earlier release does."""
    near = hit(0.97)
    for given in (near, None):
        copied, redrawn = (
            score_view(given, sure(rating), CURRENT_POLICY, is_exact=False) for rating in (0.9, 1.1)
        )
        assert copied >= CURRENT_POLICY.match > redrawn >= CURRENT_POLICY.lookalike
    assert score_view(near, sure(1.1), POLICIES["local-3"], is_exact=False) >= CURRENT_POLICY.match
    for view, expected in ((sure(1.1), True), (sure(0.9), False)):
        _, reasons = _explain_look(view, near, CURRENT_POLICY)
        assert ("image.redrawn" in {reason.code for reason in reasons}) == expected


def test_a_later_copy_cannot_hide_the_first_view() -> None:
    """Somebody else's later view in the same place counts as a rival of the first, but only up to a lookalike."""
    image = make.fixture("nw-001")
    views = _FewViews()
    for key, owner in enumerate(("acme", "mallory")):
        views.add(replace(make.known(image, key, owner=owner), design=owner, priority=key))
    first, later = sorted(
        seen_in(views.examine(make.submitted(image), (), lambda _: False)), key=lambda one: one.view_number
    )
    ahead = NUMBERS.index("ahead_of_rival")
    assert first.among_earlier is not None
    assert first.among_earlier[ahead] > first.numbers[ahead]
    assert later.among_earlier is None
    assert score_view(None, first, CURRENT_POLICY, is_exact=False) >= CURRENT_POLICY.lookalike


def test_a_look_reads_back() -> None:
    """A look is read back from the stored check. Numbers of another scheme are refused."""
    seen = replace(look(12, laid(30, coverage=0.5)), among_earlier=(0.5,) * len(NUMBERS), redrawn=0.7)
    again = Seen.from_json(seen.to_json())
    assert (again.to_json(), again.pairs, again.shows) == (seen.to_json(), 12, True)
    assert (again.among_earlier, again.redrawn) == (seen.among_earlier, 0.7)
    assert Seen.from_json(look(12, laid()).to_json()).redrawn == 0
    with pytest.raises(ValueError, match="another scheme"):
        Seen.from_json({**seen.to_json(), "numbers": [0.0]})


def test_hints_are_the_best_hits() -> None:
    """Hints are at most eight of the best hits, without vague ones, turned and mirrored as the hashes say."""
    hits = [hit(0.9 - number / 20, view=number) for number in range(12)]
    assert [hint.key for hint in hints_of(hits)] == list(range(HINTS))
    assert hints_of([hit(LEAST_HINT / 2)]) == []
    told = {
        name: hints_of([hit(orientation=name)])[0] for name in ("upright", "rot270", "mirror", "mirror_rot90")
    }
    assert {name: (hint.angle_deg, hint.mirrored) for name, hint in told.items()} == {
        "upright": (0, False),
        "rot270": (270, False),
        "mirror": (0, True),
        "mirror_rot90": (90, True),
    }
    assert not hints_of([hit(window="panel")])[0].whole
