"""Flow: an operator sets a neural model.

Vectors are stored, kept current and never mixed, and the model is optional.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import make
import numpy as np
import pytest
import tiny_models
from registry_state import tick_of
from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.config import Settings
from authcheck.errors import BadSetting, Unavailable
from authcheck.members import organisations
from authcheck.registry import designs, embeddings
from authcheck.registry.embeddings import NeuralCandidates, fill_embeddings, grow_index, missing
from authcheck.registry.reading import read_view
from authcheck.registry.registration import NewDesign, Registration
from authcheck.registry.tables import View, ViewEmbedding
from authcheck.vision.features.embedding_index import EmbeddingIndex, Vectors
from authcheck.vision.pictures.decode import open_picture
from authcheck.workspace import Workspace

SEEDS = range(4)
WITHOUT_EXTRA = """
import sys
sys.modules["onnxruntime"] = sys.modules["onnx"] = None
from authcheck.terminal.app import main
main()
"""


@pytest.fixture
def with_model(settings: Settings, tmp_path: Path) -> Settings:
    """Settings that name a tiny model."""
    return settings.model_copy(
        update={
            "neural_model": tiny_models.save(tmp_path / "tiny.onnx"),
            "neural_input_px": tiny_models.INPUT_PX,
            "neural_mean": "0.5,0.5,0.5",
            "neural_std": "1,1,1",
        }
    )


def opened(settings: Settings) -> NeuralCandidates:
    """The candidates of a set model."""
    neural = NeuralCandidates.open(settings)
    assert neural is not None
    return neural


@pytest.fixture
def neural(with_model: Settings) -> NeuralCandidates:
    """The candidates of a process with the model."""
    return opened(with_model)


def vector_of(neural: NeuralCandidates, data: bytes) -> Vectors:
    """The vector of a picture's bytes."""
    picture = open_picture(data, detail_px=neural.descriptor.input_px)
    return neural.descriptor.describe([picture.image])[0]


def register(workspace: Workspace, neural: NeuralCandidates, seed: int) -> int:
    """Register `picture(seed)` with its vector in one transaction. Return the view's number."""
    data = make.picture_bytes(seed)
    with workspace.database.writing() as session:
        owner = organisations.ensure_brand(session, "acme", make.NOW)
        registration = Registration(session, workspace.comparer(), workspace.store, make.NOW)
        done = registration.register(owner, NewDesign(f"R{seed}", ""), [read_view(data, workspace.limits)])
        view = session.scalars(select(View).where(View.design_id == done.design.id)).one()
        neural.remember(session, view, vector_of(neural, data))
        return view.number


def retire(workspace: Workspace, reference: str) -> None:
    """Retire a design of acme."""
    with workspace.database.writing() as session:
        designs.retire(session, designs.find_design(session, "acme", reference), make.NOW)


def found(workspace: Workspace, neural: NeuralCandidates, seed: int, **options: Any) -> list[int]:
    """The candidates for a smaller copy of `picture(seed)`."""
    copy = make.encode(make.picture(seed).resize((200, 160)), "JPEG", quality=60)
    with workspace.database.reading() as session:
        return neural.candidates(session, vector_of(neural, copy), 10, **options)


def made_anew(session: Session, neural: NeuralCandidates, tick: int) -> EmbeddingIndex:
    """A new index with the registry's vectors as of a tick."""
    empty = EmbeddingIndex.empty(neural.descriptor.size)
    return grow_index(empty, session, neural.descriptor.name, 0, tick)


def fill(workspace: Workspace, neural: NeuralCandidates) -> int:
    """Fill in missing vectors, as `authcheck db upgrade` does."""
    return fill_embeddings(workspace.database, workspace.store, workspace.limits, neural.descriptor)


def rows(workspace: Workspace) -> Sequence[ViewEmbedding]:
    """All stored vectors."""
    query = select(ViewEmbedding).order_by(ViewEmbedding.view_number, ViewEmbedding.model)
    with workspace.database.reading() as session:
        return session.scalars(query).all()


def test_it_is_off_by_default(settings: Settings) -> None:
    """Without the setting there is no model, and no model runs."""
    assert NeuralCandidates.open(settings) is None


@pytest.mark.parametrize("name", ["neural_model", "neural_input_px"])
def test_a_setting_that_does_not_fit_the_model_stops_the_start(with_model: Settings, name: str) -> None:
    """A path without a file, or a size that the model does not accept, stops the start."""
    wrong = {"neural_model": Path("absent.onnx"), "neural_input_px": tiny_models.INPUT_PX + 1}[name]
    with pytest.raises(BadSetting, match=r"absent\.onnx|33"):
        NeuralCandidates.open(with_model.model_copy(update={name: wrong}))


@pytest.mark.postgresql
def test_registered_pictures_are_stored_and_found(workspace: Workspace, neural: NeuralCandidates) -> None:
    """An edited copy ranks its own design first."""
    numbers = [register(workspace, neural, seed) for seed in SEEDS]
    assert [found(workspace, neural, seed)[0] for seed in SEEDS] == numbers
    assert {(row.model, len(row.vector)) for row in rows(workspace)} == {
        (neural.descriptor.name, 2 * tiny_models.SIZE)
    }
    assert len(neural) == len(numbers)


