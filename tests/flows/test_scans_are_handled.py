"""Flow: a brand looks at its alerts, marks units, and reads its scans; an owner claims a unit."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import scans_made as made
import units_made
from make import NOW
from sqlalchemy import text

from authcheck.certificates import signing_keys
from authcheck.certificates.batches import Selection
from authcheck.certificates.tables import Certificate
from authcheck.errors import AuthcheckError, Conflict, Forbidden, NotFound, Rejected, Unavailable
from authcheck.lookups import lookup
from authcheck.scans import claims, figures, handling, listing, marks, sweeping, unissued, volume
from authcheck.scans.handling import AlertFilter
from authcheck.scans.limits import CloneLimits
from authcheck.scans.listing import ScanFilter
from authcheck.scans.places import NOWHERE
from authcheck.scans.tables import ScanSession
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql
DAY = timedelta(days=1)


@pytest.fixture
def units(workspace: Workspace) -> list[Certificate]:
    """Six units of Acme with PINs."""
    return units_made.issue(workspace, units_made.brand_with_key(workspace), count=6, pins=True)


def owner_of(unit: Certificate) -> str:
    """The issuer's id."""
    return unit.organisation_id


def mark(work: Workspace, unit: Certificate, act: str, reason: str = "", **changes: Any) -> int:
    """Mark a unit."""
    arguments = {"organisation_id": owner_of(unit), "by": "per_x", "now": NOW, **changes}
    with work.database.writing() as session:
        return marks.mark(session, Selection((unit.code,)), act, reason=reason, **arguments)


def advice(work: Workspace, unit: Certificate, now: datetime = NOW) -> tuple[str, list[str]]:
    """What a buyer is told, and the cautions."""
    found = lookup.look_up(work.database, work.settings, unit.code, now)
    return found.advice, [caution.code for caution in found.cautions]


def test_alerts_are_listed_for_the_issuer_only(workspace: Workspace, units: list[Certificate]) -> None:
    """Alerts are listed for the issuer only."""
    made.copied(workspace, units[0])
    made.copied(workspace, units[1], at=NOW + timedelta(hours=1))
    rival = made.rival_id(workspace)
    with workspace.database.reading() as session:
        own = handling.list_alerts(session, owner_of(units[0]))
        assert [alert.certificate_id for alert in own] == [units[0].id, units[1].id]
        assert handling.list_alerts(session, owner_of(units[0]), after=own[0].id) == [own[1]]
        assert handling.list_alerts(session, owner_of(units[0]), AlertFilter(kind="travel")) == []
        assert [
            alert.id
            for alert in handling.list_alerts(
                session, owner_of(units[0]), AlertFilter(kind="Places", states=("new",)), limit=1
            )
        ] == [own[0].id]
        newest = handling.list_alerts(session, owner_of(units[0]), newest_first=True)
        assert newest == own[::-1]
        assert handling.list_alerts(session, owner_of(units[0]), newest_first=True, after=own[1].id) == [
            own[0]
        ]
        assert handling.list_alerts(session, rival) == []
        with pytest.raises(NotFound):
            handling.get_alert(session, own[0].id, rival)
        for name, wanted in (("kind", AlertFilter(kind="odd")), ("state", AlertFilter(states=("odd",)))):
            with pytest.raises(Rejected) as caught:
                handling.list_alerts(session, owner_of(units[0]), wanted)
            assert caught.value.code == f"alert.{name}"


def test_clearing_needs_a_reason(workspace: Workspace, units: list[Certificate]) -> None:
    """Clearing needs a reason."""
    made.copied(workspace, units[0])
    with workspace.database.writing() as session:
        alert = handling.get_alert(session, made.alerts_in(workspace)[0].id, owner_of(units[0]), lock=True)
        for state, why, code in (
            ("cleared", " ", "alert.why"), ("acted", "x" * 501, "alert.why"), ("acted", "a\nb", "alert.why"),
            ("new", "", "alert.state"), ("odd", "", "alert.state"),
        ):  # fmt: skip
            with pytest.raises(Rejected) as caught:
                handling.set_state(alert, state, why=why, by="per_x", now=NOW)
            assert caught.value.code == code
        handling.set_state(alert, "acted", why="", by="per_x", now=NOW)
        assert (alert.state, alert.decided_by, alert.decided_at) == ("acted", "per_x", NOW)
    assert advice(workspace, units[0])[0] == "careful"


