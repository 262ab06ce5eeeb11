"""Flow: every stored check can be replayed. The replay gives the same answer or says what differs."""

from datetime import timedelta
from typing import Any

import make
import pytest
from sqlalchemy import update

from authcheck.checks.answers import DESIGNS, Answer, answer, read_submission
from authcheck.checks.records import check_picture, get_check, list_checks, new_check
from authcheck.checks.replay import replay
from authcheck.checks.tables import Check
from authcheck.errors import BadSetting, NotFound
from authcheck.registry import designs
from authcheck.registry.reading import read_view
from authcheck.registry.registration import Registration
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql


def check(workspace: Workspace, data: bytes, name: str = "photo.jpg") -> tuple[Check, Answer]:
    """Check a picture and store the check."""
    return check_picture(
        workspace.database,
        workspace.finder,
        data,
        limits=workspace.limits,
        policy=workspace.policy,
        organisation_id=None,
        source="cli",
        name=name,
        now=make.NOW,
    )


def tamper(workspace: Workspace, check_id: str, **values: Any) -> None:
    """Edit a stored check behind authcheck's back."""
    with workspace.database.writing() as session:
        session.execute(update(Check).where(Check.id == check_id).values(**values))


def test_an_exact_copy_scores_one(workspace: Workspace) -> None:
    """The registered file itself is a match by its SHA-256."""
    make.register(workspace)
    stored, given = check(workspace, make.picture_bytes(0))
    assert (stored.verdict, stored.score, stored.method) == ("match", 1.0, "sha256")
    assert [reason.code for reason in given.verdict.reasons] == ["image.exact_copy"]


def test_a_recompressed_copy_says_how_near_it_is(workspace: Workspace) -> None:
    """A registry of one matches, and the reason carries the numbers."""
    make.register(workspace)
    stored, _ = check(workspace, make.picture_bytes(0, "JPEG", quality=50))
    assert stored.verdict == "match"
    assert workspace.policy.match <= stored.score < 1
    near, *_ = stored.reasons
    assert near["code"] == "image.near_copy"
    assert 0 <= near["params"]["distance_bits"] < near["params"]["of_bits"]


def test_an_empty_registry_answers_none(workspace: Workspace) -> None:
    """In an empty registry the answer is none, and the replay agrees."""
    stored, given = check(workspace, make.picture_bytes(0))
    assert (stored.verdict, stored.score, stored.design_id, given.ranked) == ("none", 0.0, None, ())
    assert replay(workspace.database, workspace.finder, stored.id).changes == ()


@pytest.mark.slow
def test_the_first_registered_wins_a_tie(workspace: Workspace) -> None:
    """When two designs of one owner share a file, the earlier design is the answer."""
    shared = make.picture_bytes(0)
    make.register(workspace, "FIRST", pictures=[shared, make.picture_bytes(1)])
    make.register(workspace, "SECOND", pictures=[shared, make.picture_bytes(2)])
    _, given = check(workspace, shared)
    assert [one.reference for one in given.ranked[:2]] == ["FIRST", "SECOND"]


def test_each_design_is_ranked_once(workspace: Workspace) -> None:
    """A design with many near views is one candidate, by its best view."""
    copies = [make.picture_bytes(0, "JPEG", quality=quality) for quality in (95, 80, 60, 40)]
    make.register(workspace, pictures=[make.picture_bytes(0), *copies])
    _, given = check(workspace, make.picture_bytes(0))
    assert [one.reference for one in given.ranked] == ["REF-1"]
    assert given.ranked[0].method == "sha256"


