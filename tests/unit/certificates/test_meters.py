"""The meter of a licence."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from authcheck.certificates.meters import Meter, meter
from authcheck.config import Settings

SHARES = (0.8, 0.95, 1.0)


@pytest.mark.parametrize(
    ("units", "alerts"),
    [
        (0, ()),
        (7_199, ()),
        (7_200, (0.8,)),
        (8_550, (0.8, 0.95)),
        (8_999, (0.8, 0.95)),
        (9_000, SHARES),
        (9_400, SHARES),
    ],
)
def test_alerts_are_the_shares_that_are_reached(units: int, alerts: tuple[float, ...]) -> None:
    """An alert comes with the very unit that reaches its share."""
    assert meter(units, 9_000, SHARES) == Meter(units, 9_000, units / 9_000, alerts)


def test_without_a_cap_there_is_nothing_to_alert_of() -> None:
    """A licence without a cap has no alerts. Its units are counted all the same."""
    assert meter(9_400, None, SHARES) == Meter(9_400, None, None, ())


def test_shares_are_taken_as_they_are_written() -> None:
    """A share is decimal: 0.07 of 100 is 7, not slightly more as in binary."""
    assert meter(7, 100, (0.07,)).alerts == (0.07,)
    assert meter(0, 0, SHARES).alerts == SHARES


@given(st.integers(0, 10**12), st.integers(1, 10**12), st.lists(st.integers(1, 100)))
def test_an_alert_never_comes_too_early_nor_too_late(units: int, cap: int, percents: list[int]) -> None:
    """For any numbers, one more unit never removes an alert."""
    shares = [percent / 100 for percent in percents]
    reached = meter(units, cap, shares).alerts
    assert set(reached) == {percent / 100 for percent in percents if units * 100 >= percent * cap}
    assert set(reached) <= set(meter(units + 1, cap, shares).alerts)
    assert list(reached) == sorted(reached, key=lambda share: Decimal(str(share)))


def test_shares_come_out_of_a_setting() -> None:
    """The setting may list shares in any order, or none."""
    assert Settings().alert_shares == SHARES
    assert Settings(licence_alert_shares="1, 0.5").alert_shares == (0.5, 1.0)
    assert Settings(licence_alert_shares=",").alert_shares == ()


@pytest.mark.parametrize("text", ["0", "-1", "1.01", "80", "much", "nan", "inf"])
def test_what_is_no_share_is_refused(text: str) -> None:
    """A share is greater than 0 and at most 1."""
    with pytest.raises(ValidationError):
        Settings(licence_alert_shares=text)
