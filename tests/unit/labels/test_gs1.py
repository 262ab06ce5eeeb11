"""GS1's numbers: check digits, lots, serial numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authcheck.errors import Rejected
from authcheck.labels.gs1 import check_digit, check_gtin, check_lot, check_serial


@pytest.mark.parametrize("gtin", ["96385074", "036000291452", "4006381333931", "10614141000415"])
def test_gtins_of_every_length_become_fourteen_digits(gtin: str) -> None:
    """GTIN-8, -12, -13 and -14 are accepted as GS1 prints them."""
    assert check_gtin(gtin) == gtin.zfill(14)
    assert check_gtin(check_gtin(gtin)) == gtin.zfill(14)


@given(st.text("0123456789", min_size=13, max_size=13), st.integers(0, 13), st.integers(1, 9))
def test_every_wrong_digit_is_noticed(digits: str, place: int, by: int) -> None:
    """If any digit of a GTIN is changed, the check digit no longer fits."""
    gtin = digits + check_digit(digits)
    wrong = gtin[:place] + str((int(gtin[place]) + by) % 10) + gtin[place + 1 :]
    assert check_gtin(gtin) == gtin
    with pytest.raises(Rejected):
        check_gtin(wrong)


@pytest.mark.parametrize(
    "text", ["", "1", "400638133393", "4006381333930", "4006381333931\n4", "400638133", "-006381333931"]
)
def test_what_is_no_gtin_is_refused(text: str) -> None:
    """Another length, other characters and a wrong check digit are refused."""
    with pytest.raises(Rejected) as caught:
        check_gtin(text)
    assert caught.value.code == "gs1.gtin"


def test_lots_and_serials_take_the_signs_of_gs1() -> None:
    """Lots and serials accept all 82 characters of GS1, up to twenty at a time."""
    signs = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
    assert len(signs) == 82
    for start in range(0, 82, 20):
        some = signs[start : start + 20]
        assert (check_lot(some), check_serial(some)) == (some, some)


@pytest.mark.parametrize(
    "text", ["", "a b", "x" * 21, "#", "$", "@", "[", "`", "{", "~", "\u00e9", "a\nb", ".", ".."]
)
def test_other_lots_and_serials_are_refused(text: str) -> None:
    """Blanks, other characters, too long texts, and `.` and `..`, which a browser removes, are refused."""
    for check, code in ((check_lot, "gs1.lot"), (check_serial, "gs1.serial")):
        with pytest.raises(Rejected) as caught:
            check(text)
        assert caught.value.code == code
