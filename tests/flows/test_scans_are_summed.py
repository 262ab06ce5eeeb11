"""Days of scans are summed once, and the figures stay what the scans say."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
import scans_made as made
import units_made
from make import NOW
from sqlalchemy import select

from authcheck.certificates.tables import Certificate
from authcheck.scans import closing, figures, listing, marks, sums
from authcheck.scans.figures import Figures
from authcheck.scans.listing import ScanFilter
from authcheck.scans.parts import EVERYTHING, Part
from authcheck.scans.places import NOWHERE, Place
from authcheck.scans.tables import ScanDay, ScanSession
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql
DAY = timedelta(days=1)
SINCE, UNTIL = NOW.date(), (NOW + 9 * DAY).date()
Summed = Callable[[], Figures]


@pytest.fixture
def units(workspace: Workspace) -> list[Certificate]:
    """Six units of Acme with forty scans in ten days, and the markets China and France."""
    units = units_made.issue(workspace, units_made.brand_with_key(workspace), count=6)
    expect(workspace, units[0], "CN", "FR")
    dice = random.Random(22)
    for number in range(40):
        place = dice.choice([Place("CN"), Place("US"), Place("FR"), NOWHERE])
        at = NOW + dice.random() * 9.4 * DAY
        answer = dice.choice(listing.ADVICE)
        made.record(workspace, made.scan(dice.choice(units[:5]), number, at=at, place=place, advice=answer))
    with workspace.database.writing() as session:
        for row in session.scalars(select(ScanSession).order_by(ScanSession.id).limit(30)).all()[::7]:
            row.counted = False
    return units


def expect(work: Workspace, unit: Certificate, *markets: str) -> None:
    """Name the markets of the batch."""
    with work.database.writing() as session:
        marks.expect(
            session,
            unit.batch_id,
            organisation_id=unit.organisation_id,
            markets=markets,
            use_by=None,
            now=NOW,
        )


def compute(work: Workspace, unit: Certificate, part: Part = EVERYTHING) -> Figures:
    """Return the figures of the ten days."""
    with work.database.reading() as session:
        return figures.compute(session, unit.organisation_id, since=SINCE, until=UNTIL, part=part)


def close(work: Workspace, now: datetime = NOW + 30 * DAY) -> int:
    """Close days."""
    return closing.close_days(work.database, now)


def test_closed_days_say_what_their_scans_say(workspace: Workspace, units: list[Certificate]) -> None:
    """Figures are the same with no day closed, some closed, all closed, and by batch, which uses no sums."""
    before = compute(workspace, units[0])
    assert before.sessions + before.probing == 40
    assert 0 < before.off_market < before.located_in_markets < before.sessions
    assert close(workspace, NOW + 4 * DAY) == 3
    assert compute(workspace, units[0]) == before
    assert close(workspace) > 6
    assert close(workspace) == 0
    assert compute(workspace, units[0]) == before
    for part in (Part(batch_id=units[0].batch_id), Part(design_id=units[0].design_id)):
        assert compute(workspace, units[0], part) == before
    nothing = compute(workspace, units[0], Part(batch_id="bat_other"))
    assert (nothing.sessions, nothing.first, nothing.batches) == (0, 0, [])


def test_a_day_is_closed_when_nothing_of_it_can_change(
    workspace: Workspace, units: list[Certificate]
) -> None:
    """A day closes 25 hours after its end: until then, probing may take its scans out."""
    end = sums.begin_of(SINCE + DAY)
    assert close(workspace, end + closing.CLOSES_AFTER - timedelta(seconds=1)) == 0
    assert close(workspace, end + closing.CLOSES_AFTER) == 1


def test_markets_that_are_named_later_correct_closed_days(
    workspace: Workspace, units: list[Certificate]
) -> None:
    """Sums follow when the brand names other markets: what is outside, and what has markets at all."""
    close(workspace, NOW + 5 * DAY)
    for markets in (("US",), (), ("CN", "FR", "US")):
        expect(workspace, units[0], *markets)
        result = compute(workspace, units[0])
        assert result == compute(workspace, units[0], Part(batch_id=units[0].batch_id))
        assert (result.located_in_markets > 0) == bool(markets)
    assert result.off_market == 0


def test_every_figure_is_the_number_of_its_rows(workspace: Workspace, units: list[Certificate]) -> None:
    """The list of scans has as many rows as each figure says."""
    close(workspace, NOW + 6 * DAY)
    result = compute(workspace, units[0])
    period = ScanFilter(since=SINCE, until=UNTIL, counted=True)

    def rows(wanted: ScanFilter) -> int:
        """Count the rows of all pages, newest first."""
        count, before = 0, ""
        with workspace.database.reading() as session:
            while page := listing.list_scans(
                session, units[0].organisation_id, wanted, before=before, limit=7
            ):
                assert [row.id for row in page] == sorted((row.id for row in page), reverse=True)
                count, before = count + len(page), page[-1].id
        return count

    assert rows(period) == result.sessions
    assert rows(replace(period, counted=False)) == result.probing
    assert rows(replace(period, off_market=True)) == result.off_market
    inside = rows(replace(period, off_market=False))
    assert inside + result.off_market == result.located_in_markets
    for country, count in result.countries.items():
        if country:
            assert rows(replace(period, country=country)) == count
    for day in result.days:
        on_day = replace(period, since=day.day, until=day.day)
        assert rows(on_day) == day.sessions
        assert {code: rows(replace(on_day, advice=code)) for code in listing.ADVICE} == day.advice
    assert sum(day.first for day in result.days) == result.first == result.scanned_units
    (batch,) = result.batches
    with workspace.database.reading() as session:
        scanned = session.scalars(
            select(ScanSession.certificate_id).where(ScanSession.counted.is_(True)).distinct()
        ).all()
    assert batch.scanned == len(scanned)
    assert batch.never == batch.issued - len(scanned)


def test_a_day_is_closed_once_by_two_processes(workspace: Workspace, units: list[Certificate]) -> None:
    """A day that another process has closed stays as it is."""
    close(workspace)
    with workspace.database.reading() as session:
        rows = Counter(
            (row.day, row.country, row.advice, row.counted) for row in session.scalars(select(ScanDay))
        )
        last = sums.last_closed(session)
    assert set(rows.values()) == {1}
    assert isinstance(last, date)
    with workspace.database.writing() as session, pytest.raises(closing.IntegrityError):
        closing._close(session, last, NOW)
