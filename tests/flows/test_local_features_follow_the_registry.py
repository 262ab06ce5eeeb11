"""Flow: each process's index of local features follows the database, and starts from a shared snapshot file."""

import logging
import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import make
import numpy as np
import pytest
from features_made import some_features
from numpy.typing import NDArray
from sqlalchemy import update

from authcheck.errors import Unavailable
from authcheck.ids import new_id
from authcheck.members import organisations
from authcheck.registry import live_features
from authcheck.registry.clock import next_tick
from authcheck.registry.live_features import LiveFeatures
from authcheck.registry.tables import Design, NegativePicture, RegistryClock, View, ViewFeatures
from authcheck.vision.features.features import SCHEME
from authcheck.vision.features.index import FeatureIndex
from authcheck.vision.features.snapshot import NAME, open_snapshot, sole_writer
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

Numbers = list[list[int]]


@pytest.fixture
def folder(workspace: Workspace) -> Path:
    """The folder of the snapshots."""
    return workspace.settings.index_dir


@pytest.fixture
def _files_at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make a snapshot due after a few points."""
    monkeypatch.setattr("authcheck.vision.features.filed_index.LEAST_POINTS", 120)
    return


def put(workspace: Workspace, *seeds: int, scheme: str = SCHEME) -> list[int]:
    """Register a design for each seed. Return the numbers of their views."""
    numbers = []
    for seed in seeds:
        with workspace.database.writing() as session:
            owner = organisations.ensure_brand(session, "acme", make.NOW)
            tick, later = next_tick(session), make.NOW + timedelta(seconds=seed)
            design = Design(
                id=new_id("dsn", later), owner_id=owner.id, reference=f"R{tick}", title="", kind="logo",
                state="registered", public_preview=False, registered_at=later, registered_tick=tick, version=1,
            )  # fmt: skip
            view = View(
                design=design, picture_sha256=f"{seed:064}", picture_format="PNG", width_px=320, height_px=256,
                scheme="", fingerprint=b"", added_at=later, added_tick=tick, standing="clear",
                local=ViewFeatures(scheme=scheme, record=some_features(seed).to_bytes(), thumbnail=b"", findability={}),
            )  # fmt: skip
            session.add(view)
            session.flush()
            numbers.append(view.number)
    return numbers


def put_negative(workspace: Workspace, seed: int) -> int:
    """Add a negative picture. Return its number."""
    with workspace.database.writing() as session:
        negative = NegativePicture(
            label="", picture_sha256=f"{seed:064}", scheme=SCHEME, record=some_features(seed).to_bytes(),
            added_at=make.NOW, added_tick=next_tick(session),
        )  # fmt: skip
        session.add(negative)
        session.flush()
        return negative.number


def take_out(workspace: Workspace, kind: type[View | NegativePicture], number: int) -> None:
    """Remove a view from checks."""
    with workspace.database.writing() as session:
        session.get_one(kind, number).removed_tick = next_tick(session)


def of_seeds(*seeds: int) -> NDArray[np.uint8]:
    """The descriptors of the pictures of these seeds."""
    return np.concatenate([some_features(seed).descriptors for seed in seeds])


Negatives = Mapping[str | None, FeatureIndex]


def keys_near(live: LiveFeatures, workspace: Workspace, seed: int) -> set[tuple[str, int]]:
    """The views and negatives that hold the points of that picture."""

    def ask(views: FeatureIndex, negatives: Negatives) -> set[tuple[str, int]]:
        found = set()
        for kind, index in (("view", views), *(("negative", index) for index in negatives.values())):
            near = index.nearest(of_seeds(seed), 1)
            found |= {(kind, key) for key in near.keys[near.distances == 0].tolist()}
        return found

    with workspace.database.reading() as session:
        return live.search(session, ask)[1]


def everything(live: LiveFeatures, workspace: Workspace) -> list[Numbers]:
    """Return a whole answer, for comparison."""

    def ask(views: FeatureIndex, negatives: Negatives) -> list[Numbers]:
        near = [index.nearest(of_seeds(*range(8)), 6) for index in (views, *negatives.values())]
        return [answer for one in near for answer in (one.keys.tolist(), one.steps.tolist())]

    with workspace.database.reading() as session:
        return live.search(session, ask)[1]


def size(views: FeatureIndex, negatives: Negatives) -> int:
    """The number of searched points."""
    return len(views) + sum(map(len, negatives.values()))


def test_two_processes_see_each_others_changes(workspace: Workspace, folder: Path) -> None:
    """The next search in every process finds the views that any process added, and no removed view."""
    one, other = LiveFeatures(folder), LiveFeatures(folder)
    assert keys_near(one, workspace, 1) == set()
    first, second = put(workspace, 1, 2)
    assert [keys_near(live, workspace, 1) for live in (one, other)] == [{("view", first)}] * 2
    negative = put_negative(workspace, 3)
    take_out(workspace, View, first)
    for live in (one, other):
        assert keys_near(live, workspace, 1) == set()
        assert keys_near(live, workspace, 2) == {("view", second)}
        assert keys_near(live, workspace, 3) == {("negative", negative)}
    take_out(workspace, NegativePicture, negative)
    assert keys_near(one, workspace, 3) == set()
    assert (len(one), len(other)) == (1, 2)


@pytest.mark.slow
@pytest.mark.usefixtures("_files_at_once")
def test_a_restart_begins_with_the_file_and_answers_the_same(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restart reads no record that the file holds, and takes over later changes."""
    numbers = put(workspace, *range(5))
    before = LiveFeatures(folder)
    everything(before, workspace)
    snapshot = open_snapshot(folder)
    assert snapshot is not None
    assert snapshot.stand.tick == 5
    put(workspace, 5)
    take_out(workspace, View, numbers[2])
    read = list[int]()

    def counted(*arguments: object) -> None:
        read.append(1)
        added(*arguments)  # type: ignore[arg-type]

    added = live_features.FiledFeatureIndex.add
    monkeypatch.setattr(live_features.FiledFeatureIndex, "add", counted)
    after = LiveFeatures(folder)
    assert everything(after, workspace) == everything(before, workspace)
    assert (len(after), len(before), read) == (5, 5, [1, 1])
    (folder / NAME).unlink()
    assert everything(LiveFeatures(folder), workspace) == everything(before, workspace)


