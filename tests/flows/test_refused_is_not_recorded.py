"""Flow: an old backup is restored, and members go on. Every act is refused, and no act leaves a row."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import certificates_made as made
import licensees_made as licensees
import make
import pytest
import sqlalchemy as sa
from ledger_attacks import back_up, forge, restore, sign
from ledger_made import key_of
from sqlalchemy.orm import Session

from authcheck.certificates import brand_signatures, revoking, signing_keys, status_lists
from authcheck.certificates.batches import Selection
from authcheck.certificates.brand_signatures import Signatures, find_waiting
from authcheck.errors import AuthcheckError, NotTrue, Unavailable
from authcheck.ledger import journal
from authcheck.licences import agreements
from authcheck.licences.terms import Terms
from authcheck.members import organisations
from authcheck.members.tables import Organisation
from authcheck.registry import designs
from authcheck.registry.masking import change_mask
from authcheck.registry.registration import NewDesign, Registration, read_view
from authcheck.storage.database import Database
from authcheck.storage.entity import Entity
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

NOW = make.NOW
OWN = key_of(7)
Row = dict[str, Any]


@dataclass(frozen=True)
class Scene:
    """A brand and a licensee, whose database lacks the newest signed entries."""

    work: Workspace
    acme: made.Brand
    signatures: Signatures
    licence: str
    offer: str

    def organisation(self, session: Session, handle: str = "acme") -> Organisation:
        """Return a member."""
        return organisations.get_organisation(session, handle)

    def registration(self, session: Session) -> Registration:
        """Return a registration at work."""
        return Registration(session, self.work.finder.live, self.work.store, self.work.policy.dispute, NOW)


@pytest.fixture
def scene(workspace: Workspace) -> Scene:
    """A ledger whose database somebody has rolled back behind the newest signed checkpoint."""
    return roll_back(build(workspace))


def build(workspace: Workspace) -> Scene:
    """Build all that members can act on: designs, keys, certificates, an unsigned batch, licences."""
    acme = made.brand(workspace)
    acme.issue()
    with workspace.database.writing() as session:
        view = read_view(make.picture_bytes(5), workspace.limits)
        scene = Scene(workspace, acme, Signatures("", NOW, {}), "", "")
        scene.registration(session).add_views(designs.get_design(session, acme.design.id), [view])
    keeper = made.brand(workspace, "keeper", key=False, seed=8)
    keeper.add_key(OWN.public_key().public_bytes_raw())
    keeper.issue()
    with workspace.database.reading() as session:
        waiting = find_waiting(session, workspace.settings, scene.organisation(session, "keeper"), NOW)
    licensees.licensee(workspace, acme.design)
    terms = {"designs": (acme.design.id,)}
    licence = licensees.licence(workspace, "acme", "printers", **terms)
    offer = licensees.licence(workspace, "acme", "printers", accepted=False, **terms)
    return replace(scene, signatures=brand_signatures.sign(waiting, OWN), licence=licence.id, offer=offer.id)


def roll_back(scene: Scene) -> Scene:
    """Sign two entries more, and restore the backup from before."""
    sign(scene.work)
    kept = back_up(scene.work.database)
    forge(scene.work, 1, 2)
    sign(scene.work)
    restore(scene.work.database, kept)
    return scene


def all_rows(workspace: Workspace) -> dict[str, list[Row]]:
    """Return everything that the database holds."""
    with workspace.database.reading() as session:
        return {
            table.name: sorted((dict(row) for row in session.execute(sa.select(table)).mappings()), key=str)
            for table in Entity.metadata.sorted_tables
        }


Act = Callable[[Scene], object]
ACTS: dict[str, Act] = {}


def act(name: str) -> Callable[[Callable[[Scene, Session], object]], object]:
    """Add an act of one transaction to the list."""

    def add(function: Callable[[Scene, Session], object]) -> object:
        def run(scene: Scene) -> None:
            with scene.work.database.writing() as session:
                function(scene, session)

        ACTS[name] = run
        return function

    return add


act("a member joins")(lambda _, session: organisations.ensure_brand(session, "newcomer", NOW))
act("a design is registered")(
    lambda scene, session: scene.registration(session).register(
        scene.organisation(session),
        NewDesign("NEW", "New"),
        [read_view(make.picture_bytes(3), scene.work.limits)],
    )
)
act("a design is disputed")(
    lambda scene, session: scene.registration(session).register(
        scene.organisation(session, "keeper"),
        NewDesign("COPY", "Copy"),
        [read_view(make.picture_bytes(0), scene.work.limits)],
    )
)
act("a view is added")(
    lambda scene, session: scene.registration(session).add_views(
        designs.get_design(session, scene.acme.design.id),
        [read_view(make.picture_bytes(3), scene.work.limits)],
    )
)
act("a view is removed")(
    lambda scene, session: designs.remove_view(
        session,
        designs.get_design(session, scene.acme.design.id),
        read_view(make.picture_bytes(5), scene.work.limits).sha256,
        NOW,
    )
)
act("a design is described anew")(
    lambda scene, session: designs.update_design(
        session, designs.get_design(session, scene.acme.design.id), title="Other", now=NOW
    )
)
act("a design is retired")(
    lambda scene, session: designs.retire(session, designs.get_design(session, scene.acme.design.id), NOW)
)
act("a key is rotated")(
    lambda scene, session: signing_keys.rotate(
        session, scene.organisation(session), scene.acme.vault, settings=scene.work.settings, now=NOW
    )
)
act("a key is revoked")(
    lambda scene, session: signing_keys.revoke_key(
        session, scene.organisation(session), scene.acme.signing_keys()[0].id, NOW
    )
)
act("a status list is signed")(
    lambda scene, session: status_lists.publish(
        session,
        scene.work.settings,
        scene.organisation(session),
        signing_keys.signer_for(session, scene.organisation(session), scene.acme.vault),  # type: ignore[arg-type]
        [0],
        now=NOW,
    )
)
act("certificates are revoked")(
    lambda scene, session: revoking.revoke(
        session,
        scene.acme.vault,
        scene.work.settings,
        scene.organisation(session),
        Selection(certificates=(scene.acme.certificates()[0].id,)),
        reason="lost",
        now=NOW,
    )
)
act("signatures are sent")(
    lambda scene, session: brand_signatures.accept(
        session, scene.work.settings, scene.organisation(session, "keeper"), scene.signatures, NOW
    )
)
act("a licence is offered")(
    lambda scene, session: agreements.offer(
        session,
        scene.organisation(session),
        scene.organisation(session, "printers"),
        Terms(starts_on=licensees.STARTS, designs=(scene.acme.design.id,)),
        NOW,
    )
)
act("a licence is accepted")(
    lambda scene, session: agreements.accept(
        session, scene.organisation(session, "printers"), scene.offer, NOW
    )
)
act("a licence is amended")(
    lambda scene, session: agreements.amend(
        session,
        scene.organisation(session),
        scene.licence,
        Terms(starts_on=licensees.STARTS, designs=(scene.acme.design.id,), cap=5),
        NOW,
    )
)
act("a licence is revoked")(
    lambda scene, session: agreements.revoke(
        session, scene.organisation(session), scene.licence, "other", NOW
    )
)
ACTS["certificates are issued"] = lambda scene: scene.acme.issue("r2")
ACTS["a mask is changed"] = lambda scene: change_mask(
    scene.work.database,
    scene.work.store,
    scene.work.limits,
    design_id=scene.acme.design.id,
    picture_sha256=read_view(make.picture_bytes(5), scene.work.limits).sha256,
    masking=make.mask_bytes(),
    now=NOW,
)


@pytest.mark.slow
@pytest.mark.parametrize("name", ACTS)
def test_an_act_after_a_rollback_is_refused_and_leaves_nothing(scene: Scene, name: str) -> None:
    """What `ledger.rolled_back` refuses is not in the database, neither its rows nor an entry."""
    before = all_rows(scene.work)
    with pytest.raises(Unavailable) as refused:
        ACTS[name](scene)
    assert refused.value.code == "ledger.rolled_back"
    assert all_rows(scene.work) == before


@pytest.mark.slow
@pytest.mark.parametrize("name", ACTS)
def test_each_act_appends_to_a_sound_ledger(workspace: Workspace, name: str) -> None:
    """The same acts are recorded where nothing was rolled back: the test above refuses nothing else."""
    scene = build(workspace)
    sign(workspace)
    before = back_up(workspace.database)
    ACTS[name](scene)
    assert back_up(workspace.database) != before


def test_an_act_on_a_fork_is_refused_and_leaves_nothing(scene: Scene) -> None:
    """A rolled-back ledger that was made longer again takes no order either."""
    forge(scene.work, 3, 4, 5)
    before = all_rows(scene.work)
    with pytest.raises(NotTrue) as refused:
        scene.acme.issue("r2")
    assert refused.value.code == "ledger.forked"
    assert all_rows(scene.work) == before


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


def test_the_heads_are_looked_at_once_a_transaction(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order appends several times. The head file is read once for all of them."""
    acme = made.brand(workspace)
    reads = []
    read = journal.admit.__globals__["HeadFile"].read
    monkeypatch.setattr(
        "authcheck.ledger.heads.HeadFile.read", lambda self: reads.append(self.path) or read(self)
    )
    acme.issue()
    assert len(reads) == 1