def test_a_blocked_unit_warns_until_it_is_unblocked(workspace: Workspace, units: list[Certificate]) -> None:
    """A blocked unit warns until it is unblocked."""
    assert mark(workspace, units[0], "blocked", "stolen") == 1
    assert mark(workspace, units[0], "blocked", "stolen") == 0
    assert mark(workspace, units[0], "blocked", "missing") == 1
    assert advice(workspace, units[0]) == ("careful", ["scans.blocked"])
    assert made.record(workspace, made.scan(units[0])) == {units[0].id}
    assert made.alerts_in(workspace)[0].params == {"reason": "missing"}
    assert mark(workspace, units[0], "unblocked") == 1
    assert advice(workspace, units[0]) == ("verified", [])
    (alert,) = made.alerts_in(workspace)
    assert (alert.state, alert.why, alert.carried_at) == ("cleared", "unblocked", None)
    assert made.record(workspace, made.scan(units[0], 2)) == frozenset()
    mark(workspace, units[0], "blocked", "stolen")
    assert made.alerts_in(workspace)[0].state == "new"
    assert made.record(workspace, made.scan(units[0], 3)) == {units[0].id}
    mark(workspace, units[0], "unblocked")
    for act, reason, code in (("burnt", "", "mark.act"), ("blocked", "odd", "mark.reason")):
        with pytest.raises(Rejected) as caught:
            mark(workspace, units[0], act, reason)
        assert caught.value.code == code


def test_nobody_marks_the_units_of_others(workspace: Workspace, units: list[Certificate]) -> None:
    """Nobody marks the units of others."""
    rival = made.rival_id(workspace)
    with pytest.raises(NotFound):
        mark(workspace, units[0], "blocked", "stolen", organisation_id=rival)
    with pytest.raises(NotFound), workspace.database.writing() as session:
        marks.expect(session, units[0].batch_id, organisation_id=rival, markets=["CN"], use_by=None, now=NOW)


def test_a_sold_unit_is_watched(workspace: Workspace, units: list[Certificate]) -> None:
    """A sold unit is watched."""
    mark(workspace, units[0], "sold")
    for number in range(12):
        made.record(workspace, made.scan(units[0], number, at=NOW + (number + 1) * DAY))
    assert advice(workspace, units[0]) == ("careful", ["scans.after_sale"])
    assert mark(workspace, units[0], "unsold") == 1


def test_what_is_expected_of_a_batch(workspace: Workspace, units: list[Certificate]) -> None:
    """What is expected of a batch: markets and a last day."""
    with workspace.database.writing() as session:
        said = marks.expect(
            session, units[0].batch_id, organisation_id=owner_of(units[0]), markets=["Frankreich", "de"],
            use_by=date(2026, 1, 1), now=NOW,
        )  # fmt: skip
        assert said.markets == ["DE", "FR"]
        with pytest.raises(Rejected) as caught:
            marks.expect(
                session,
                units[0].batch_id,
                organisation_id=owner_of(units[0]),
                markets=["Mars"],
                use_by=None,
                now=NOW,
            )
        assert caught.value.code == "batch.markets"
        found = marks.expectation_of(session, units[0].batch_id, organisation_id=owner_of(units[0]))
        assert found is said
    assert advice(workspace, units[0]) == ("careful", ["scans.past_date"])
    for number in range(3):
        made.record(workspace, made.scan(units[0], number))
    assert {alert.kind: alert.is_grave for alert in made.alerts_in(workspace)} == {
        "past_date": True,
        "off_market": False,
    }


def test_an_old_batch_raises_one_alert(workspace: Workspace, units: list[Certificate]) -> None:
    """What concerns all units of a batch alerts once for the batch, and each buyer is warned."""
    with workspace.database.writing() as session:
        marks.expect(
            session,
            units[0].batch_id,
            organisation_id=owner_of(units[0]),
            markets=[],
            use_by=date(2026, 1, 1),
            now=NOW,
        )
    made.record(workspace, *(made.scan(unit, number) for number, unit in enumerate(units)))
    (alert,) = made.alerts_in(workspace)
    assert (alert.kind, alert.subject, alert.certificate_id) == ("past_date", units[0].batch_id, None)
    assert [advice(workspace, unit)[0] for unit in units] == ["careful"] * 6


def claim(work: Workspace, unit: Certificate, pin: str, now: datetime = NOW) -> str | None:
    """Claim a unit with a PIN."""
    vault = signing_keys.open_vault(work.settings)
    with work.database.writing() as session:
        return claims.claim(session, vault, session.get_one(Certificate, unit.id), pin, visitor="me", now=now)


def pin_of(work: Workspace, unit: Certificate) -> str:
    """The PIN of a unit."""
    pin = claims.pin_of(signing_keys.open_vault(work.settings), unit)
    assert pin is not None
    return pin


def clear(work: Workspace, unit: Certificate, secret: str) -> int:
    """Clear alerts with an owner's secret."""
    with work.database.writing() as session:
        return claims.clear_as_owner(session, unit.id, secret, NOW)


