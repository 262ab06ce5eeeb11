"""Searches among an owner's designs, on both databases."""

from datetime import timedelta

import make
import pytest

from authcheck.members import organisations
from authcheck.members.reach import Reach
from authcheck.registry import design_search, designs
from authcheck.registry.design_search import Wanted
from authcheck.storage.database import Database
from authcheck.workspace import Workspace

pytestmark = [pytest.mark.postgresql, pytest.mark.slow]


def found(database: Database, owner_id: str, **words: str) -> list[str]:
    """Return the references that a search finds, newest first."""
    with database.reading() as session:
        rows = design_search.list_wanted(session, Wanted(**words), owner_id=owner_id, newest_first=True)
        return [design.reference for design in rows]


def test_words_follow_every_change(workspace: Workspace) -> None:
    """A search ignores case and width, takes % and _ as they are, and knows a new title and collection at once."""
    first = make.register(workspace, "K_1", seed=1, title="Straße 50%", collection="Summer")
    make.register(workspace, "KX1", seed=2, title="Other", collection="Winter")
    database, owner_id = workspace.database, first.design.owner_id
    for words, expected in (
        ("STRASSE", ["K_1"]), ("\uff4b_1", ["K_1"]), ("50%", ["K_1"]), ("k_1", ["K_1"]), ("%", ["K_1"]), ("k", ["KX1", "K_1"]),
        ("summer straße", ["K_1"]), ("summer other", []), ("\0", []),
    ):  # fmt: skip
        assert sorted(found(database, owner_id, words=words)) == sorted(expected), words
    with database.writing() as session:
        design = designs.get_design(session, first.design.id)
        designs.update_design(session, design, title="Allee", collection="Winter", now=make.NOW)
    assert found(database, owner_id, words="strasse") == []
    assert found(database, owner_id, words="allee winter") == ["K_1"]


def test_collections_are_those_within_reach(workspace: Workspace) -> None:
    """Each name comes once, in order. Those of other owners and beyond reach are not told."""
    names = ("b", "a", "", "b")
    made = [make.register(workspace, f"R{n}", seed=n, collection=name) for n, name in enumerate(names)]
    make.register(workspace, "X", seed=9, owner="globex", collection="z")
    owner_id = made[0].design.owner_id
    with workspace.database.reading() as session:
        assert list(design_search.collections_of(session, owner_id)) == ["a", "b"]
        only = Reach(designs=frozenset({made[1].design.id}))
        assert list(design_search.collections_of(session, owner_id, reach=only)) == ["a"]
        assert list(design_search.collections_of(session, "org_none")) == []


def test_pages_have_each_design_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both orders reach every design over pages of two."""
    for number in range(5):
        monkeypatch.setattr(make, "NOW", make.NOW + timedelta(minutes=1))
        make.register(workspace, f"R{number}", seed=number)
    with workspace.database.reading() as session:
        owner_id = organisations.get_organisation(session, "acme").id
        for newest_first in (False, True):
            seen: list[str] = []
            after = ""
            while page := design_search.list_wanted(
                session, Wanted(), owner_id=owner_id, after=after, newest_first=newest_first, limit=2
            ):
                seen += [design.reference for design in page]
                after = page[-1].id
            assert seen == [f"R{number}" for number in (range(4, -1, -1) if newest_first else range(5))]