@pytest.mark.slow
@pytest.mark.usefixtures("_files_at_once")
def test_negatives_outlive_a_new_file(workspace: Workspace, folder: Path) -> None:
    """A new file holds views alone.

    The process that writes it and a process that starts from it both know the negatives.
    """
    negative = put_negative(workspace, 9)
    live = LiveFeatures(folder)
    assert keys_near(live, workspace, 9) == {("negative", negative)}
    put(workspace, *range(5))
    for one in (live, live, LiveFeatures(folder)):
        assert keys_near(one, workspace, 9) == {("negative", negative)}
    assert open_snapshot(folder) is not None
    take_out(workspace, NegativePicture, negative)
    assert keys_near(live, workspace, 9) == set()


@pytest.mark.slow
@pytest.mark.usefixtures("_files_at_once")
def test_one_process_writes_and_the_others_go_on_with_its_file(workspace: Workspace, folder: Path) -> None:
    """A second process does not write the same file again. A process that may not write loses nothing."""
    one, other = LiveFeatures(folder), LiveFeatures(folder)
    put(workspace, *range(5))
    with sole_writer(folder):
        assert len(everything(one, workspace)[0]) == 400
    assert not (folder / NAME).exists()
    put(workspace, 5)
    assert everything(one, workspace) == everything(other, workspace)
    assert one._begun_at == other._begun_at == 6
    written = (folder / NAME).stat().st_ino
    put(workspace, 6)
    assert everything(one, workspace) == everything(other, workspace)
    assert (folder / NAME).stat().st_ino == written


