"""Flow: phones look at a label, and each look is recorded once; a copied label shows."""

import asyncio
import threading
from datetime import timedelta

import pytest
import scans_made as made
import units_made
from make import NOW

from api.recorder import recording as recording_scans
from authcheck.certificates.tables import Certificate
from authcheck.lookups import lookup
from authcheck.lookups.lookup import LookUp
from authcheck.scans import recording
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql
MINUTE = timedelta(minutes=1)


@pytest.fixture
def units(workspace: Workspace) -> list[Certificate]:
    """Fifty units of one batch."""
    return units_made.issue(workspace, units_made.brand_with_key(workspace), count=50)


def look_up(work: Workspace, unit: Certificate) -> LookUp:
    """Look a unit up by its code."""
    return lookup.look_up(work.database, work.settings, unit.code, NOW)


def test_a_retry_is_no_second_scan(workspace: Workspace, units: list[Certificate]) -> None:
    """A retry is no second scan."""
    first = made.scan(units[0])
    again = made.scan(units[0], at=NOW + MINUTE)
    elsewhere = made.scan(units[0], visitor="mobile", network="mobile", at=NOW + 2 * MINUTE)  # the same page
    for scan in (first, again, elsewhere):
        made.record(workspace, scan)
    (session,) = made.sessions_of(workspace, units[0])
    assert (session.requests, session.last_at) == (3, NOW + 2 * MINUTE)
    made.record(workspace, made.scan(units[0], visit="later", at=NOW + recording.SESSION + 3 * MINUTE))
    assert len(made.sessions_of(workspace, units[0])) == 2


def test_a_page_that_waited_for_days_is_one_scan(workspace: Workspace, units: list[Certificate]) -> None:
    """A page that waited for days is one scan."""
    for days in (0, 3):
        made.record(workspace, made.scan(units[0], visitor=f"day{days}", at=NOW + timedelta(days=days)))
    assert len(made.sessions_of(workspace, units[0])) == 1


def test_scans_of_one_moment_are_one_transaction(workspace: Workspace, units: list[Certificate]) -> None:
    """Scans of one moment are one transaction."""
    scans = [made.scan(unit, number) for number, unit in enumerate(units[:20])]
    made.record(workspace, *scans, *scans)
    assert [len(made.sessions_of(workspace, unit)) for unit in units[:21]] == [1] * 20 + [0]
    assert made.sessions_of(workspace, units[0])[0].requests == 2


def test_a_copied_label_is_found_and_alerts_once(workspace: Workspace, units: list[Certificate]) -> None:
    """A copied label is found and alerts once."""
    assert look_up(workspace, units[0]).advice == "verified"
    when = made.copied(workspace, units[0], "CUCUC")
    (alert,) = made.alerts_in(workspace)
    assert (alert.kind, alert.certificate_id, alert.state) == ("places", units[0].id, "new")
    assert alert.params == {"phones": 5, "places": 2, "days": 12}
    found = look_up(workspace, units[0])
    assert (found.outcome, found.advice) == ("good", "careful")
    assert [caution.code for caution in found.cautions] == ["scans.places"]
    assert look_up(workspace, units[1]).advice == "verified"
    assert made.record(workspace, made.scan(units[0], 9, at=when + timedelta(days=1))) == {units[0].id}
    (alert,) = made.alerts_in(workspace)
    assert alert.params["phones"] == 6


def test_ten_thousand_scans_in_a_minute_are_bounded_work_and_one_alert(
    workspace: Workspace, units: list[Certificate], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand scans in a minute are bounded work and one alert."""
    evaluated = []
    read_evidence = recording.read_evidence
    monkeypatch.setattr(recording, "read_evidence", lambda *args: evaluated.append(1) or read_evidence(*args))
    for group in range(50):
        made.record(
            workspace,
            *(
                made.scan(
                    units[0], number, at=NOW + group * MINUTE / 50, place=(made.CN, made.US)[number % 2]
                )
                for number in range(group * 200, group * 200 + 200)
            ),
        )
    sessions = made.sessions_of(workspace, units[0])
    assert len(sessions) == recording.MOST_AN_HOUR
    assert sum(session.requests for session in sessions) == 10_000
    assert len(evaluated) <= recording.MOST_AN_HOUR
    alerts = made.alerts_in(workspace)
    assert sorted(alert.kind for alert in alerts) == ["places", "travel"]
    assert {alert.certificate_id for alert in alerts} == {units[0].id}


def test_a_phone_that_looks_up_many_units_is_no_evidence(
    workspace: Workspace, units: list[Certificate]
) -> None:
    """A rival scans labels in a shop, by turns through a VPN, so that they look copied."""
    for number in range(40):
        made.record(workspace, made.scan(units[number], number, visitor="rival", network=f"vpn{number}"))
    assert all(not made.sessions_of(workspace, unit)[0].counted for unit in units[:40])
    (alert,) = made.alerts_in(workspace)
    assert (alert.kind, alert.params, alert.is_grave) == ("probing", {"units": 40, "by": "visitor"}, False)
    made.record(workspace, made.scan(units[45], 45, visitor="rival", network="vpn45"))
    assert not made.sessions_of(workspace, units[45])[0].counted
    assert len(made.alerts_in(workspace)) == 1


def test_what_is_cleared_does_not_alert_again(workspace: Workspace, units: list[Certificate]) -> None:
    """What is cleared does not alert again."""
    when = made.copied(workspace, units[0])
    with workspace.database.writing() as session:
        session.get_one(type(made.alerts_in(workspace)[0]), made.alerts_in(workspace)[0].id).state = "cleared"
    assert look_up(workspace, units[0]).advice == "verified"
    warned = made.record(workspace, made.scan(units[0], 7, place=made.US, at=when + timedelta(days=1)))
    assert warned == frozenset()
    (alert,) = made.alerts_in(workspace)
    assert alert.state == "cleared"


def test_two_processes_record_the_same_visits_at_once(workspace: Workspace, units: list[Certificate]) -> None:
    """Each visit is one session, and none is lost, also when one process was faster."""

    async def record_all() -> list[bool]:
        async with recording_scans(workspace) as recorder:
            return await asyncio.gather(*(recorder.record(made.scan(unit, 1)) for unit in units[:12]))

    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.extend(asyncio.run(record_all()))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [False] * 24
    sessions = [made.sessions_of(workspace, unit) for unit in units[:12]]
    assert [[session.requests for session in of_unit] for of_unit in sessions] == [[2]] * 12
