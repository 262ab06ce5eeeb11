"""Flow: a brand registers designs one by one, adds and removes pictures, and retires designs."""

from collections.abc import Callable
from datetime import timedelta

import make
import pytest
from registry_state import live_hashes, pictures_of, rows_of, tick_of
from sqlalchemy import select

from authcheck.checks.answers import answer, read_submission
from authcheck.errors import Conflict, ImageRejected, NotFound, Rejected
from authcheck.members import organisations
from authcheck.registry import designs
from authcheck.registry.reading import read_view
from authcheck.registry.registration import NewDesign, Registration
from authcheck.registry.tables import Design, Dispute
from authcheck.workspace import Workspace


def found(workspace: Workspace, data: bytes) -> str:
    """The reference that a check answers, or the empty text."""
    submission = read_submission(data, workspace.limits)
    verdict = answer(workspace.database, workspace.finder, submission, workspace.policy).verdict
    return verdict.candidate.reference if verdict.candidate and verdict.code != "none" else ""


def add_views(workspace: Workspace, reference: str, *pictures: bytes) -> None:
    """Add pictures to a design of acme."""
    views = [read_view(data, workspace.limits) for data in pictures]
    with workspace.database.writing() as session:
        design = designs.find_design(session, "acme", reference)
        Registration(session, workspace.comparer(), workspace.store, make.NOW).add_views(design, views)


def remove_view(workspace: Workspace, reference: str, sha256: str) -> None:
    """Remove a picture from a design of acme."""
    with workspace.database.writing() as session:
        designs.remove_view(session, designs.find_design(session, "acme", reference), sha256, make.NOW)


def retire(workspace: Workspace, reference: str, owner: str = "acme") -> None:
    """Retire a design."""
    with workspace.database.writing() as session:
        designs.retire(session, designs.find_design(session, owner, reference), make.NOW)


@pytest.mark.slow
def test_a_registered_design_is_found(workspace: Workspace) -> None:
    """The next check of a recompressed copy finds it."""
    assert make.register(workspace).status == "registered"
    assert found(workspace, make.picture_bytes(0, "JPEG", quality=70)) == "REF-1"
    assert found(workspace, make.picture_bytes(1)) == ""


def test_registering_again_changes_nothing(workspace: Workspace) -> None:
    """A repeated registration is already yours. No row changes and the clock does not advance."""
    first = make.register(workspace)
    before = rows_of(workspace)
    again = make.register(workspace)
    assert (again.status, again.design.id) == ("already_yours", first.design.id)
    assert rows_of(workspace) == before


def test_the_same_picture_under_another_reference_is_already_yours(workspace: Workspace) -> None:
    """One owner's picture is one design. The answer names the reference of that design."""
    make.register(workspace)
    again = make.register(workspace, "REF-2")
    assert (again.status, again.design.reference) == ("already_yours", "REF-1")


@pytest.mark.slow
def test_sharing_one_of_several_pictures_is_a_design_of_its_own(workspace: Workspace) -> None:
    """Two designs may share a picture of their packaging; no picture of the second is dropped."""
    shared, mine = make.picture_bytes(0), make.picture_bytes(1)
    make.register(workspace, "REF-1", pictures=[shared])
    assert make.register(workspace, "REF-2", pictures=[shared, mine]).status == "registered"
    assert found(workspace, mine) == "REF-2"
    assert found(workspace, shared) == "REF-1"


def test_a_reference_means_one_picture(workspace: Workspace) -> None:
    """A reference in use is refused for another picture."""
    make.register(workspace)
    with pytest.raises(Conflict) as refused:
        make.register(workspace, seed=1)
    assert refused.value.code == "design.reference_taken"


def test_several_views_are_one_design(workspace: Workspace) -> None:
    """Each view finds the design; the same file named twice is one view."""
    front, back = make.picture_bytes(0), make.picture_bytes(1)
    make.register(workspace, pictures=[front, back, front])
    assert len(live_hashes(workspace, "REF-1")) == 2
    assert found(workspace, front) == found(workspace, back) == "REF-1"


