"""Dropped files and the processes that register them: two at once, one that ends, one that a file ends."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import drops_made
import make
import people_made
import pytest
from drops_made import drawn
from sqlalchemy import select

from api import dropping
from authcheck.errors import Unavailable
from authcheck.members import organisations, people
from authcheck.members.permissions import grants_of_roles
from authcheck.members.principals import Principal
from authcheck.registry import drop_work, drops
from authcheck.registry.drop_spool import DropSpool
from authcheck.registry.drop_work import LEASE, Work
from authcheck.registry.drops import NewFile
from authcheck.registry.import_tables import Drop, DropFile
from authcheck.registry.reading import ReadView
from authcheck.registry.tables import Design
from authcheck.workspace import Workspace

pytestmark = [pytest.mark.postgresql, pytest.mark.slow]
ROOM = 10**9


def dropped(workspace: Workspace, count: int, *, owner: str = "acme", now: datetime | None = None) -> Drop:
    """Store a drop with drawn pictures."""
    person = people_made.person(workspace.database, f"mei@{owner}.example", owner=owner, roles=("rights",))
    with workspace.database.writing() as session:
        home = organisations.get_organisation(session, owner)
        roles = people.get_member(session, home.id, person.id).roles
        caller = Principal(home.id, home.handle, person.id, frozenset(roles), grants_of_roles(roles))
        drop = drops.create_drop(session, caller, kind="other", now=now or datetime.now(UTC))
        for number in range(count):
            data = drawn(number + 100 * len(owner))
            new = NewFile(f"{number}.png", f"{number:064x}", data)
            drops.add_file(session, DropSpool(workspace.settings.data_dir), drop, new, most_bytes=ROOM)
        return drop


def states(workspace: Workspace, drop: Drop) -> list[str]:
    """Return the states of a drop's files."""
    with workspace.database.reading() as session:
        return [file.state for file in drops.list_files(session, drop.id)]


def count_designs(workspace: Workspace) -> int:
    """Return the number of designs."""
    with workspace.database.reading() as session:
        return len(session.scalars(select(Design.id)).all())


def test_two_processes_share_the_files(workspace: Workspace) -> None:
    """Four workers take two organisations' files. Each is registered once, and no row is lost or told twice."""
    ours, theirs = dropped(workspace, 9), dropped(workspace, 5, owner="globexx")
    claims: list[str] = []
    register = Work._register

    def noted(work: Work, drop: Drop, files: Any) -> Any:
        claims.extend(f"{drop.id} {file.number}" for file in files)
        return register(work, drop, files)

    def work() -> None:
        worker = drops_made.work_on(workspace)
        while dropping.step(workspace, worker):
            pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Work, "_register", noted)
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    drops_made.finish(workspace)  # a worker may have seen nothing while others still had claims
    assert len(claims) == len(set(claims)) == 14
    assert states(workspace, ours) == ["registered"] * 9
    assert states(workspace, theirs) == ["registered"] * 5
    assert count_designs(workspace) == 14


def test_a_process_that_ends_leaves_nothing_behind(workspace: Workspace) -> None:
    """A process ends after its registration, before it has told the row. The next one tells it as registered."""
    drop = dropped(workspace, 2)
    worker = drops_made.work_on(workspace)

    class Ended(BaseException):
        """The end of a process."""

    def end(*_given: object) -> None:
        raise Ended

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Work, "_note", end)
        with pytest.raises(Ended):
            worker.step()
    assert states(workspace, drop) == ["working"] * 2
    assert not drops_made.work_on(workspace).step()  # the claim is fresh
    later = datetime.now(UTC) + LEASE + timedelta(seconds=1)
    after = drops_made.work_on(workspace, now=lambda: later)
    while dropping.step(workspace, after):
        pass
    assert states(workspace, drop) == ["registered"] * 2
    assert count_designs(workspace) == 2
    assert DropSpool(workspace.settings.data_dir).drop_ids() == []
    drop_work.restart(workspace.database)
    assert states(workspace, drop) == ["registered"] * 2


def test_a_file_that_breaks_the_work_costs_no_other(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours about one file is told in its row. A file that ends processes is given up after three."""
    drop = dropped(workspace, 3)
    entity = ReadView.entity

    def broken(view: ReadView) -> Any:
        if view.data == drawn(401):
            raise RuntimeError("a fault of ours")
        return entity(view)

    with monkeypatch.context() as patch:
        patch.setattr(ReadView, "entity", broken)
        drops_made.finish(workspace)
    assert states(workspace, drop) == ["registered", "refused", "registered"]
    second = dropped(workspace, 2, owner="globexx")
    for _ in range(4):
        with workspace.database.writing() as session:
            session.query(DropFile).filter_by(drop_id=second.id, number=1).update({"state": "working"})
            row = session.get_one(DropFile, (second.id, 1))
            row.attempts += 1
        drop_work.restart(workspace.database)
    drops_made.finish(workspace)
    assert states(workspace, second) == ["refused", "registered"]


def test_room_is_counted_and_given_back(workspace: Workspace) -> None:
    """Bytes that wait are counted for the organisation. After a week, a table that nobody starts is forgotten."""
    spool = DropSpool(workspace.settings.data_dir)
    old = dropped(workspace, 3, now=make.NOW - timedelta(days=8))
    with workspace.database.writing() as session:
        session.query(DropFile).filter_by(drop_id=old.id).update({"state": "held"})
        row = session.get_one(Drop, old.id)
        row.table_sha256, row.table_bytes, row.state = "a" * 64, 50, "held"
    with workspace.database.writing() as session:
        waiting = drops.spooled_bytes(session, old.organisation_id)
        assert waiting == sum(len(drawn(number + 400)) for number in range(3)) + 50
        drops.check_room(session, old.organisation_id, 1, waiting + 1)
        with pytest.raises(Unavailable, match="still work on"):
            drops.check_room(session, old.organisation_id, 2, waiting + 1)
    with workspace.database.writing() as session:
        assert drops.forget_old(session, spool, make.NOW) == 1
        assert drops.forget_old(session, spool, make.NOW) == 0
        assert drops.spooled_bytes(session, old.organisation_id) == 0
    assert states(workspace, old) == ["left_out"] * 3
    assert spool.drop_ids() == []
