"""Flow: a brand learns from moderators' decisions, and answers the pictures that they propose."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import cases_made
import make
import pytest
from sqlalchemy import delete, select
from starlette.testclient import TestClient

from api.app import create_app
from authcheck.cases import decisions, leases, precision, proposals
from authcheck.cases.precision import Share
from authcheck.cases.rulings import Ruling
from authcheck.cases.settling import settle
from authcheck.cases.tables import CaseDecision
from authcheck.members import organisations
from authcheck.members.reach import WHOLE, Reach
from authcheck.registry import negatives
from authcheck.workspace import Workspace

LATER = make.NOW + timedelta(hours=1)
WRONG = Ruling(code="wrong_match", reason="match.common_motif", restriction="none")
RULINGS = {
    "right": Ruling(code="unlicensed_use", reason="listing.no_licence", restriction="remove"),
    "resale": Ruling(code="not_infringing", reason="use.resale", restriction="none"),
    "wrong": WRONG,
    "unclear": Ruling(code="cannot_tell", reason="unclear.picture", restriction="none"),
}


def blurred() -> bytes:
    """Return a picture that only hashes find: no point of the design is left."""
    return make.encode(make.picture(1).resize((10, 8)).resize((320, 256)), "JPEG", quality=80)


def decide_all(work: Workspace, rulings: dict[str, Ruling]) -> None:
    """Decide the case of each seller, and let the decisions take effect."""
    for case in cases_made.cases_of(work):
        words = {"organisation_id": case.organisation_id, "holder": "ack_1", "now": make.NOW}
        with work.database.writing() as session:
            leases.take(session, case.id, **words)
            decisions.decide(session, case.id, rulings[case.seller], **words)
    settle(work.database, LATER)


def owner_of(work: Workspace, handle: str = "acme") -> str:
    """Return the id of an organisation."""
    with work.database.reading() as session:
        return organisations.get_organisation(session, handle).id


@pytest.fixture
def proposed(workspace: Workspace) -> Callable[[bytes], str]:
    """Return a function that has a moderator call a picture no match. It returns the id of the proposal."""
    make.register(workspace, seed=1)

    def propose(picture: bytes) -> str:
        cases_made.hand_in(workspace, picture=picture)
        decide_all(workspace, {"kites": WRONG})
        with workspace.database.reading() as session:
            (proposal,) = proposals.list_proposals(session, owner_of(workspace), reach=WHOLE)
        return proposal.id

    return propose


def test_a_proposed_picture_waits_for_the_owners_yes(
    workspace: Workspace, proposed: Callable[[bytes], str]
) -> None:
    """A moderator changes no check of a brand. The owner does, once, and the picture shows nothing any more."""
    proposal, owner_id = proposed(blurred()), owner_of(workspace)
    with workspace.database.reading() as session:
        assert negatives.list_negatives(session, owner_id=owner_id) == []
    read = proposals.read_proposed(workspace, proposal, owner_id, LATER, reach=WHOLE)
    with workspace.database.writing() as session:
        words = {"owner_id": owner_id, "now": LATER, "reach": WHOLE}
        proposals.accept(session, workspace, proposal, read, **words)
    with workspace.database.reading() as session:
        (negative,) = negatives.list_negatives(session, owner_id=owner_id)
        assert negative.label.startswith("wrong_match cas_")
        assert proposals.list_proposals(session, owner_id, reach=WHOLE) == []


def test_a_picture_that_shows_the_design_is_refused(
    workspace: Workspace, proposed: Callable[[bytes], str]
) -> None:
    """A hostile moderator cannot have a brand hide its own design by one careless yes."""
    proposal, owner_id = proposed(make.picture_bytes(1, "JPEG", quality=70)), owner_of(workspace)
    with pytest.raises(proposals.Conflict) as refused:
        proposals.read_proposed(workspace, proposal, owner_id, LATER, reach=WHOLE)
    assert (refused.value.code, refused.value.params["design"]) == ("negative.hides", "REF-1")


def test_a_picture_without_a_copy_is_no_negative(
    workspace: Workspace, proposed: Callable[[bytes], str]
) -> None:
    """A lost file says so, and the proposal can still be declined. A reversed decision proposes nothing."""
    proposal, owner_id = proposed(blurred()), owner_of(workspace)
    for file in workspace.settings.submissions_dir.rglob("*.webp"):
        file.unlink()
    with pytest.raises(proposals.NotFound) as refused:
        proposals.read_proposed(workspace, proposal, owner_id, LATER, reach=WHOLE)
    assert refused.value.code == "evidence.none"
    with workspace.database.writing() as session:
        session.get_one(CaseDecision, proposal).reversed_at = LATER
        assert proposals.list_proposals(session, owner_id, reach=WHOLE) == []
        session.get_one(CaseDecision, proposal).reversed_at = None
        proposals.decline(session, proposal, owner_id=owner_id, now=LATER, reach=WHOLE)
        assert proposals.list_proposals(session, owner_id, reach=WHOLE) == []


@pytest.mark.parametrize("who", ["globex", "some designs"])
def test_proposals_are_the_owners(workspace: Workspace, proposed: Callable[[bytes], str], who: str) -> None:
    """Another brand, and an agent for some designs, get the answer of an unknown proposal."""
    proposal = proposed(blurred())
    make.register(workspace, "OTHER", owner="globex", seed=5)
    reach = Reach(frozenset({"dsn_1"}), None) if who == "some designs" else WHOLE
    owner_id = owner_of(workspace, "acme" if who == "some designs" else "globex")
    with workspace.database.reading() as session:
        assert proposals.list_proposals(session, owner_id, reach=reach) == []
        for name in (proposal, "dec_0", "\0"):
            with pytest.raises(proposals.NotFound) as refused:
                proposals.get_proposal(session, name, owner_id, reach=reach)
            assert refused.value.code == "proposal.not_found"


def test_precision_counts_what_was_answered(workspace: Workspace) -> None:
    """Resale is a right match and no right accusation. What nobody can tell is in no share."""
    make.register(workspace, seed=1)
    for seller in RULINGS:
        cases_made.hand_in(workspace, f"L-{seller}", seller=seller)
    decide_all(workspace, RULINGS)
    owner_id = owner_of(workspace)
    with workspace.database.writing() as session:
        found = precision.find_precision(session, owner_id, since=make.NOW, reach=WHOLE)
        assert (found.matches, found.accusations, found.unclear) == (Share(2, 3), Share(1, 3), 1)
        for decision in session.scalars(select(CaseDecision)):
            decision.reversed_at = LATER
        void = precision.find_precision(session, owner_id, since=make.NOW, reach=WHOLE)
        assert (void.matches, void.accusations, void.unclear) == (Share(1, 1), Share(0, 1), 0)
        for decision in session.scalars(select(CaseDecision)):
            decision.reversed_at = None
        later = precision.find_precision(session, owner_id, since=LATER + timedelta(1), reach=WHOLE)
        assert later.matches == Share(0, 0)
        previews = precision.preview_thresholds(session, owner_id, policy=workspace.policy.name, reach=WHOLE)
        assert {(one.found, one.right, one.wrong, one.missed) for one in previews} == {(4, 2, 1, 0)}
        other = precision.preview_thresholds(session, owner_id, policy="local-1", reach=WHOLE)
        assert {one.found for one in other} == {0}
        session.execute(delete(CaseDecision))
        undecided = precision.preview_thresholds(session, owner_id, policy=workspace.policy.name, reach=WHOLE)
        assert {(one.found, one.right) for one in undecided} == {(4, 0)}


def test_a_share_has_bounds() -> None:
    """The bounds are Wilson's: 8 of 10 lies between .490 and .943."""
    assert Share(8, 10).bounds == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert (Share(0, 0).value, Share(0, 0).bounds) == (None, None)
    assert Share(5, 5).bounds == pytest.approx((0.5655, 1.0), abs=1e-4)