def test_ones_own_near_designs_do_not_dispute(workspace: Workspace) -> None:
    """A brand may register a recompressed version of its own design."""
    make.register(workspace)
    near = make.register(workspace, "REF-2", pictures=[make.picture_bytes(0, "JPEG", quality=80)])
    assert near.status == "registered"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"reference": ""}, "design.reference"),
        ({"reference": " "}, "design.reference"),
        ({"reference": "x" * 201}, "design.reference"),
        ({"reference": "a\nb"}, "design.reference"),
        ({"reference": "a\0"}, "design.reference"),
        ({"reference": "a\ud800"}, "design.reference"),
        ({"title": "x" * 301}, "design.title"),
        ({"title": "a\0b"}, "design.title"),
        ({"kind": "poem"}, "design.kind"),
    ],
)
def test_words_that_cannot_be_kept_are_refused(
    workspace: Workspace, words: dict[str, str], code: str
) -> None:
    """A bad reference, title or kind has its own code."""
    with pytest.raises(Rejected) as refused:
        make.register(workspace, **words)
    assert refused.value.code == code


def test_words_at_their_limits_are_kept(workspace: Workspace) -> None:
    """A reference of 200 characters and a title of 300 are stored whole, also with characters beyond the basic plane."""
    make.register(workspace, "\U0001f98b" * 200, title="\U0001f98b" * 300)
    with workspace.database.reading() as session:
        design = designs.find_design(session, "acme", "\U0001f98b" * 200)
    assert design.title == "\U0001f98b" * 300


def test_a_design_needs_a_picture(workspace: Workspace) -> None:
    """A design without pictures, or with a flat one, is refused."""
    with workspace.database.writing() as session:
        owner = organisations.ensure_brand(session, "acme", make.NOW)
        registration = Registration(session, workspace.comparer(), workspace.store, make.NOW)
        with pytest.raises(Rejected) as refused:
            registration.register(owner, NewDesign("REF-1", ""), [])
    assert refused.value.code == "design.no_picture"
    with pytest.raises(ImageRejected) as flat:
        make.register(workspace, pictures=[make.encode(make.Image.new("RGB", (64, 64)))])
    assert flat.value.code == "image.flat"


@pytest.mark.slow
def test_a_retired_design_is_not_found(workspace: Workspace) -> None:
    """A design is retired once. Its reference stays taken, and its picture may be registered again."""
    make.register(workspace)
    assert found(workspace, make.picture_bytes(0)) == "REF-1"
    retire(workspace, "REF-1")
    assert found(workspace, make.picture_bytes(0)) == ""
    before = rows_of(workspace)
    retire(workspace, "REF-1")
    assert rows_of(workspace) == before
    with pytest.raises(Conflict) as refused:
        make.register(workspace)
    assert refused.value.code == "design.retired"
    assert make.register(workspace, "REF-2").status == "registered"
    assert found(workspace, make.picture_bytes(0)) == "REF-2"


@pytest.mark.slow
def test_pictures_are_added_and_removed(workspace: Workspace) -> None:
    """A check finds a design by its present pictures. Each change of the pictures makes a new version."""
    versions = [make.register(workspace).design.version]
    front, back = make.picture_bytes(0), make.picture_bytes(1)
    for change in (
        lambda: add_views(workspace, "REF-1", back, back, front),
        lambda: remove_view(workspace, "REF-1", read_view(front, workspace.limits).sha256),
    ):
        change()
        with workspace.database.reading() as session:
            versions.append(designs.find_design(session, "acme", "REF-1").version)
    assert versions == sorted(set(versions))
    assert live_hashes(workspace, "REF-1") == [read_view(back, workspace.limits).sha256]
    assert (found(workspace, back), found(workspace, front)) == ("REF-1", "")
    add_views(workspace, "REF-1", front)
    assert found(workspace, front) == "REF-1"


def test_adding_what_is_there_changes_nothing(workspace: Workspace) -> None:
    """Adding a picture that the design already has changes no row and does not advance the clock."""
    make.register(workspace)
    before = rows_of(workspace)
    add_views(workspace, "REF-1", make.picture_bytes(0))
    assert rows_of(workspace) == before


def test_the_last_picture_stays(workspace: Workspace) -> None:
    """The last picture of a design cannot be removed.

    A picture that the design does not have is not found.
    """
    make.register(workspace)
    (sha256,) = live_hashes(workspace, "REF-1")
    with pytest.raises(Conflict) as refused:
        remove_view(workspace, "REF-1", sha256)
    assert refused.value.code == "view.last"
    with pytest.raises(NotFound) as unknown:
        remove_view(workspace, "REF-1", "0" * 64)
    assert unknown.value.code == "view.not_found"