def refusal(act: Any, *arguments: Any) -> AuthcheckError:
    """The error of an act."""
    with pytest.raises(AuthcheckError) as caught:
        act(*arguments)
    return caught.value


def test_an_owner_claims_once_and_clears_what_came_before(
    workspace: Workspace, units: list[Certificate]
) -> None:
    """An owner claims once, and clears what came before the claim, not what comes after it."""
    made.copied(workspace, units[0], at=NOW - 30 * DAY)
    pin = pin_of(workspace, units[0])
    secret = claim(workspace, units[0], f" {pin} ")
    assert secret
    assert isinstance(refusal(claim, workspace, units[0], pin), Conflict)
    assert refusal(clear, workspace, units[0], "x" + secret).code == "claim.secret"
    assert refusal(clear, workspace, units[1], secret).code == "claim.secret"
    assert clear(workspace, units[0], secret) == 1
    assert advice(workspace, units[0])[0] == "verified"
    for number in range(5):
        made.record(workspace, made.scan(units[0], 20 + number, at=NOW + (1 + number) * DAY))
    assert advice(workspace, units[0]) == ("careful", ["scans.after_claim"])
    assert clear(workspace, units[0], secret) == 0


def test_five_wrong_pins_stop_for_a_day(workspace: Workspace, units: list[Certificate]) -> None:
    """Five wrong PINs stop for a day, also the right one."""
    pin = pin_of(workspace, units[0])
    wrong = "000000" if pin != "000000" else "111111"
    for _ in range(5):
        assert claim(workspace, units[0], wrong) is None
    error = refusal(claim, workspace, units[0], pin)
    assert (type(error), error.code) == (Unavailable, "claim.paused")
    assert claim(workspace, units[1], pin_of(workspace, units[1]))
    assert claim(workspace, units[0], pin, NOW + DAY) is not None


def test_what_cannot_be_claimed(workspace: Workspace, units: list[Certificate]) -> None:
    """A label without a PIN, and a revoked one."""
    bare = units_made.issue(workspace, units[0].design_id, request_key="bare", count=1)[0]
    assert refusal(claim, workspace, bare, "123456").code == "claim.no_pin"
    units_made.revoke(workspace, units[0])
    assert refusal(claim, workspace, units[0], pin_of(workspace, units[0])).code == "claim.inactive"
    assert isinstance(refusal(clear, workspace, bare, "x"), Forbidden)


def test_a_sudden_volume_alerts_once_a_day(workspace: Workspace, units: list[Certificate]) -> None:
    """A sudden volume alerts once a day."""
    made.record(workspace, made.scan(units[0], 99, at=NOW - 10 * DAY))
    for number in range(6):
        made.record(workspace, made.scan(units[number], number, at=NOW))
    limits = CloneLimits(volume_sessions=6)
    with workspace.database.writing() as session:
        assert volume.watch_volumes(session, CloneLimits(), NOW) == 0
        assert volume.watch_volumes(session, limits, NOW) == 1
        assert volume.watch_volumes(session, limits, NOW + timedelta(hours=1)) == 1
    (alert,) = made.alerts_in(workspace)
    assert (alert.kind, alert.batch_id, alert.params) == (
        "volume",
        units[0].batch_id,
        {"sessions": 6, "usual": 0.0},
    )


@pytest.mark.parametrize(
    ("today", "before", "hits"),
    [(500, 0, False), (49, 1, False), (50, 1, True), (79, 280, False), (80, 280, True)],
)
def test_a_volume_is_sudden_against_what_is_usual(today: int, before: int, hits: bool) -> None:
    """A volume is sudden against what is usual."""
    assert (volume.find_volume(today, before, CloneLimits()) is not None) == hits


def test_unissued_codes_alert_once_for_a_lot(workspace: Workspace, units: list[Certificate]) -> None:
    """Unissued codes alert once for a lot that exists, and once for all that do not."""
    with workspace.database.writing() as session:
        for lot in ("L-1", "L-1", "odd", "odder"):
            subject = unissued.find_subject(session, units_made.GTIN, lot)
            assert subject is not None
            unissued.note_unissued(session, subject, NOW)
            assert unissued.is_noted(session, subject, NOW + timedelta(seconds=59))
            assert not unissued.is_noted(session, subject, NOW + timedelta(seconds=60))
        assert unissued.find_subject(session, "04012345678901", "L-1") is None
        assert unissued.find_subject(session, "x", "L-1") is None
    assert sorted(alert.params["lot"] for alert in made.alerts_in(workspace)) == ["", "L-1"]


def test_hashes_are_erased_after_the_window(workspace: Workspace, units: list[Certificate]) -> None:
    """Hashes are erased after the window, and the counts stay."""
    made.record(workspace, made.scan(units[0], 1, at=NOW - 91 * DAY), made.scan(units[0], 2, at=NOW))
    with workspace.database.writing() as session:
        assert sweeping.erase_old(session, workspace.clone_limits, NOW) == 1
    old, new = made.sessions_of(workspace, units[0])
    assert (old.visitor, old.network, old.cell, old.country) == ("", "", "", "CN")
    assert new.visitor == "visitor-2"


