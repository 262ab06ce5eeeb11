"""Flow: the label that a seller names is scanned like a copy, and the listing becomes a case."""

from datetime import timedelta

import cases_made
import pytest
import scans_made as made
import units_made
from make import NOW

from authcheck.cases import clones
from authcheck.certificates.tables import Certificate
from authcheck.listings.judging import decide_again
from authcheck.listings.stored import get_listing
from authcheck.listings.tables import Listing
from authcheck.scans import handling
from authcheck.scans.tables import ScanAlert
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql
LATER = NOW + timedelta(days=20)


@pytest.fixture
def unit(workspace: Workspace) -> Certificate:
    """A unit of Acme's kite. The kite is the picture of seed 4."""
    return units_made.issue(workspace, units_made.brand_with_key(workspace))[0]


def hand_in(work: Workspace, unit: Certificate) -> Listing:
    """A marketplace hands a listing of the brand's own shop in, with a picture of the kite and the code."""
    return cases_made.hand_in(work, seed=4, certificate_code=unit.code)


def listing_now(work: Workspace, listing: Listing) -> Listing:
    """The listing as stored now."""
    with work.database.reading() as session:
        return get_listing(session, listing.id)


def set_state(work: Workspace, state: str) -> None:
    """The brand sets the state of its only alert."""
    with work.database.writing() as session:
        alert = session.get_one(ScanAlert, made.alerts_in(work)[0].id)
        handling.set_state(alert, state, why="an exhibition", by="per_x", now=LATER)


def test_a_listing_is_judged_again_and_a_case_opens(workspace: Workspace, unit: Certificate) -> None:
    """A listing is judged again and a case opens."""
    before = hand_in(workspace, unit)
    assert before.verdict != "clone_suspected"
    cases = cases_made.cases_of(workspace)
    made.copied(workspace, unit)
    assert clones.carry(workspace, LATER) == 1
    after = listing_now(workspace, before)
    assert after.verdict == "clone_suspected"
    reason = next(reason for reason in after.reasons if reason["code"] == "certificate.clone")
    assert reason["params"] == {"signs": "scans.places"}
    assert decide_again(after).code.value == "clone_suspected"
    now = cases_made.cases_of(workspace)
    assert {case.id for case in cases} <= {case.id for case in now}
    assert any(case.severity == "high" for case in now)
    assert clones.carry(workspace, LATER) == 0


def test_a_listing_that_comes_later_is_suspect_at_once(workspace: Workspace, unit: Certificate) -> None:
    """A listing that comes later is suspect at once."""
    made.copied(workspace, unit)
    listing = hand_in(workspace, unit)
    assert listing.verdict == "clone_suspected"
    assert cases_made.cases_of(workspace)[0].verdict == "clone_suspected"


def test_a_cleared_alert_takes_the_suspicion_back(workspace: Workspace, unit: Certificate) -> None:
    """A cleared alert takes the suspicion back, and one that is seen again brings it back."""
    first = hand_in(workspace, unit)
    made.copied(workspace, unit)
    clones.carry(workspace, LATER)
    set_state(workspace, "cleared")
    assert clones.carry(workspace, LATER) == 1
    assert listing_now(workspace, first).verdict == first.verdict
    set_state(workspace, "seen")
    assert clones.carry(workspace, LATER) == 1
    assert listing_now(workspace, first).verdict == "clone_suspected"


def test_a_listing_of_another_label_stays(workspace: Workspace, unit: Certificate) -> None:
    """A listing of another label stays."""
    other = units_made.issue(workspace, unit.design_id, request_key="two", count=1)[0]
    listing = hand_in(workspace, other)
    made.copied(workspace, unit)
    assert clones.carry(workspace, LATER) == 0
    assert listing_now(workspace, listing).verdict == listing.verdict


def test_one_alert_that_fails_holds_up_no_other(
    workspace: Workspace, unit: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One alert that fails holds up no other."""
    other = units_made.issue(workspace, unit.design_id, request_key="two", count=1)[0]
    hand_in(workspace, other)
    made.copied(workspace, unit)
    made.copied(workspace, other)
    failing = next(alert.id for alert in made.alerts_in(workspace) if alert.certificate_id == unit.id)
    carry = clones._carry

    def fail(*arguments: object) -> int:
        if failing in arguments:
            raise RuntimeError
        return carry(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(clones, "_carry", fail)
    monkeypatch.setattr(clones, "AT_ONCE", 1)
    assert clones.carry(workspace, LATER) == 1
    waiting = [alert.certificate_id for alert in made.alerts_in(workspace) if alert.carried_at is None]
    assert waiting == [unit.id]
