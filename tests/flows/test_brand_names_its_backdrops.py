"""Flow: a brand names pictures that are never evidence for its designs.

No brand can do so for another brand's designs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import make
import pytest
from registry_state import pictures_of, rows_of, tick_of
from sqlalchemy import or_, select

from authcheck.errors import Conflict, ImageRejected, NotFound, Rejected
from authcheck.members import organisations
from authcheck.registry import negatives
from authcheck.registry.tables import NegativePicture
from authcheck.vision.features.features import SCHEME, Features
from authcheck.workspace import Workspace


def owner_id(workspace: Workspace, handle: str | None) -> str | None:
    """The id of a brand, created if it is missing. None stands for all brands."""
    if handle is None:
        return None
    with workspace.database.writing() as session:
        return organisations.ensure_brand(session, handle, make.NOW).id


def add(
    workspace: Workspace, seed: int = 7, *, owner: str | None = "acme", label: str = "floor"
) -> NegativePicture:
    """Add `make.picture(seed)` as a negative."""
    read = negatives.read_negative(make.picture_bytes(seed), workspace.limits)
    given = owner_id(workspace, owner)
    with workspace.database.writing() as session:
        return negatives.add_negative(
            session, workspace.store, read, owner_id=given, label=label, now=make.NOW
        )


def counting(workspace: Workspace, owner: str, tick: int | None = None) -> Sequence[str]:
    """The labels of the negatives that apply to an owner's designs at a tick."""
    given = owner_id(workspace, owner)
    assert given is not None
    query = select(NegativePicture.label).where(
        or_(NegativePicture.owner_id.is_(None), NegativePicture.owner_id == given),
        negatives.negatives_at(tick_of(workspace) if tick is None else tick),
    )
    with workspace.database.reading() as session:
        return sorted(session.scalars(query))


def test_a_backdrop_is_kept_with_its_features(workspace: Workspace) -> None:
    """A negative is stored with its label, its picture, features of this release's scheme, and a tick of its own."""
    before = tick_of(workspace)
    made = add(workspace)
    assert (made.label, made.scheme, made.added_tick) == ("floor", SCHEME, before + 1)
    assert len(Features.from_bytes(made.record)) > 25
    assert workspace.store.get(made.picture_sha256) == make.picture_bytes(7)


def test_a_counterfeiters_negative_protects_nothing(workspace: Workspace) -> None:
    """A counterfeiter's negative hides a copy only from the counterfeiter's own searches, never from the brand's."""
    make.register(workspace, seed=7, owner="acme")
    add(workspace, 7, owner="counterfeiter", label="my 'backdrop'")
    assert counting(workspace, "acme") == []
    assert counting(workspace, "counterfeiter") == ["my 'backdrop'"]


def test_the_operators_negatives_count_for_everybody(workspace: Workspace) -> None:
    """The operator's negatives apply to every brand. A brand's own negatives apply to that brand alone."""
    add(workspace, 7, owner=None, label="frame")
    add(workspace, 8, owner="acme", label="studio")
    assert counting(workspace, "acme") == ["frame", "studio"]
    assert counting(workspace, "globex") == ["frame"]


def test_a_negative_counts_from_its_tick_to_its_removal(workspace: Workspace) -> None:
    """A negative applies from its tick to its removal. Checks outside this span replay without it."""
    start = tick_of(workspace)
    made = add(workspace)
    with workspace.database.writing() as session:
        negatives.remove_negative(session, made.number, owner_id=made.owner_id)
    assert [counting(workspace, "acme", tick) for tick in range(start, start + 3)] == [[], ["floor"], []]
    with workspace.database.reading() as session:
        assert negatives.list_negatives(session, owner_id=made.owner_id) == []


def test_the_same_picture_again_changes_nothing(workspace: Workspace) -> None:
    """The same picture of one owner is one row with one tick. Another owner's is another row.

    A removed one can be added again.
    """
    first = add(workspace)
    before = rows_of(workspace)
    assert add(workspace, label="again").number == first.number
    assert rows_of(workspace) == before
    assert add(workspace, owner=None).number != first.number
    with workspace.database.writing() as session:
        negatives.remove_negative(session, first.number, owner_id=first.owner_id)
    assert add(workspace).number > first.number