def test_a_phone_is_forgotten_when_its_user_asks(workspace: Workspace, units: list[Certificate]) -> None:
    """A phone is forgotten when its user asks, and its scans are still those of one phone."""
    for number in range(3):
        made.record(workspace, made.scan(units[number], number, visitor="me"))
    with workspace.database.writing() as session:
        assert sweeping.forget(session, "me") == 3
    visitors = {made.sessions_of(workspace, unit)[0].visitor for unit in units[:3]}
    assert len(visitors) == 1
    assert "me" not in visitors


def test_scans_are_listed_and_exported(workspace: Workspace, units: list[Certificate]) -> None:
    """Scans are listed and exported, with filters, for the own units only."""
    rival = made.rival_id(workspace)
    made.record(workspace, made.scan(units[0], 1), made.scan(units[1], 2, place=made.US, at=NOW + 3 * DAY))
    with workspace.database.reading() as session:

        def ids(**wanted: Any) -> list[str]:
            rows = listing.list_scans(session, owner_of(units[0]), ScanFilter(**wanted))
            return [row.certificate_id for row in rows]

        assert ids() == [units[0].id, units[1].id]
        assert ids(country="us") == [units[1].id]
        assert ids(unit_id=units[0].id) == ids(until=NOW.date()) == [units[0].id]
        assert ids(since=(NOW + 3 * DAY).date()) == [units[1].id]
        assert ids(design_id=units[0].design_id, batch_id=units[0].batch_id, advice="verified") == ids()
        assert ids(advice="revoked") == ids(batch_id="\x00") == ids(design_id="x") == []
        with pytest.raises(Rejected):
            ids(advice="odd")
        assert listing.list_scans(session, rival, ScanFilter()) == []
        table = "".join(listing.scans_csv(session, owner_of(units[0]), ScanFilter()))
        assert "".join(listing.scans_csv(session, rival, ScanFilter())).count("\n") == 1
    lines = table.splitlines()
    assert lines[0].startswith("scan,unit,batch,gtin,lot,product,started_at")
    assert len(lines) == 3
    assert units[0].code not in table


def test_figures_have_their_denominators(workspace: Workspace, units: list[Certificate]) -> None:
    """Figures have their denominators."""
    for number in range(5):
        made.record(workspace, made.scan(units[0], number, at=NOW + number * timedelta(hours=1)))
    made.record(workspace, made.scan(units[1], 9, place=made.US, at=NOW + DAY))
    made.record(workspace, made.scan(units[2], 9, place=NOWHERE, at=NOW + DAY))
    made.copied(workspace, units[3], at=NOW + 2 * DAY)
    with workspace.database.writing() as session:
        session.execute(
            ScanSession.__table__.update()
            .where(ScanSession.certificate_id == units[2].id)
            .values(counted=False)
        )
        marks.expect(
            session,
            units[0].batch_id,
            organisation_id=owner_of(units[0]),
            markets=["CN"],
            use_by=None,
            now=NOW,
        )
    until = (NOW + 20 * DAY).date()
    with workspace.database.reading() as session:
        result = figures.compute(session, owner_of(units[0]), since=NOW.date(), until=until)
    assert (result.sessions, result.requests, result.probing, result.first) == (11, 11, 1, 3)
    assert result.countries == {"CN": 8}
    assert result.few == 3
    assert (result.off_market, result.located_in_markets) == (3, 11)
    assert (result.flagged, result.flagged_units) == ({"places": 1}, 1)
    assert len(result.days) == 21
    assert (result.days[0].sessions, result.days[0].first) == (5, 1)
    assert result.days[0].advice["verified"] == 5
    (batch,) = result.batches
    assert (batch.issued, batch.scanned, batch.never) == (6, 3, 3)
    assert result.scanned_units == 3
    assert batch.days_to_first == 1
    assert sum(day.sessions for day in result.days) == result.sessions


def test_a_day_ends_at_midnight_utc(workspace: Workspace, units: list[Certificate]) -> None:
    """A day ends at midnight UTC, whatever the zone of the database."""
    at = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    made.record(workspace, made.scan(units[0], 1, at=at))
    with workspace.database.reading() as session:
        if not workspace.database.is_embedded:
            session.execute(text("SET TIME ZONE 'Asia/Shanghai'"))
        result = figures.compute(session, owner_of(units[0]), since=at.date(), until=at.date())
    assert [(day.day, day.sessions) for day in result.days] == [(date(2026, 11, 23), 1)]