@pytest.mark.slow
def test_a_replay_gives_the_same_answer_after_the_registry_moved(workspace: Workspace) -> None:
    """Designs that were added, disputed, changed or retired after a check do not change its replay."""
    shown = make.picture_bytes(0, "JPEG", quality=60)
    make.register(workspace, "FIRST", owner="brand")
    make.register(workspace, "CLAIM", owner="thief")
    make.register(workspace, "OTHER", owner="brand", seed=1)
    stored, _ = check(workspace, shown)
    assert not replay(workspace.database, workspace.finder, stored.id).registry_moved

    make.register(workspace, "LATER", owner="third", pictures=[shown])
    with workspace.database.writing() as session:
        registration = Registration(session, workspace.comparer(), workspace.store, make.NOW)
        other = designs.find_design(session, "brand", "OTHER")
        registration.add_views(other, [read_view(shown, workspace.limits)])
    with workspace.database.writing() as session:
        for owner, reference in (("brand", "FIRST"), ("thief", "CLAIM")):
            designs.retire(session, designs.find_design(session, owner, reference), make.NOW)

    replayed = replay(workspace.database, workspace.finder, stored.id)
    assert replayed.changes == ()
    assert replayed.registry_moved
    assert replayed.again is not None
    assert replayed.again.candidate is not None
    assert replayed.again.candidate.reference == "FIRST"
    assert replayed.today is not None
    assert replayed.today.candidate is not None
    assert replayed.today.candidate.reference in {"OTHER", "LATER"}


def test_a_dispute_counts_from_the_tick_it_was_noticed(workspace: Workspace) -> None:
    """A check from before a dispute replays without the dispute, and a check from during it with the dispute."""
    make.register(workspace, "THEIRS", owner="other", seed=1)
    make.register(workspace)
    before, _ = check(workspace, make.picture_bytes(1))
    with workspace.database.writing() as session:
        registration = Registration(session, workspace.comparer(), workspace.store, make.NOW)
        design = designs.find_design(session, "acme", "REF-1")
        registration.add_views(design, [read_view(make.picture_bytes(1), workspace.limits)])
    during, _ = check(workspace, make.picture_bytes(1))
    with workspace.database.writing() as session:
        designs.retire(session, designs.find_design(session, "other", "THEIRS"), make.NOW)
    after, _ = check(workspace, make.picture_bytes(1))
    theirs, ours = before.design_id, after.design_id
    assert ours not in {theirs, None}
    assert (during.design_id, "image.also_near" in {reason["code"] for reason in during.reasons}) == (
        theirs,
        True,
    )
    assert "design.disputed" not in {reason["code"] for reason in (*during.reasons, *after.reasons)}
    for stored in (before, during, after):
        assert replay(workspace.database, workspace.finder, stored.id).changes == ()


@pytest.mark.slow
def test_the_verdict_does_not_depend_on_how_many_designs_were_asked_for(workspace: Workspace) -> None:
    """A scan with --top 20 stores checks that replay."""
    for number in range(12):
        make.register(workspace, f"R{number}", pictures=[make.picture_bytes(0, "JPEG", quality=40 + number)])
    submission = read_submission(make.picture_bytes(0), workspace.limits)
    given = [
        answer(workspace.database, workspace.finder, submission, workspace.policy, designs=count)
        for count in (1, DESIGNS, 12, 20)
    ]
    assert [len(one.ranked) for one in given] == [1, DESIGNS, 12, 12]
    assert all(one.verdict == given[0].verdict for one in given)
    stored = new_check(given[-1], organisation_id=None, source="scan", name="x", now=make.NOW)
    with workspace.database.writing() as session:
        session.add(stored)
    assert replay(workspace.database, workspace.finder, stored.id).changes == ()


