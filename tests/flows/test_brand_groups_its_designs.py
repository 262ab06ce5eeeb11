"""Flow: a brand puts designs into collections, and the ledger records the collection of each design."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import make
import pytest
from sqlalchemy import select

from authcheck.audit.rows import compare_rows
from authcheck.errors import Rejected
from authcheck.ledger.tables import Entry
from authcheck.registry import designs, facts
from authcheck.registry.tables import Design
from authcheck.tlog import entries
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

Cli = Callable[..., Any]


def change(workspace: Workspace, design: Design, collection: str) -> str | None:
    """Put a design into a collection. Return the stored name."""
    with workspace.database.writing() as session:
        found = designs.get_design(session, design.id)
        designs.update_design(session, found, collection=collection, now=make.NOW)
        return found.collection


def test_a_collection_is_given_changed_and_taken_back(workspace: Workspace) -> None:
    """Each change of a collection is one ledger entry that agrees with the rows.

    Repeating the change adds no entry.
    """
    design = make.register(workspace, collection=" Spring ").design
    assert design.collection == "Spring"
    assert [change(workspace, design, name) for name in ("Autumn", "Autumn", " ")] == [
        "Autumn",
        "Autumn",
        None,
    ]
    with workspace.database.snapshot() as session:
        assert list(compare_rows(session)) == []
        types = list(session.scalars(select(Entry.type).where(Entry.subject == design.id)))
    assert types == ["design.register", "design.update", "design.update"]


def test_a_collection_edited_past_the_ledger_is_noticed(workspace: Workspace) -> None:
    """The audit names a design that was moved into a licensed collection by editing the table."""
    design = make.register(workspace).design
    with workspace.database.writing() as session:
        session.get_one(Design, design.id).collection = "Licensed"
    with workspace.database.snapshot() as session:
        assert [design.id in finding.what for finding in compare_rows(session)] == [True]


def test_designs_without_a_collection_read_as_before() -> None:
    """Entries of earlier releases hash a design's texts without a collection, and still verify."""
    words = {"kind": "logo", "public_preview": False, "reference": "R", "title": "T"}
    assert facts.of_words(Design(collection=None, **words)) == entries.digest(words, None)
    with_collection = entries.digest({**words, "collection": "C"}, None)
    assert facts.of_words(Design(collection="C", **words)) == with_collection


@pytest.mark.parametrize("name", ["x" * 201, "a\0b", "a\nb"])
def test_a_collection_needs_a_name_that_can_be_kept(workspace: Workspace, name: str) -> None:
    """A collection name that is too long or not printable is refused on registration and on change."""
    with pytest.raises(Rejected) as refused:
        make.register(workspace, "BAD", collection=name)
    assert refused.value.code == "design.collection"
    with pytest.raises(Rejected):
        change(workspace, make.register(workspace).design, name)


def test_collections_come_from_folders_tables_and_commands(
    workspace: Workspace, cli: Cli, tmp_path: Path
) -> None:
    """A collection is set by `--collection` for a folder, by a table column, or by a command for one design."""
    folder = tmp_path / "prints"
    folder.mkdir()
    for seed, name in enumerate(("A", "B", "C")):
        (tmp_path / f"{name}.png" if name != "A" else folder / "A.png").write_bytes(make.picture_bytes(seed))
    table = tmp_path / "table.csv"
    table.write_text("reference,picture,collection\nB,B.png,Autumn\nC,C.png,\n")
    assert cli("designs", "import", folder, "--org", "acme", "--collection", "Spring").code == 0
    assert cli("designs", "import", table, "--org", "acme").code == 0
    assert cli("designs", "change", "C", "--collection", "Winter", "--org", "acme").code == 0
    listed = cli("designs", "list", "--json").objects
    assert [(one["reference"], one["collection"]) for one in listed] == [
        ("A", "Spring"), ("B", "Autumn"), ("C", "Winter"),
    ]  # fmt: skip


def test_an_owner_changes_what_buyers_read(workspace: Workspace, cli: Cli, tmp_path: Path) -> None:
    """`designs change` changes what is named and leaves the rest."""
    picture = tmp_path / "sun-mug.png"
    picture.write_bytes(make.picture_bytes(4))
    assert cli("designs", "import", picture, "--org", "acme", "--kind", "photo", "--preview").code == 0
    changed = cli("designs", "change", "sun-mug", "--org", "acme", "--title", "Sun mug, white")
    assert changed.err.strip() == (
        "sun-mug of acme: Sun mug, white; photo; in no collection; buyers see a preview."
    )
    (design,) = cli("designs", "list", "--json").objects
    assert cli("designs", "change", design["id"], "--no-preview", "--collection", "Mugs").code == 0
    (design,) = cli("designs", "list", "--json").objects
    assert (design["title"], design["collection"]) == ("Sun mug, white", "Mugs")
    assert not design["public_preview"]
    refused = cli("designs", "change", "sun-mug", "--org", "acme", "--title", "x" * 1000)
    assert (refused.code, "[design.title]" in refused.err) == (2, True)