def test_what_is_retired_is_no_candidate(workspace: Workspace, neural: NeuralCandidates) -> None:
    """A retired design is no candidate in an old or a new index. A design registered later is a candidate."""
    first, second = register(workspace, neural, 0), register(workspace, neural, 1)
    assert found(workspace, neural, 0)[0] == first
    retire(workspace, "R0")
    third = register(workspace, neural, 2)
    late = NeuralCandidates(neural.descriptor)
    for seed in SEEDS:
        assert found(workspace, neural, seed) == found(workspace, late, seed)
        assert first not in found(workspace, neural, seed)
    assert {found(workspace, neural, 1)[0], found(workspace, neural, 2)[0]} == {second, third}
    assert len(neural) == len(late) == 2


@pytest.mark.slow
def test_an_index_that_grew_equals_one_made_anew(workspace: Workspace, neural: NeuralCandidates) -> None:
    """An index that grew in any order equals a new index to the last bit."""
    for seed in range(8):
        if seed % 3:
            register(workspace, neural, seed)
        else:
            make.register(workspace, f"R{seed}", seed=seed)
        if seed == 4:
            assert fill(workspace, neural) == 2
            retire(workspace, "R1")
        found(workspace, neural, seed)
    assert fill(workspace, neural) == 1
    found(workspace, neural, 0)
    with workspace.database.reading() as session:
        fresh = made_anew(session, neural, tick_of(workspace))
    tick, grown = neural._now
    assert tick == tick_of(workspace)
    order = np.argsort(grown.ids), np.argsort(fresh.ids)
    assert np.array_equal(grown.ids[order[0]], fresh.ids[order[1]])
    assert np.array_equal(grown.vectors[order[0]], fresh.vectors[order[1]])


@pytest.mark.postgresql
@pytest.mark.slow
def test_what_is_missing_is_filled_once(workspace: Workspace, neural: NeuralCandidates) -> None:
    """Designs registered without the setting get the same vectors later. Retired designs get none."""
    for seed in SEEDS:
        make.register(workspace, f"R{seed}", seed=seed)
    retire(workspace, "R3")
    assert found(workspace, neural, 0) == []
    assert fill(workspace, neural) == 3
    assert fill(workspace, neural) == 0
    stored = [np.frombuffer(row.vector, np.float16) for row in rows(workspace)]
    expected = [vector_of(neural, make.picture_bytes(seed)).astype(np.float16) for seed in range(3)]
    assert np.array_equal(np.stack(stored), np.stack(expected))


def test_vectors_filled_later_reach_an_index_in_use(workspace: Workspace, neural: NeuralCandidates) -> None:
    """A running server finds vectors that `db upgrade` computed, even for views older than its index."""
    make.register(workspace, "R0", seed=0)
    second = register(workspace, neural, 1)
    assert found(workspace, neural, 1) == [second]
    assert fill(workspace, opened_again(neural)) == 1
    assert len(found(workspace, neural, 0)) == 2


def opened_again(neural: NeuralCandidates) -> NeuralCandidates:
    """The candidates of another process with the same model."""
    return NeuralCandidates(neural.descriptor)


@pytest.mark.postgresql
def test_the_past_is_searched_as_it_was(workspace: Workspace, neural: NeuralCandidates) -> None:
    """A replay of an earlier tick ignores later vectors and designs, and includes designs retired since."""
    kept = register(workspace, neural, 0)
    make.register(workspace, "R1", seed=1)
    then = tick_of(workspace)
    fill(workspace, neural)
    register(workspace, neural, 2)
    retire(workspace, "R0")
    with workspace.database.reading() as session:
        assert made_anew(session, neural, then).ids.tolist() == [kept]


def test_a_transaction_sees_the_registry_before_its_own_tick(
    workspace: Workspace, neural: NeuralCandidates
) -> None:
    """A transaction that advanced the clock asks for the last committed tick.

    The shared index takes over no uncommitted row.
    """
    first = register(workspace, neural, 0)
    before = tick_of(workspace)
    with suppress(Unavailable), workspace.database.writing() as session:
        owner = organisations.ensure_brand(session, "acme", make.NOW)
        registration = Registration(session, workspace.comparer(), workspace.store, make.NOW)
        view = read_view(make.picture_bytes(1), workspace.limits)
        done = registration.register(owner, NewDesign("R1", ""), [view])
        row = session.scalars(select(View).where(View.design_id == done.design.id)).one()
        vector = vector_of(neural, make.picture_bytes(1))
        neural.remember(session, row, vector)
        assert neural.candidates(session, vector, 10, before) == [first]
        raise Unavailable
    assert found(workspace, neural, 1) == [first]
    assert len(rows(workspace)) == 1