@pytest.mark.parametrize(
    ("values", "changed"),
    [
        ({"score": 0.95}, ("score",)),
        ({"verdict": "none"}, ("verdict",)),
        ({"method": "dhash"}, ("method",)),
        ({"reasons": []}, ("reasons",)),
        ({"design_id": "other"}, ("design",)),
        ({"view_number": "other"}, ("view",)),
        ({"picture_sha256": "0" * 64}, ("method", "score", "reasons", "findings")),
        ({"findings": [{}]}, ("findings",)),
        ({"fingerprint": b""}, ("fingerprint",)),
        ({"fingerprint": b"AF1\xff\xff"}, ("fingerprint",)),
        ({"tick": 0}, ("verdict", "design", "view", "method", "score", "reasons", "findings")),
    ],
)
def test_a_tampered_check_is_noticed(
    workspace: Workspace, values: dict[str, Any], changed: tuple[str, ...]
) -> None:
    """The replay names every edited part of a stored answer."""
    make.register(workspace)
    other = make.register(workspace, "REF-2", seed=1).design
    stored, _ = check(workspace, make.picture_bytes(0))
    with workspace.database.reading() as session:
        (view,) = designs.get_design(session, other.id).views
    real = {"design_id": other.id, "view_number": view.number}
    tamper(workspace, stored.id, **{k: real[k] if v == "other" else v for k, v in values.items()})
    assert replay(workspace.database, workspace.finder, stored.id).changes == changed


def test_a_check_of_another_release_says_so(workspace: Workspace) -> None:
    """A check with fingerprints of another scheme is not compared.

    A policy that no longer exists is refused.
    """
    make.register(workspace)
    stored, _ = check(workspace, make.picture_bytes(0))
    tamper(workspace, stored.id, policy="hashes-0")
    with pytest.raises(BadSetting) as refused:
        replay(workspace.database, workspace.finder, stored.id)
    assert refused.value.code == "policy.unknown"
    tamper(workspace, stored.id, scheme="older-1")
    replayed = replay(workspace.database, workspace.finder, stored.id)
    assert (replayed.changes, replayed.again, replayed.today) == (("scheme",), None, None)


@pytest.mark.parametrize("check_id", ["chk_0", "", "chk_\0", "chk_\ud800", "'; DROP TABLE checks; --"])
def test_an_unknown_check_is_not_found(workspace: Workspace, check_id: str) -> None:
    """A text that is no id gives the same error on every database."""
    with pytest.raises(NotFound) as refused:
        replay(workspace.database, workspace.finder, check_id)
    assert refused.value.code == "check.not_found"
    with workspace.database.reading() as session, pytest.raises(NotFound):
        get_check(session, check_id)


@pytest.mark.parametrize("name", ["", "x" * 5000, "nul\0.jpg", "caf\udce9.jpg", "\ud83d", "日本.png"])
def test_any_name_of_a_picture_is_kept(workspace: Workspace, name: str) -> None:
    """A file name that is not text is stored as its readable part."""
    stored, _ = check(workspace, make.picture_bytes(0), name)
    with workspace.database.reading() as session:
        kept = get_check(session, stored.id).picture_name
    assert "\0" not in kept
    assert kept == name or name not in {"", "日本.png"}


def test_a_check_belongs_to_who_asked(workspace: Workspace) -> None:
    """Another organisation does not learn that a check exists. Pages follow each other by id."""
    design = make.register(workspace).design
    submission = read_submission(make.picture_bytes(0), workspace.limits)
    given = answer(workspace.database, workspace.finder, submission, workspace.policy)
    checks = [
        new_check(
            given,
            organisation_id=design.owner_id,
            source="api",
            name="x",
            now=make.NOW + timedelta(seconds=number),
        )
        for number in range(3)
    ]
    with workspace.database.writing() as session:
        session.add_all(checks)
    with workspace.database.reading() as session:
        assert get_check(session, checks[0].id, organisation_id=design.owner_id).verdict == "match"
        with pytest.raises(NotFound):
            get_check(session, checks[0].id, organisation_id="org_other")
        with pytest.raises(NotFound):
            get_check(session, checks[0].id)
        first = list_checks(session, design.owner_id, limit=2)
        rest = list_checks(session, design.owner_id, after=first[-1].id, limit=2)
    assert [one.id for one in [*first, *rest]] == [one.id for one in checks]
