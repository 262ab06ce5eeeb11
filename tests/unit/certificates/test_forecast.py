"""The day on which a cap is reached at the present pace."""

from datetime import date, timedelta

import pytest

from authcheck.certificates.forecast import Forecast, pace

TODAY = date(2026, 11, 23)


def test_a_steady_pace_has_no_band() -> None:
    """Ten units in each week reach a cap of 40 more units in four weeks, and earliest and latest agree."""
    day = TODAY + timedelta(weeks=4)
    assert pace([10] * 8, 40, TODAY) == Forecast(day, day, day, 10.0)


def test_an_uneven_pace_has_a_band() -> None:
    """The day lies between earliest and latest. A pace that may be nothing has no latest day."""
    found = pace([20, 0, 10, 10, 20, 0, 10, 10], 40, TODAY)
    assert found is not None
    assert found.earliest is not None
    assert found.latest is not None
    assert found.earliest < TODAY + timedelta(weeks=4) == found.day < found.latest
    wild = pace([0, 0, 1, 0, 90, 0, 0, 1], 40, TODAY)
    assert wild is not None
    assert wild.latest is None


@pytest.mark.parametrize("weeks", [[], [5, 5], [5, 5, 0, 0, 0, 0, 0, 0], [0] * 8])
def test_too_few_weeks_are_no_pace(weeks: list[int]) -> None:
    """Fewer than three weeks, or fewer than three weeks with units, say nothing."""
    assert pace(weeks, 40, TODAY) is None


def test_a_day_in_the_far_future_is_no_day() -> None:
    """A cap that is reached in more than ten years is not forecast."""
    assert pace([1] * 8, 10_000, TODAY) == Forecast(None, None, None, 1.0)