@pytest.mark.slow
@pytest.mark.usefixtures("_files_at_once")
def test_a_file_of_another_registry_is_not_believed(workspace: Workspace, folder: Path) -> None:
    """A file of another registry, or of this registry before a restored backup diverged, is not used."""
    put(workspace, *range(4))
    everything(LiveFeatures(folder), workspace)
    opened: list[Workspace] = []
    for change in (
        update(RegistryClock).values(registry_id="another"),
        update(View).where(View.number == 4).values(added_at=make.NOW),
    ):
        with workspace.database.writing() as session:
            session.execute(change)
        live, restarted = LiveFeatures(folder), Workspace.open(workspace.settings)
        with restarted.database.reading() as session:
            assert live._found(session, 4) is None
        everything(live, restarted)
        with restarted.database.reading() as session:
            assert live._found(session, 4) is not None  # its own file, in the place of the other file
        opened.append(restarted)
        workspace = restarted
    for restarted in opened:  # at the end: the next turn still writes with the last one
        restarted.database.dispose()


@pytest.mark.usefixtures("_files_at_once")
def test_a_file_of_the_future_is_not_used(workspace: Workspace, folder: Path) -> None:
    """A registry restored to an earlier tick does not use a file of a later tick."""
    put(workspace, *range(4))
    everything(LiveFeatures(folder), workspace)
    live = LiveFeatures(folder)
    with workspace.database.reading() as session:
        assert live.search(session, size, up_to=3) == (3, 3)


@pytest.mark.usefixtures("_files_at_once")
def test_a_folder_that_cannot_be_written_costs_the_file_only(
    workspace: Workspace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a writable folder the index works from memory, and the log explains the slower start."""
    blocked = tmp_path / "blocked"
    blocked.write_bytes(b"a file where the folder should be")
    numbers = put(workspace, *range(4))
    live = LiveFeatures(blocked)
    with caplog.at_level(logging.WARNING):
        assert keys_near(live, workspace, 3) == {("view", numbers[3])}
    assert "cannot write a snapshot of the index" in caplog.text


@pytest.mark.slow
@pytest.mark.usefixtures("_files_at_once")
def test_threads_share_an_index(workspace: Workspace, folder: Path) -> None:
    """While pictures and files change, every search sees the whole registry of one tick."""
    live, ticks, wrong = LiveFeatures(folder), dict[int, int](), list[object]()
    put(workspace, 0)
    stop = threading.Event()

    def look() -> None:
        try:
            while not stop.is_set():
                with workspace.database.reading() as session:
                    tick, count = live.search(session, size)
                    if ticks.setdefault(tick, count) != count:
                        wrong.append((tick, count))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            wrong.append(error)

    watchers = [threading.Thread(target=look) for _ in range(3)]
    for watcher in watchers:
        watcher.start()
    for seed in range(1, 9):
        (number,) = put(workspace, seed)
        if seed % 3 == 0:
            take_out(workspace, View, number)
    stop.set()
    for watcher in watchers:
        watcher.join()
    assert wrong == []
    assert everything(live, workspace) == everything(LiveFeatures(folder), workspace)
    assert len(live) == 7


def test_features_of_another_release_stop_the_search(workspace: Workspace, folder: Path) -> None:
    """Features of another release raise an error, at the start and later. They are never ignored silently."""
    live = LiveFeatures(folder)
    put(workspace, 0)
    assert len(keys_near(live, workspace, 0)) == 1
    put(workspace, 1, scheme="lf-0")
    for one in (live, LiveFeatures(folder), live):
        with pytest.raises(Unavailable) as refused:
            keys_near(one, workspace, 0)
        assert (refused.value.code, refused.value.params) == ("registry.old_scheme", {"views": 1})
    with workspace.database.writing() as session:
        session.execute(update(ViewFeatures).values(scheme=SCHEME))
    assert len(keys_near(live, workspace, 1)) == 1


def test_an_index_that_broke_off_fills_itself_anew(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database failure during a refresh fails that check only. The next check rebuilds the index."""
    put(workspace, 0)
    live = LiveFeatures(folder)
    assert len(keys_near(live, workspace, 0)) == 1
    put(workspace, 1)

    def fail(*_: object) -> None:
        raise Unavailable

    with monkeypatch.context() as broken:
        broken.setattr("authcheck.registry.live_features._take_over", fail)
        with pytest.raises(Unavailable):
            keys_near(live, workspace, 1)
    assert [len(keys_near(live, workspace, seed)) for seed in (0, 1)] == [1, 1]