def test_vectors_of_another_model_are_never_compared(
    workspace: Workspace, with_model: Settings, neural: NeuralCandidates, tmp_path: Path
) -> None:
    """With other weights or another normalisation the index is empty.

    Filling stores new vectors beside the old.
    """
    number = register(workspace, neural, 0)
    weights = tiny_models.save(tmp_path / "other.onnx", weights=-tiny_models.WEIGHTS)
    changes: list[dict[str, Any]] = [{"neural_std": "1,1,0.5"}, {"neural_model": weights}]
    for count, change in enumerate(changes, 2):
        other = opened(with_model.model_copy(update=change))
        assert found(workspace, other, 0) == []
        with workspace.database.reading() as session:
            assert [view.number for view in missing(session, other.descriptor.name, 5)] == [number]
        assert fill(workspace, other) == 1
        assert found(workspace, other, 0) == [number]
        assert len(rows(workspace)) == count
    assert found(workspace, neural, 0) == [number]


@pytest.mark.postgresql
def test_two_may_fill_at_once(
    workspace: Workspace, neural: NeuralCandidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two fills at once store each vector once, and their counts add up."""
    monkeypatch.setattr(embeddings, "CHUNK", 2)
    for seed in range(6):
        make.register(workspace, f"R{seed}", seed=seed)
    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(lambda _: fill(workspace, neural), range(2)))
    assert sum(counts) == len(rows(workspace)) == 6


@pytest.mark.parametrize("damage", ["gone", "altered"])
def test_a_picture_that_is_lost_stops_no_other(
    workspace: Workspace,
    neural: NeuralCandidates,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    damage: str,
) -> None:
    """A lost picture is logged and all others are filled. When the file is back, its vector is filled too."""
    monkeypatch.setattr(embeddings, "CHUNK", 2)
    for seed in SEEDS:
        make.register(workspace, f"R{seed}", seed=seed)
    lost = sha256_of(workspace, "R1")
    path = next(path for path in workspace.store.folder.rglob("*") if path.name == lost)
    path.unlink() if damage == "gone" else path.write_bytes(make.picture_bytes(9))
    assert fill(workspace, neural) == 3
    assert lost in caplog.text
    path.write_bytes(make.picture_bytes(1))
    assert fill(workspace, neural) == 1


def test_a_fill_that_breaks_off_keeps_what_it_had(
    workspace: Workspace, neural: NeuralCandidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database failure loses one chunk, and the next fill continues there."""
    monkeypatch.setattr(embeddings, "CHUNK", 2)
    for seed in SEEDS:
        make.register(workspace, f"R{seed}", seed=seed)
    store, calls = embeddings._store_missing, iter(range(9))

    def fail_second(*arguments: Any) -> int:
        if next(calls) == 1:
            raise Unavailable
        return store(*arguments)

    with monkeypatch.context() as broken:
        broken.setattr(embeddings, "_store_missing", fail_second)
        with pytest.raises(Unavailable):
            fill(workspace, neural)
    assert len(rows(workspace)) == 2
    assert fill(workspace, neural) == 2


def sha256_of(workspace: Workspace, reference: str) -> str:
    """The SHA-256 of the picture of a design of acme."""
    with workspace.database.reading() as session:
        return designs.find_design(session, "acme", reference).views[0].picture_sha256


def test_a_refresh_that_breaks_off_costs_that_check_only(
    workspace: Workspace, neural: NeuralCandidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index stays unchanged and takes the change over at the next check."""
    first = register(workspace, neural, 0)
    assert found(workspace, neural, 0) == [first]
    retire(workspace, "R0")
    second = register(workspace, neural, 1)

    def fail(*_: object) -> None:
        raise Unavailable

    with monkeypatch.context() as broken:
        broken.setattr(embeddings, "grow_index", fail)
        with pytest.raises(Unavailable):
            found(workspace, neural, 1)
    assert len(neural) == 1
    assert found(workspace, neural, 1) == [second]


def without_extra(environment: dict[str, str], *words: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run `authcheck ...` in a process where neither onnxruntime nor onnx can be imported."""
    command = [sys.executable, "-c", WITHOUT_EXTRA, *map(str, words)]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own


@pytest.mark.slow
def test_the_default_installation_needs_none(environment: dict[str, str], tmp_path: Path) -> None:
    """Registering and checking work where onnxruntime cannot be imported."""
    (tmp_path / "design.png").write_bytes(make.picture_bytes(0))
    imported = without_extra(environment, "designs", "import", tmp_path / "design.png", "--org", "acme")
    assert imported.returncode == 0, imported.stderr
    checked = without_extra(environment, "check", tmp_path / "design.png", "--json")
    assert (checked.returncode, '"verdict": "match"' in checked.stdout) == (1, True), checked.stderr


@pytest.mark.slow
def test_onnxruntime_is_not_loaded_unless_a_model_is_set() -> None:
    """Without a model, onnxruntime costs no memory and no start-up time."""
    program = "import sys, authcheck.workspace, api.app; raise SystemExit('onnxruntime' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert done.returncode == 0, done.stderr