def test_over_http(workspace: Workspace, proposed: Callable[[bytes], str]) -> None:
    """A brand reads its figures, looks at the picture and answers."""
    proposal = proposed(blurred())
    scopes = ("listings:read", "designs:write")
    headers = {"Authorization": f"Bearer {make.key(workspace, *scopes)}"}
    with TestClient(create_app(workspace.settings)) as client:
        get: Callable[[str], Any] = lambda path: client.get(f"/v1/feedback/{path}", headers=headers)  # noqa: E731
        shown = get("precision?days=3650").json()
        assert (shown["matches"]["share"], shown["matches"]["all"], shown["matches"]["is_few"]) == (
            0,
            1,
            True,
        )
        assert len(get("thresholds").json()["thresholds"]) == 10
        assert [row["id"] for row in get("proposals").json()["items"]] == [proposal]
        assert get(f"proposals/{proposal}/picture").headers["content-type"] == "image/webp"
        answer = client.post(
            f"/v1/feedback/proposals/{proposal}/answer", json={"answer": "add"}, headers=headers
        )
        assert (answer.status_code, answer.json()["label"][:11]) == (201, "wrong_match")
        again = client.post(
            f"/v1/feedback/proposals/{proposal}/answer", json={"answer": "decline"}, headers=headers
        )
        assert (again.status_code, again.json()["code"]) == (404, "proposal.not_found")
