"""Flow: the index of each process follows the database. It holds every live view and no removed view."""

import os
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import make
import pytest
from registry_state import tick_of
from sqlalchemy import select

from authcheck.checks.answers import answer, read_submission
from authcheck.config import Settings
from authcheck.errors import Unavailable
from authcheck.registry import designs
from authcheck.registry.live_hashes import Galleries, Hits, LiveGallery, galleries_at
from authcheck.registry.reading import read_view
from authcheck.registry.registration import Registration
from authcheck.registry.renewal import find_stale
from authcheck.registry.tables import Design, View
from authcheck.storage.database import Database
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql


def found(workspace: Workspace, seed: int) -> str:
    """The reference that a check of that picture answers, or the empty text."""
    submission = read_submission(make.picture_bytes(seed), workspace.limits)
    verdict = answer(workspace.database, workspace.finder, submission, workspace.policy).verdict
    return verdict.candidate.reference if verdict.candidate and verdict.code != "none" else ""


def flat(found: Hits) -> list[tuple[int, float]]:
    """The view numbers and scores of hits of all standings."""
    return [(hit.view_id, hit.score) for there in found.values() for hit in there]


def hits(galleries: Galleries, workspace: Workspace, seed: int) -> list[tuple[int, float]]:
    """The view numbers and scores of a search."""
    query = read_submission(make.picture_bytes(seed), workspace.limits).fingerprint
    return flat(galleries.search(query, 50))


def live_hits(live: LiveGallery, workspace: Workspace, seed: int) -> list[tuple[int, float]]:
    """The view numbers and scores of a search in this process's own index."""
    query = read_submission(make.picture_bytes(seed), workspace.limits).fingerprint
    with workspace.database.reading() as session:
        return flat(live.search(session, query, 50)[1])


ROOT = Path(__file__).parents[2]
OTHER_PROCESS = """
import sys
sys.path.insert(0, sys.argv[1])
import make
from authcheck.registry import designs
from authcheck.workspace import open_workspace
retired, first, last, owner = sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
with open_workspace() as work:
    for seed in range(first, last):
        make.register(work, f"R{seed}", owner=owner, seed=seed)
    if retired:
        with work.database.writing() as session:
            designs.retire(session, designs.find_design(session, "acme", retired), make.NOW)
"""


def start(
    environment: dict[str, str], retired: str, first: int, last: int, owner: str
) -> "subprocess.Popen[bytes]":
    """Start a process that registers pictures by number and retires a design of acme."""
    words = [str(ROOT / "tests"), retired, str(first), str(last), owner]
    return subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", OTHER_PROCESS, *words], env=os.environ | environment
    )


@pytest.mark.slow
def test_another_process_registers_and_retires(workspace: Workspace, environment: dict[str, str]) -> None:
    """The next check here finds a design that another process registered, and misses a design that it retired."""
    make.register(workspace)
    assert (found(workspace, 0), found(workspace, 1)) == ("REF-1", "")
    assert start(environment, "REF-1", 1, 2, "acme").wait() == 0
    assert (found(workspace, 0), found(workspace, 1)) == ("", "R1")


@pytest.mark.slow
def test_processes_register_at_once(workspace: Workspace, environment: dict[str, str]) -> None:
    """Two processes that register at once lose no design and no tick."""
    running = [start(environment, "", 4 * number, 4 * number + 4, f"brand-{number}") for number in range(2)]
    assert [process.wait() for process in running] == [0, 0]
    assert [found(workspace, seed) for seed in range(8)] == [f"R{seed}" for seed in range(8)]
    assert tick_of(workspace) == 8


@pytest.mark.slow
def test_threads_register_at_once(workspace: Workspace) -> None:
    """Four threads register and check. Every registration has its own tick and is found."""

    def errand(seed: int) -> str:
        make.register(workspace, f"R{seed}", owner="acme", seed=seed)
        return found(workspace, seed)

    make.register(workspace, "FIRST", seed=99)  # the owner exists by now
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(errand, range(12))) == [f"R{seed}" for seed in range(12)]
    with workspace.database.reading() as session:
        ticks = sorted(session.scalars(select(Design.registered_tick)))
        fresh = galleries_at(session, 13)
    assert ticks == list(range(1, 14))
    for seed in range(12):
        assert live_hits(workspace.finder.live, workspace, seed) == hits(fresh, workspace, seed)