@pytest.mark.parametrize("owner", ["acme", None])
def test_a_design_is_not_hidden_by_its_own_picture(workspace: Workspace, owner: str | None) -> None:
    """A registered design's own picture is refused as a negative, because it would hide the design."""
    make.register(workspace, seed=7)
    before = rows_of(workspace), pictures_of(workspace)
    with pytest.raises(Conflict) as refused:
        add(workspace, 7, owner=owner)
    assert refused.value.code == "negative.registered"
    assert (rows_of(workspace), pictures_of(workspace)) == before


def test_there_is_an_end_to_negatives(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """An owner at the limit must remove a negative before adding one. Other owners are not affected."""
    monkeypatch.setattr(negatives, "MOST_NEGATIVES", 2)
    kept = [add(workspace, seed) for seed in (1, 2)]
    with pytest.raises(Conflict) as refused:
        add(workspace, 3)
    assert (refused.value.code, refused.value.params["limit"]) == ("negative.too_many", 2)
    add(workspace, 3, owner="globex")
    with workspace.database.writing() as session:
        negatives.remove_negative(session, kept[0].number, owner_id=kept[0].owner_id)
    add(workspace, 3)


@pytest.mark.parametrize("label", ["x" * 201, "two\nlines", "nul\0"])
def test_a_label_that_cannot_be_shown_is_refused(workspace: Workspace, label: str) -> None:
    """A label that is too long or not printable is refused."""
    with pytest.raises(Rejected) as refused:
        add(workspace, label=label)
    assert refused.value.code == "negative.label"


def test_nobody_removes_anothers(workspace: Workspace) -> None:
    """Another owner's negative, the operator's and a removed one all give the same answer."""
    mine, everybodys = add(workspace), add(workspace, owner=None)
    other = owner_id(workspace, "globex")
    for number, given in (
        (mine.number, other),
        (everybodys.number, mine.owner_id),
        (mine.number, None),
        (999, None),
    ):
        with workspace.database.writing() as session, pytest.raises(NotFound) as refused:
            negatives.remove_negative(session, number, owner_id=given)
        assert refused.value.code == "negative.not_found"
    assert counting(workspace, "acme") == ["floor", "floor"]


def test_a_negative_is_a_picture(workspace: Workspace) -> None:
    """A file that is no picture is refused with the usual code."""
    with pytest.raises(ImageRejected):
        negatives.read_negative(b"no picture", workspace.limits)


def test_the_operator_keeps_negatives_from_a_terminal(cli: Any, tmp_path: Path) -> None:
    """Commands add, list and remove negatives, for all brands and for one owner."""
    for seed in (1, 2):
        (tmp_path / f"{seed}.png").write_bytes(make.picture_bytes(seed))
    (tmp_path / "r.png").write_bytes(make.picture_bytes(3))
    assert cli("designs", "import", tmp_path / "r.png", "--org", "acme").code == 0
    assert cli("negatives", "add", tmp_path / "1.png", tmp_path / "2.png").code == 0
    assert cli("negatives", "add", tmp_path / "1.png", "--org", "acme", "--label", "floor").code == 0
    everybodys = cli("negatives", "list", "--json").objects
    assert [one["label"] for one in everybodys] == ["1.png", "2.png"]
    (mine,) = cli("negatives", "list", "--org", "acme", "--json").objects
    assert mine["label"] == "floor"
    refused = cli("negatives", "remove", mine["number"])
    assert (refused.code, "[negative.not_found]" in refused.err) == (2, True)
    assert cli("negatives", "remove", mine["number"], "--org", "acme").code == 0
    assert cli("negatives", "list", "--org", "acme", "--json").objects == []
    assert "1.png" in cli("negatives", "list").out
    unknown = cli("negatives", "add", tmp_path / "1.png", "--org", "nobody")
    assert (unknown.code, "[organisation.not_found]" in unknown.err) == (2, True)
