"""Flow: an old backup is restored, and members go on. Every act is refused, and no act leaves a row."""

from dataclasses import replace

import certificates_made as made
import pytest
import sqlalchemy as sa
from ledger_acts import ACTS, Scene, build
from ledger_attacks import all_rows, back_up, forge, put_back, restore, sign

from authcheck.errors import AuthcheckError, NotTrue, Unavailable
from authcheck.ledger.heads import HeadFile
from authcheck.storage.database import Database
from authcheck.workspace import Workspace


@pytest.fixture
def scene(workspace: Workspace) -> Scene:
    """A ledger whose database somebody has rolled back behind the newest signed checkpoint."""
    return roll_back(build(workspace))


def roll_back(scene: Scene) -> Scene:
    """Sign two entries more, and restore the backup from before."""
    sign(scene.work)
    kept = back_up(scene.work.database)
    forge(scene.work, 1, 2)
    sign(scene.work)
    restore(scene.work.database, kept)
    return scene


@pytest.mark.slow
def test_an_act_after_a_rollback_is_refused_and_leaves_nothing(scene: Scene) -> None:
    """What `ledger.rolled_back` refuses is not in the database, neither its rows nor an entry."""
    before = all_rows(scene.work)
    for name, act in ACTS.items():
        with pytest.raises(Unavailable) as refused:
            act(scene)
        assert refused.value.code == "ledger.rolled_back", name
        assert all_rows(scene.work) == before, name


@pytest.mark.postgresql
@pytest.mark.slow
def test_each_act_appends_to_a_sound_ledger(workspace: Workspace) -> None:
    """The same acts are recorded where nothing was rolled back: the test above refuses nothing else."""
    scene = build(workspace)
    sign(workspace)
    before, rows = back_up(workspace.database), all_rows(workspace)
    for name, act in ACTS.items():
        act(scene)
        assert back_up(workspace.database) != before, name
        put_back(workspace, rows)


@pytest.mark.postgresql
def test_an_act_on_a_fork_is_refused_and_leaves_nothing(scene: Scene) -> None:
    """A rolled-back ledger that was made longer again takes no order either."""
    forge(scene.work, 3, 4, 5)
    before = all_rows(scene.work)
    with pytest.raises(NotTrue) as refused:
        scene.acme.issue("r2")
    assert refused.value.code == "ledger.forked"
    assert all_rows(scene.work) == before


@pytest.mark.postgresql
def test_units_that_wait_for_a_signature_are_refused_too(scene: Scene) -> None:
    """An order of a brand that keeps its key appends nothing yet, but its units have codes to print."""
    keeper = replace(scene.acme, handle="keeper", design=scene.keeper_design)
    before = all_rows(scene.work)
    with pytest.raises(Unavailable) as refused:
        keeper.issue("r2")
    assert refused.value.code == "ledger.rolled_back"
    assert all_rows(scene.work) == before


@pytest.mark.postgresql
def test_a_ledger_shortened_without_its_checkpoints_is_refused(workspace: Workspace) -> None:
    """The database's own newest checkpoint counts too, where the head file is gone."""
    acme = made.brand(workspace)
    size = sign(workspace).size
    (workspace.settings.keys_dir / "ledger-head").unlink()
    with Database(workspace.database.engine).writing() as session:
        session.execute(sa.text("UPDATE ledger_head SET size = :size"), {"size": size - 1})
    with pytest.raises(AuthcheckError) as refused:
        acme.issue()
    assert refused.value.code == "ledger.rolled_back"


@pytest.mark.postgresql
def test_the_heads_are_looked_at_once_a_transaction(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order appends several times. The head file is read once for all of them."""
    acme = made.brand(workspace)
    reads = []
    read = HeadFile.read
    monkeypatch.setattr(HeadFile, "read", lambda self: reads.append(self.path) or read(self))
    acme.issue()
    assert len(reads) == 1
