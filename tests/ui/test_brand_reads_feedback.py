"""A brand's person reads what moderators decided and answers a picture: in Chromium, by keyboard alone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import cases_made
import make
import people_made
import pytest
from keyboard_visits import Visitor, serving
from people_made import PASSWORD

from authcheck.cases import decisions, leases
from authcheck.cases.rulings import Ruling
from authcheck.cases.settling import settle
from authcheck.config import Settings
from authcheck.workspace import Workspace

pytestmark = [pytest.mark.ui, pytest.mark.slow]
MEI = "mei@acme.example"
WRONG = Ruling(code="wrong_match", reason="match.common_motif", restriction="none")


@pytest.fixture
def mei(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """Return the browser of Mei of acme. A moderator calls the picture of one listing no match."""
    folder = tmp_path_factory.mktemp("feedback")
    workspace = Workspace.open(Settings(data_dir=folder))
    make.confirm_address(workspace.database)
    make.register(workspace, title="Koi pond", seed=1)
    blurred = make.encode(make.picture(1).resize((10, 8)).resize((320, 256)), "JPEG", quality=80)
    cases_made.hand_in(workspace, picture=blurred)
    (case,) = cases_made.cases_of(workspace)
    words = {"organisation_id": case.organisation_id, "holder": "ack_1"}
    now = datetime.now(UTC) - timedelta(minutes=1)
    with workspace.database.writing() as session:
        leases.take(session, case.id, **words, now=now)
        decisions.decide(session, case.id, WRONG, **words, now=now)
    settle(workspace.database, datetime.now(UTC))
    people_made.person(workspace.database, MEI, now=datetime.now(UTC))
    workspace.database.dispose()
    with serving(folder) as served:
        visitor = Visitor(
            chromium, served.url, "feedback", viewport={"width": 1280, "height": 844}, locale="en-GB"
        )
        yield visitor
        visitor.leave()


def test_a_person_answers_a_proposal(mei: Visitor) -> None:
    """The figures, the chart and the picture are readable at all widths. The answer is one key press."""
    mei.sign_in(MEI, PASSWORD)
    mei.go("/feedback")
    mei.judge("en", "0 of 1", "Fewer than 25 cases say little.", "A motif that many use", "Koi pond")
    mei.go("/feedback?lang=zh")
    mei.judge("zh-Hans", "审核反馈")
    mei.go("/feedback")
    mei.send("[name=answer][value=add]")
    mei.judge("en", "The picture is no evidence for your designs any more.", "No picture waits")
