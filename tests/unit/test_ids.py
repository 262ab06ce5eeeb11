"""Identifiers: prefix, order, shape."""

from datetime import UTC, datetime, timedelta, timezone

import make
import pytest
from hypothesis import given
from hypothesis import strategies as st

from authcheck.ids import CROCKFORD, new_id

TIMES = st.datetimes(datetime(1970, 1, 1), datetime(3000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds


def test_an_id_is_its_prefix_and_26_characters() -> None:
    """An id fits the columns and holds no character that is read as another."""
    prefix, rest = new_id("dsn", make.NOW).split("_")
    assert prefix == "dsn"
    assert len(rest) == 26
    assert set(rest) <= set(CROCKFORD)
    assert not set("ILOU") & set(CROCKFORD)


@given(st.lists(TIMES, min_size=2, max_size=6, unique=True))
def test_ids_sort_by_time(times: list[datetime]) -> None:
    """A later microsecond gives a greater id, whatever the random part is."""
    ids = [new_id("chk", moment) for moment in sorted(times)]
    assert ids == sorted(ids)


def test_the_zone_does_not_matter() -> None:
    """One moment gives one time part, in whatever zone it is told."""
    elsewhere = make.NOW.astimezone(timezone(timedelta(hours=8)))
    assert new_id("chk", make.NOW)[:15] == new_id("chk", elsewhere)[:15]


def test_ids_of_one_microsecond_differ() -> None:
    """75 random bits keep ids of one moment apart."""
    assert len({new_id("chk", make.NOW) for _ in range(2000)}) == 2000


def test_a_time_without_a_zone_is_refused() -> None:
    """A naive time would sort by the machine's zone."""
    with pytest.raises(TypeError):
        new_id("chk", make.NOW.replace(tzinfo=None))
