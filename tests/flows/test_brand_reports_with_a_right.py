"""Flow: a brand names an accepted right in its report, and the moderator reads which one."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import cases_made
import make
import notices_made
import pytest
from notices_made import file, refused, told

from authcheck.cases import notice_rights, notices
from authcheck.errors import AuthcheckError
from authcheck.licences import design_rights as rights
from authcheck.licences.codes import EUROPEAN_UNION, short_territories
from authcheck.licences.design_rights import NewRight
from authcheck.licences.right_tables import DesignRight
from authcheck.registry.designs import get_design
from authcheck.workspace import Workspace

DAY = make.NOW.date()
pytestmark = pytest.mark.postgresql


@pytest.fixture
def kite(workspace: Workspace) -> str:
    """Return acme's design of seed 1."""
    return make.register(workspace, seed=1).design.id


def accepted(
    work: Workspace,
    design: str,
    territories: Sequence[str] = ("EU",),
    *,
    kind: str = "trade_mark",
    number: str = "12345",
    accept: bool = True,
    expires_on: date | None = None,
) -> DesignRight:
    """Name a right in a design, and let the operator accept it."""
    office = "EUIPO" if number else ""
    with work.database.writing() as session:
        new = NewRight(kind, territories, number, office, expires_on=expires_on)
        row = rights.add(session, get_design(session, design), new, None, make.NOW)
        if accept:
            rights.accept(session, row, make.NOW)
        return row


def test_the_moderator_reads_the_named_right(workspace: Workspace, kite: str) -> None:
    """The right is in the notice, in the case and in its timeline, as it is now."""
    right = accepted(workspace, kite, ("EU", "GB"))
    assert right.territories == sorted([*EUROPEAN_UNION, "GB"])
    assert short_territories(right.territories) == ["EU", "GB"]
    listing = cases_made.hand_in(workspace)
    notice = file(workspace, kite, listing.id, right=f" {right.id.lower()} ")
    assert told(notice) == [("reported", None)]
    (case,) = cases_made.cases_of(workspace)
    assert cases_made.events_of(workspace, case)[1].details["right"] == right.id
    with workspace.database.writing() as session:
        rights.refuse(session, rights.get_right(session, right.id), "It was cancelled.", make.NOW)
    with workspace.database.reading() as session:
        (received,) = notices.of_case(session, case.id)
        assert received.notice.right is not None
        assert (received.notice.right.number, received.notice.right.state) == ("12345", "refused")
        assert notice_rights.count_notices(session, [right.id, "rgt_x"]) == {right.id: 1}


def test_a_right_reaches_as_far_as_its_countries(workspace: Workspace, kite: str) -> None:
    """Listings elsewhere are refused with the reason, the others are reported."""
    right = accepted(workspace, kite, ("FR", "IT"))
    here = cases_made.hand_in(workspace, "L-1", territory="FR")
    there = cases_made.hand_in(workspace, "L-2", territory="DE")
    notice = file(workspace, kite, here.id, there.id, right=right.id)
    assert told(notice) == [("reported", None), ("refused", "notice.right_territory")]
    assert told(file(workspace, kite, there.id, later_h=2)) == [("reported", None)]


def test_a_copyright_may_hold_everywhere(workspace: Workspace, kite: str) -> None:
    """A copyright needs no office and can hold in the whole world. A registered right cannot."""
    right = accepted(workspace, kite, ("worldwide",), kind="copyright", number="")
    assert right.territories == ["*"]
    listing = cases_made.hand_in(workspace, territory="JP")
    assert told(file(workspace, kite, listing.id, right=right.id)) == [("reported", None)]
    with pytest.raises(AuthcheckError, match="whole world"):
        accepted(workspace, kite, ("*",))


@pytest.mark.parametrize(
    ("words", "claim", "code"),
    [
        ({"accept": False}, "unlicensed_use", "notice.right_state"),
        ({"kind": "copyright"}, "counterfeit", "notice.right_kind"),
        ({"kind": "design_patent"}, "counterfeit", "notice.right_kind"),
        ({"expires_on": DAY}, "unlicensed_use", "notice.right_over"),
        ({}, "counterfeit", "accepted"),
        ({"kind": "copyright"}, "licence_breach", "accepted"),
        ({"expires_on": DAY + timedelta(days=2)}, "counterfeit", "accepted"),
    ],
)
def test_only_a_right_that_fits_is_taken(
    workspace: Workspace, kite: str, words: dict[str, Any], claim: str, code: str
) -> None:
    """Accepted, in force on the day of the notice, and for counterfeit goods a trade mark."""
    right = accepted(workspace, kite, **words)
    listing = cases_made.hand_in(workspace)
    assert refused(workspace, kite, listing.id, right=right.id, claim=claim, later_h=25) == code
    with workspace.database.reading() as session:
        usable = notice_rights.list_usable(session, get_design(session, kite), notices_made.at(25).date())
    assert [row.id for row in usable] == (
        [] if code in {"notice.right_state", "notice.right_over"} else [right.id]
    )


@pytest.mark.parametrize("whose", ["other_design", "other_owner", "unknown", "odd"])
def test_only_a_right_in_the_design_is_taken(workspace: Workspace, kite: str, whose: str) -> None:
    """A right of another design or owner is not there, and nothing is reported."""
    other = make.register(workspace, "OTHER", seed=2).design
    foreign = make.register(workspace, seed=3, owner="globex").design
    named = {
        "other_design": accepted(workspace, other.id).id,
        "other_owner": accepted(workspace, foreign.id, number="9").id,
        "unknown": "rgt_00000000000000000000000000",
        "odd": "\x00';--",
    }[whose]
    listing = cases_made.hand_in(workspace)
    assert refused(workspace, kite, listing.id, right=named) == "right.not_found"
    assert all(
        event.kind != "reported"
        for case in cases_made.cases_of(workspace)
        for event in cases_made.events_of(workspace, case)
    )
