"""Identifiers: prefix, order and shape. Codes: every typing error is noticed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import make
import pytest
from hypothesis import given
from hypothesis import strategies as st

from authcheck.errors import Rejected
from authcheck.ids import CROCKFORD, check_code, new_code, new_id, show_code

TIMES = st.datetimes(datetime(1970, 1, 1), datetime(3000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds


def test_an_id_is_its_prefix_and_26_characters() -> None:
    """An id fits the columns and has no character that can be mistaken for another."""
    prefix, rest = new_id("dsn", make.NOW).split("_")
    assert prefix == "dsn"
    assert len(rest) == 26
    assert set(rest) <= set(CROCKFORD)
    assert not set("ILOU") & set(CROCKFORD)


@given(st.lists(TIMES, min_size=2, max_size=6, unique=True))
def test_ids_sort_by_time(times: list[datetime]) -> None:
    """A later microsecond gives a greater id, whatever the random part."""
    ids = [new_id("chk", moment) for moment in sorted(times)]
    assert ids == sorted(ids)


def test_the_zone_does_not_matter() -> None:
    """The same moment gives the same time part in every time zone."""
    elsewhere = make.NOW.astimezone(timezone(timedelta(hours=8)))
    assert new_id("chk", make.NOW)[:15] == new_id("chk", elsewhere)[:15]


def test_ids_of_one_microsecond_differ() -> None:
    """75 random bits keep ids of one moment apart."""
    assert len({new_id("chk", make.NOW) for _ in range(2000)}) == 2000


def test_a_time_without_a_zone_is_refused() -> None:
    """A time without a zone would sort by the machine's zone, so it is refused."""
    with pytest.raises(TypeError):
        new_id("chk", make.NOW.replace(tzinfo=None))


def refused(text: str) -> bool:
    """Return whether the text is no code."""
    try:
        check_code(text)
    except Rejected:
        return True
    return False


def swapped(code: str, at: int, other: int) -> str:
    """Return the code with two characters swapped."""
    characters = list(code)
    characters[at], characters[other] = code[other], code[at]
    return "".join(characters)


def wrong_characters(code: str) -> Iterator[str]:
    """Yield the code with each character replaced by each other character."""
    for at in range(13):
        yield from (code[:at] + other + code[at + 1 :] for other in set(CROCKFORD) - {code[at]})


def test_a_code_is_12_random_characters_and_a_check_character() -> None:
    """Each of 2,000 codes is different, has one spelling, and together they use the whole alphabet."""
    codes = {new_code() for _ in range(2000)}
    assert len(codes) == 2000
    assert {len(code) for code in codes} == {13}
    assert set("".join(codes)) == set(CROCKFORD)
    assert all(check_code(code) == code for code in codes)


def test_every_wrong_character_is_noticed() -> None:
    """No wrong character passes, tried at 13 places with 31 others each, for 25 codes."""
    assert all(refused(wrong) for _ in range(25) for wrong in wrong_characters(new_code()))


def test_every_swap_is_noticed() -> None:
    """Swapping any two different characters gives no code, neighbours or not. All 32 x 31 pairs are tried."""
    for first in range(32):
        code = new_code()
        for at in range(12):
            for other in range(at + 1, 13):
                assert code[at] == code[other] or refused(swapped(code, at, other))
        for second in set(range(32)) - {first}:
            pair = next(
                word
                for last in CROCKFORD
                if not refused(word := CROCKFORD[first] + CROCKFORD[second] + code[2:12] + last)
            )
            assert refused(swapped(pair, 0, 1))


@pytest.mark.parametrize("typed", ["{shown}", " {small} ", "{spaced}", "{wide}", "{confused}", "{dashed}\n"])
def test_a_code_may_be_typed_as_people_type(typed: str) -> None:
    """Groups, small letters, blanks, full-width characters, O for 0 and I or L for 1 give the same code."""
    code = next(code for code in iter(new_code, "") if "0" in code and "1" in code)
    wide = "".join(chr(ord(character) + 0xFEE0) for character in code)
    text = typed.format(
        shown=show_code(code),
        small=code.lower(),
        spaced=" ".join(code),
        wide=wide,
        confused=code.replace("0", "o").replace("1", "l", 1).replace("1", "I"),
        dashed=show_code(code).replace("-", "\u2013"),
    )
    assert check_code(text) == code


@pytest.mark.parametrize(
    "text", ["", "0", "U" * 13, "0" * 12, "0" * 14, "0000-0000-0000\x00", "é" * 13, "0" * 65, "\ud800" * 13]
)
def test_what_cannot_be_a_code_is_refused(text: str) -> None:
    """Wrong length, wrong characters and absurd lengths get the same answer."""
    with pytest.raises(Rejected) as caught:
        check_code(text)
    assert caught.value.code == "code.malformed"


def test_a_code_is_shown_in_groups() -> None:
    """Codes are shown in groups of 4, 4 and 5, which are easy to read out."""
    assert show_code("0123456789ABC") == "0123-4567-89ABC"
