"""Flow: every change of an organisation or a design is a ledger entry, written in the transaction of its row."""

from collections.abc import Callable
from datetime import timedelta

import make
import pytest
from ledger_made import assert_log_sound
from log_made import DatabaseLog
from sqlalchemy import select

from authcheck.audit.rows import compare_rows
from authcheck.errors import Conflict
from authcheck.ledger.journal import record, record_at_commit
from authcheck.ledger.tables import Entry
from authcheck.members import organisations
from authcheck.registry import designs
from authcheck.registry.design_files import Row
from authcheck.registry.masking import change_mask
from authcheck.registry.reading import read_view
from authcheck.registry.registration import Registration
from authcheck.registry.tables import Design
from authcheck.tlog.entries import Draft, read_body
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

LATER = make.NOW + timedelta(days=1)


def entries(workspace: Workspace) -> list[Entry]:
    """The entries of the whole log, which is sound and agrees with the tables."""
    assert_log_sound(DatabaseLog(workspace.database))
    with workspace.database.snapshot() as session:
        assert list(compare_rows(session)) == []
        return list(session.scalars(select(Entry).order_by(Entry.number)))


def types(workspace: Workspace) -> list[str]:
    """The types of the entries, in order."""
    return [entry.type for entry in entries(workspace)]


def draft(number: int = 0) -> Draft:
    """A draft with its own fact for every number."""
    return Draft("cert.flag", f"urn:uuid:{number}", make.NOW)


def change(workspace: Workspace, design: Design, act: Callable[..., None], *words: object) -> None:
    """Change a design in a transaction of its own."""
    with workspace.database.writing() as session:
        act(session, designs.get_design(session, design.id), *words)


def test_the_life_of_a_design_is_in_the_ledger(workspace: Workspace) -> None:
    """Each change of a design, from registration to retirement, is one entry that agrees with the rows."""
    design = make.register(workspace, pictures=[make.picture_bytes(1)]).design
    more = read_view(make.picture_bytes(2), workspace.limits)
    with workspace.database.writing() as session:
        registration = Registration(session, workspace.comparer(), workspace.store, make.NOW)
        registration.add_views(designs.get_design(session, design.id), [more])
    with workspace.database.writing() as session:
        designs.update_design(session, designs.get_design(session, design.id), title="New", now=LATER)
    change_mask(
        workspace.database,
        workspace.store,
        workspace.limits,
        design_id=design.id,
        picture_sha256=more.sha256,
        masking=make.mask_bytes(),
        now=LATER,
    )
    change(workspace, design, designs.remove_view, more.sha256, LATER)
    change(workspace, design, designs.retire, LATER)
    assert types(workspace) == [
        "org.approve",
        "design.register",
        "design.view_add",
        "design.update",
        "design.update",
        "design.view_remove",
        "design.retire",
    ]
    said = [read_body(entry.body) for entry in entries(workspace)]
    assert [one.get("version") for one in said] == [None, 1, 2, 3, 4, 5, 6]
    assert said[4]["image"] == said[5]["images"][0] == more.sha256
    assert b"New" not in b"".join(entry.body for entry in entries(workspace))


def test_a_dispute_is_in_the_ledger(workspace: Workspace) -> None:
    """The entry of a dispute names both designs and the score."""
    first = make.register(workspace).design
    second = make.register(workspace, owner="globex").design
    assert types(workspace) == ["org.approve", "design.register"] * 2 + ["design.dispute"]
    said = read_body(entries(workspace)[-1].body)
    assert (said["id"], said["other"], said["score"]) == (second.id, first.id, 1)


@pytest.mark.slow
def test_many_pictures_are_told_in_several_entries(workspace: Workspace) -> None:
    """An entry holds at most twenty pictures, so that it stays below its limit of bytes."""
    pictures = [make.encode(make.picture(1).rotate(turn)) for turn in range(0, 150, 7)]
    make.register(workspace, pictures=pictures)
    assert types(workspace) == ["org.approve", "design.register", "design.view_add"]
    assert [len(read_body(entry.body).get("images", [])) for entry in entries(workspace)] == [0, 20, 2]


def test_what_changes_nothing_is_not_told(workspace: Workspace) -> None:
    """A repeated registration, a repeated change and a second retirement add no entry."""
    design = make.register(workspace).design
    make.register(workspace)
    with workspace.database.writing() as session:
        designs.update_design(session, designs.get_design(session, design.id), title=design.title, now=LATER)
    change(workspace, design, designs.retire, LATER)
    change(workspace, design, designs.retire, LATER + timedelta(days=1))
    assert types(workspace) == ["org.approve", "design.register", "design.retire"]


def test_what_is_rolled_back_is_not_told(workspace: Workspace) -> None:
    """A failed transaction leaves no rows, no entries and no part of a tile."""

    def fail() -> None:
        with workspace.database.writing() as session:
            organisations.ensure_brand(session, "acme", make.NOW)
            record(session, [draft()])
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        fail()
    assert entries(workspace) == []


def test_a_handle_that_is_taken_is_told_once(workspace: Workspace) -> None:
    """A refused member leaves no entry, and the rest of its transaction is stored."""
    with workspace.database.writing() as session:
        organisations.ensure_brand(session, "acme", make.NOW)
        with pytest.raises(Conflict):
            organisations.create_organisation(
                session, handle="acme", name="Other", roles=["agent"], now=make.NOW
            )
    assert types(workspace) == ["org.approve"]


def test_a_dry_run_is_not_told(workspace: Workspace) -> None:
    """A dry run writes no entry. The import writes one entry for each row."""
    from_seed = make.picture_bytes
    rows = [Row(line, make_new(line), (str(line),)) for line in range(1, 4)]
    for dry_run in (True, False):
        reports = list(
            workspace.importer().run(rows, lambda name: from_seed(int(name)), owner="acme", dry_run=dry_run)
        )
        assert [report.status for report in reports] == ["registered"] * 3
        assert types(workspace) == ([] if dry_run else ["org.approve"] + ["design.register"] * 3)


def make_new(line: int) -> make.NewDesign:
    """The texts that an owner gives for a design."""
    return make.NewDesign(f"REF-{line}", f"Design {line}")


def test_the_same_fact_twice_is_one_entry(workspace: Workspace) -> None:
    """A repeated request gets its first entry, in the same transaction and in a later one."""
    with workspace.database.writing() as session:
        first = record(session, [draft(1), draft(2), draft(1)])
    with workspace.database.writing() as session:
        again = record(session, [draft(3), draft(2)])
    assert [entry.number for entry in first] == [0, 1, 0]
    assert [entry.number for entry in again] == [2, 1]
    assert len(entries(workspace)) == 3


def test_facts_that_wait_for_the_commit_come_before_those_recorded(workspace: Workspace) -> None:
    """The log has the order of the transaction, with or without savepoints."""
    with workspace.database.writing() as session:
        record_at_commit(session, [draft(1)])
        with session.begin_nested():
            session.execute(select(1))
        assert session.scalar(select(Entry.number)) is None
        (entry,) = record(session, [draft(2)])
        record_at_commit(session, [draft(3)])
    assert entry.number == 1
    assert [one.subject for one in entries(workspace)] == [f"urn:uuid:{number}" for number in (1, 2, 3)]
