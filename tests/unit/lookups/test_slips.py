"""Slips of a typed code, found from its check character alone."""

import random
from itertools import pairwise

import pytest

from authcheck.ids import check_code, new_code, show_code
from authcheck.lookups import slips
from authcheck.lookups.slips import find_slips, has_slip

CODE = "7XK294QMV0HT3"


def proposed(text: str) -> list[str]:
    """The codes that are proposed for a text."""
    return [slip.code for slip in find_slips(text)]


def test_a_right_code_has_no_slip() -> None:
    """However people write it, a code that fits is not questioned."""
    assert check_code(CODE) == CODE
    for text in (
        CODE,
        show_code(CODE),
        CODE.lower(),
        " 7xk2 94qm v0ht3 ",
        "\uff17\uff38\uff2b\uff12-94QM-VOHT3",
        f"<{CODE}>",
    ):
        assert not has_slip(text)
        assert find_slips(text) == []


@pytest.mark.parametrize(
    ("text", "kind", "typed", "meant"),
    [
        ("7XK294QMVDHT3", "alike", "D", "0"),
        ("7KX294QMV0HT3", "swapped", "KX", "XK"),
        ("7XK294QMU0HT3", "unread", "U", "V"),
        ("7XK2-94?M-V0HT3", "unread", "?", "Q"),
        ("7XK2294QMV0HT3", "doubled", "22", "2"),
        ("7CK294QMV0HT3", "key", "C", "X"),
    ],
)
def test_each_slip_is_named(text: str, kind: str, typed: str, meant: str) -> None:
    """The proposal is the right code, and says what was typed instead of what."""
    slip = next(slip for slip in find_slips(text) if slip.code == CODE)
    assert (slip.kind, slip.typed, slip.meant) == (kind, typed, meant)
    assert has_slip(text)


def test_one_of_a_pair_left_out() -> None:
    """A pair of which one was typed is completed."""
    code = next(code for code in iter(new_code, "") if any(a == b for a, b in pairwise(code)))
    place = next(place for place in range(12) if code[place] == code[place + 1])
    assert code in proposed(code[:place] + code[place + 1 :])


def test_what_is_no_code_is_not_corrected() -> None:
    """Another length, another script, an address, and two unread characters get no proposal."""
    for text in (
        "",
        "ABC",
        "7XK294QMV0",
        "七XK294QMV0HT",
        "7XK2?4?MV0HT3",
        "a.example/7XK294QMV",
        "x" * 5000,
    ):
        assert find_slips(text) == []
    assert not has_slip("ABC")
    assert not has_slip("https://a.example/c/7XK294QMV0HT3")


def test_likely_slips_are_found_and_all_proposals_fit() -> None:
    """Nine in ten codes with one look-alike or one swap are found among at most three proposals."""
    rng = random.Random(7)
    found = 0
    for _ in range(400):
        code, place = new_code(), rng.randrange(12)
        others = slips._alike.get(code[place])
        if rng.random() < 0.5 and others:
            text = code[:place] + rng.choice(others) + code[place + 1 :]
        else:
            text = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
        proposals = proposed(text)
        assert len(proposals) <= slips.MOST
        assert all(check_code(proposal) == proposal for proposal in proposals)
        found += text == code or code in proposals
    assert found > 360