@pytest.mark.slow
def test_a_retired_design_takes_no_pictures(workspace: Workspace) -> None:
    """A retired design cannot get pictures."""
    make.register(workspace)
    retire(workspace, "REF-1")
    with pytest.raises(Conflict) as refused:
        add_views(workspace, "REF-1", make.picture_bytes(1))
    assert refused.value.code == "design.retired"
    assert found(workspace, make.picture_bytes(1)) == ""


@pytest.mark.parametrize("change", ["retire", "add", "remove"])
def test_a_design_that_changed_meanwhile_is_not_changed_again(workspace: Workspace, change: str) -> None:
    """A transaction that loaded a design before its retirement cannot add to it, retire it or take pictures from it."""
    make.register(workspace, pictures=[make.picture_bytes(0), make.picture_bytes(1)])
    with workspace.database.reading() as session:
        stale = designs.find_design(session, "acme", "REF-1")
    retire(workspace, "REF-1")
    with workspace.database.writing() as session:
        session.add(stale)
        registration = Registration(session, workspace.comparer(), workspace.store, make.NOW)
        changes: dict[str, Callable[[], None]] = {
            "retire": lambda: designs.retire(session, stale, make.NOW),
            "remove": lambda: designs.remove_view(session, stale, stale.views[0].picture_sha256, make.NOW),
            "add": lambda: registration.add_views(
                stale, [read_view(make.picture_bytes(2), workspace.limits)]
            ),
        }
        with pytest.raises(Conflict) as refused:
            changes[change]()
    assert refused.value.code == "design.changed"
    assert live_hashes(workspace, "REF-1") == []


@pytest.mark.slow
def test_a_registration_that_fails_leaves_no_ghost(workspace: Workspace) -> None:
    """A registration that was rolled back is neither stored nor found."""
    make.register(workspace)
    assert found(workspace, make.picture_bytes(0)) == "REF-1"
    with workspace.database.writing() as session:
        owner = organisations.ensure_brand(session, "acme", make.NOW)
        registration = Registration(session, workspace.comparer(), workspace.store, make.NOW)
        registration.register(
            owner, NewDesign("GHOST", ""), [read_view(make.picture_bytes(1), workspace.limits)]
        )
        session.rollback()
    before = tick_of(workspace)
    assert found(workspace, make.picture_bytes(1)) == ""
    assert make.register(workspace, "REF-2", seed=1).status == "registered"
    assert tick_of(workspace) == before + 1
    assert found(workspace, make.picture_bytes(1)) == "REF-2"


def test_a_stored_picture_is_the_file_that_was_given(workspace: Workspace) -> None:
    """The bytes are stored once, under their SHA-256."""
    make.register(workspace)
    make.register(workspace, owner="other")
    (path,) = pictures_of(workspace)
    assert path.read_bytes() == make.picture_bytes(0)
    assert workspace.store.get(path.name) == make.picture_bytes(0)


def test_ids_keep_the_order_of_registration(workspace: Workspace) -> None:
    """The ids of designs of one transaction sort in the order of registration."""
    with workspace.database.writing() as session:
        owner = organisations.ensure_brand(session, "acme", make.NOW)
        registration = Registration(session, workspace.comparer(), workspace.store, make.NOW)
        for number in range(5):
            views = [read_view(make.picture_bytes(number), workspace.limits)]
            registration.register(owner, NewDesign(f"R{number}", ""), views)
    with workspace.database.reading() as session:
        listed = [design.reference for design in designs.all_designs(session)]
        assert session.scalars(select(Design.registered_tick).distinct()).all() == [1]
    assert listed == [f"R{number}" for number in range(5)]


def test_a_view_near_anothers_design_disputes_later(workspace: Workspace) -> None:
    """A clean design that adds pictures of another owner's older design becomes disputed, once for each."""
    make.register(workspace, "THEIRS", owner="other")
    make.register(workspace, "REF-1", seed=1)
    add_views(workspace, "REF-1", make.picture_bytes(0, "JPEG", quality=80))
    add_views(workspace, "REF-1", make.picture_bytes(0, "JPEG", quality=60))
    with workspace.database.reading() as session:
        assert designs.find_design(session, "acme", "REF-1").state == "disputed"
        disputes = session.scalars(select(Dispute)).all()
    assert len({dispute.picture_sha256 for dispute in disputes}) == 2
    for dispute in disputes:
        assert dispute.score >= workspace.policy.match
        assert make.NOW - timedelta(seconds=1) < dispute.noticed_at
