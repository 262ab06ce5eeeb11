"""Flow: two brands claim one design.

Both are kept, the earlier design is the answer, and both owners are informed.
"""

import make
import pytest

from authcheck.checks.answers import answer, read_submission
from authcheck.registry import designs
from authcheck.workspace import Workspace


def test_a_near_design_is_held_with_both_times(workspace: Workspace) -> None:
    """The later design is disputed and names the earlier design, its score and the time.

    The earlier design does not change.
    """
    make.register(workspace, "ORIGINAL", owner="brand")
    copy = make.register(
        workspace, "COPY", owner="thief", pictures=[make.picture_bytes(0, "JPEG", quality=60)]
    )
    assert copy.status == "disputed"
    assert copy.near is not None
    assert copy.near.view.design.reference == "ORIGINAL"
    with workspace.database.reading() as session:
        original = designs.find_design(session, "brand", "ORIGINAL")
        (dispute,) = designs.find_design(session, "thief", "COPY").disputes
    assert (original.state, original.disputes) == ("registered", [])
    assert (dispute.other.id, dispute.score, dispute.noticed_at) == (original.id, copy.near.score, make.NOW)


def test_the_very_same_file_disputes_with_score_one(workspace: Workspace) -> None:
    """The same file of another owner is a dispute with score one."""
    make.register(workspace, "ORIGINAL", owner="brand")
    stolen = make.register(workspace, "STOLEN", owner="thief")
    assert stolen.near is not None
    assert stolen.near.score == 1.0


@pytest.mark.slow
def test_the_first_owner_is_the_answer(workspace: Workspace) -> None:
    """A picture that both have registered shows the undisputed design, and names the later one second."""
    make.register(workspace, "ORIGINAL", owner="brand")
    make.register(workspace, "STOLEN", owner="thief")
    submission = read_submission(make.picture_bytes(0), workspace.limits)
    given = answer(workspace.database, workspace.finder, submission, workspace.policy)
    assert [one.reference for one in given.ranked] == ["ORIGINAL", "STOLEN"]
    assert [one.disputed for one in given.ranked] == [False, True]
    reasons = {reason.code: reason.params for reason in given.verdict.reasons}
    assert set(reasons) == {"image.exact_copy", "image.also_near", "design.later_claim"}
    assert reasons["design.later_claim"] == {"design": "STOLEN", "owner": "thief"}


def test_registering_again_does_not_dispute_again(workspace: Workspace) -> None:
    """A disputed design that is registered again is already yours, and has one dispute."""
    make.register(workspace, "ORIGINAL", owner="brand")
    make.register(workspace, "STOLEN", owner="thief")
    assert make.register(workspace, "STOLEN", owner="thief").status == "already_yours"
    with workspace.database.reading() as session:
        assert len(designs.find_design(session, "thief", "STOLEN").disputes) == 1


def test_a_retired_design_disputes_nobody(workspace: Workspace) -> None:
    """After the first owner retires a design, another owner may register it without a dispute."""
    make.register(workspace, "ORIGINAL", owner="brand")
    with workspace.database.writing() as session:
        designs.retire(session, designs.find_design(session, "brand", "ORIGINAL"), make.NOW)
    assert make.register(workspace, "MINE", owner="other").status == "registered"


@pytest.mark.slow
def test_ones_own_many_copies_do_not_hide_the_dispute(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thief's many near copies do not hide the dispute with the first owner."""
    monkeypatch.setattr("authcheck.checks.comparing.HITS", 2)
    copies = [make.picture_bytes(0, "JPEG", quality=quality) for quality in (95, 90, 85, 80, 75)]
    make.register(workspace, "ORIGINAL", owner="brand", pictures=[make.picture_bytes(0, "JPEG", quality=40)])
    for number, copy in enumerate(copies):
        make.register(workspace, f"COPY-{number}", owner="thief", pictures=[copy])
    assert make.register(workspace, "LAST", owner="thief").status == "disputed"