@pytest.mark.slow
def test_searches_see_each_change_whole(workspace: Workspace) -> None:
    """While one thread replaces a design's picture repeatedly, another thread always finds exactly one picture."""
    make.register(workspace, pictures=[make.picture_bytes(0), make.picture_bytes(1)])
    views = [read_view(make.picture_bytes(seed), workspace.limits) for seed in (0, 1)]
    queries = [read_submission(make.picture_bytes(seed), workspace.limits) for seed in (0, 1)]
    stop, failures = threading.Event(), []

    def look() -> None:
        while not stop.is_set():
            given = [
                answer(workspace.database, workspace.finder, query, workspace.policy) for query in queries
            ]
            if given[0].tick == given[1].tick and all(one.verdict.code == "none" for one in given):
                failures.append(given)

    watcher = threading.Thread(target=look)
    watcher.start()
    for turn in range(8):
        with workspace.database.writing() as session:
            design = designs.find_design(session, "acme", "REF-1")
            designs.remove_view(session, design, views[turn % 2].sha256, make.NOW)
        with workspace.database.writing() as session:
            design = designs.find_design(session, "acme", "REF-1")
            registration = Registration(session, workspace.comparer(), workspace.store, make.NOW)
            registration.add_views(design, [views[turn % 2]])
    stop.set()
    watcher.join()
    assert failures == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_random_walk_ends_at_a_fresh_index(workspace: Workspace, seed: int) -> None:
    """After any sequence of changes the index equals an index that was built anew."""
    dice = random.Random(seed)
    late = LiveGallery()
    for step in range(14):
        with workspace.database.reading() as session:
            known = [one for one in designs.all_designs(session) if one.state != "retired"]
        act = dice.choice(["register", "register", "add", "remove", "retire"]) if known else "register"
        if act == "register":
            make.register(workspace, f"R{step}", owner=dice.choice(["acme", "other"]), seed=dice.randrange(6))
        else:
            change(workspace, dice.choice(known), act, dice)
        if dice.random() < 0.5:
            found(workspace, dice.randrange(6))
        if dice.random() < 0.2:
            live_hits(late, workspace, 0)
    with workspace.database.reading() as session:
        fresh = galleries_at(session, tick_of(workspace))
        alive = session.scalars(select(View.number).where(View.removed_tick.is_(None))).all()
    for number in range(6):
        expected = hits(fresh, workspace, number)
        assert live_hits(workspace.finder.live, workspace, number) == expected
        assert live_hits(late, workspace, number) == expected
    assert len(fresh) == len(workspace.finder.live) == len(late) == len(alive)


def change(workspace: Workspace, stale: Design, act: str, dice: random.Random) -> None:
    """Make one change to a design."""
    with workspace.database.writing() as session:
        design = designs.get_design(session, stale.id)
        live = designs.live_views(design)
        if act == "retire" or (act == "remove" and len(live) == 1):
            designs.retire(session, design, make.NOW)
        elif act == "remove":
            designs.remove_view(session, design, dice.choice(live).picture_sha256, make.NOW)
        else:
            views = [read_view(make.picture_bytes(dice.randrange(6)), workspace.limits)]
            registration = Registration(session, workspace.comparer(), workspace.store, make.NOW)
            registration.add_views(design, views)


def test_an_index_that_broke_off_fills_itself_anew(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database failure during a refresh fails that check only. The next check rebuilds the index."""
    make.register(workspace)
    assert found(workspace, 0) == "REF-1"
    make.register(workspace, "REF-2", seed=1)

    def fail(*_: object) -> None:
        raise Unavailable

    with monkeypatch.context() as broken:
        broken.setattr("authcheck.registry.live_hashes._load", fail)
        with pytest.raises(Unavailable):
            found(workspace, 1)
    assert (found(workspace, 0), found(workspace, 1)) == ("REF-1", "REF-2")


def test_fingerprints_of_another_release_stop_the_search(workspace: Workspace, settings: Settings) -> None:
    """A registry with fingerprints of another release says which command to run.

    Upgrading makes it searchable.
    """
    make.register(workspace)
    with workspace.database.writing() as session:
        for view in session.scalars(select(View)):
            view.scheme = "older-1"
    with pytest.raises(Unavailable) as refused:
        found(workspace, 0)
    assert refused.value.code == "registry.old_scheme"
    with workspace.database.reading() as session:
        stale = find_stale(session)
    done = list(stale.run(workspace.database, workspace.store, workspace.limits))
    assert [one.error for one in done] == [None]
    assert found(workspace, 0) == "REF-1"
    again = Database.open(settings)
    with again.reading() as session:
        assert len(galleries_at(session, 1)) == 1
    again.dispose()
