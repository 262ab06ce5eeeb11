"""Every kind of act that appends to the ledger, for tests that try what each of them does in trouble."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import agents_made
import cases_made
import certificates_made as made
import licensees_made as licensees
import make
from ledger_made import key_of
from sqlalchemy.orm import Session

from authcheck.cases import decisions, leases
from authcheck.cases.rulings import Ruling
from authcheck.cases.settling import settle
from authcheck.certificates import brand_signatures, revoking, signing_keys, status_lists
from authcheck.certificates.batches import Selection
from authcheck.certificates.brand_signatures import Signatures, find_waiting
from authcheck.ledger import addresses
from authcheck.licences import agreements, appointing
from authcheck.licences.terms import Terms
from authcheck.members import appointments, organisations
from authcheck.members.tables import Organisation
from authcheck.registry import designs, disputes, rulings, statements
from authcheck.registry.masking import change_mask
from authcheck.registry.reading import read_view
from authcheck.registry.registration import NewDesign, Registration
from authcheck.registry.tables import Design
from authcheck.workspace import Workspace

NOW = make.NOW
OWN = key_of(7)


@dataclass(frozen=True)
class Scene:
    """A brand, a brand that keeps its own key, and a licensee. They act at `now`."""

    work: Workspace
    acme: made.Brand
    signatures: Signatures
    licence: str
    offer: str
    appointment: str
    keeper_design: Design
    now: datetime = make.NOW

    def organisation(self, session: Session, handle: str = "acme") -> Organisation:
        """Return a member."""
        return organisations.get_organisation(session, handle)

    def registration(self, session: Session) -> Registration:
        """Return a registration at work."""
        return Registration(session, self.work.comparer(), self.work.store, self.now)


def build(workspace: Workspace) -> Scene:
    """Build all that members can act on: designs, keys, certificates, an unsigned batch, licences."""
    acme = made.brand(workspace)
    acme.issue()
    with workspace.database.writing() as session:
        view = read_view(make.picture_bytes(5), workspace.limits)
        scene = Scene(workspace, acme, Signatures("", NOW, {}), "", "", "", acme.design)
        scene.registration(session).add_views(designs.get_design(session, acme.design.id), [view])
    keeper = made.brand(workspace, "keeper", key=False, seed=8)
    keeper.add_key(OWN.public_key().public_bytes_raw())
    keeper.issue()
    make.register(workspace, "COPY-OF-KITE", owner="copyist", seed=0)  # disputed
    with workspace.database.reading() as session:
        keeper_row = scene.organisation(session, "keeper")
        waiting = find_waiting(session, keeper_row, NOW - timedelta(hours=2))
    licensees.licensee(workspace, acme.design)
    terms = {"designs": (acme.design.id,)}
    licence = licensees.licence(workspace, "acme", "printers", **terms)
    offer = licensees.licence(workspace, "acme", "printers", accepted=False, **terms)
    return replace(
        scene,
        signatures=brand_signatures.sign(waiting, OWN),
        licence=licence.id,
        offer=offer.id,
        appointment=agents_made.appoint(workspace).id,
        keeper_design=keeper.design,
    )


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


act("a member joins")(lambda scene, session: organisations.ensure_brand(session, "newcomer", scene.now))
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
        scene.now,
    )
)
act("a design is described anew")(
    lambda scene, session: designs.update_design(
        session, designs.get_design(session, scene.acme.design.id), title="Other", now=scene.now
    )
)
act("a design is retired")(
    lambda scene, session: designs.retire(
        session, designs.get_design(session, scene.acme.design.id), scene.now
    )
)
act("a key is rotated")(
    lambda scene, session: signing_keys.rotate(
        session, scene.organisation(session), scene.acme.vault, settings=scene.work.settings, now=scene.now
    )
)
act("a key is revoked")(
    lambda scene, session: signing_keys.revoke_key(
        session, scene.organisation(session), scene.acme.signing_keys()[0].id, scene.now
    )
)
act("a status list is signed")(
    lambda scene, session: status_lists.publish(
        session,
        scene.organisation(session),
        signing_keys.signer_for(session, scene.organisation(session), scene.acme.vault),  # type: ignore[arg-type]
        [0],
        now=scene.now,
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
        now=scene.now,
    )
)
act("signatures are sent")(
    lambda scene, session: brand_signatures.accept(
        session, scene.organisation(session, "keeper"), scene.signatures, scene.now
    )
)
act("a licence is offered")(
    lambda scene, session: agreements.offer(
        session,
        scene.organisation(session),
        scene.organisation(session, "printers"),
        Terms(starts_on=licensees.STARTS, designs=(scene.acme.design.id,)),
        scene.now,
    )
)
act("a licence is accepted")(
    lambda scene, session: agreements.accept(
        session, scene.organisation(session, "printers"), scene.offer, scene.now
    )
)
act("a licence is amended")(
    lambda scene, session: agreements.amend(
        session,
        scene.organisation(session),
        scene.licence,
        Terms(starts_on=licensees.STARTS, designs=(scene.acme.design.id,), cap=5),
        scene.now,
    )
)
act("a licence is revoked")(
    lambda scene, session: agreements.revoke(
        session, scene.organisation(session), scene.licence, "other", scene.now
    )
)
act("an agent is appointed")(
    lambda scene, session: appointing.appoint(
        session,
        scene.organisation(session),
        scene.organisation(session, "shadow"),
        scopes=["designs:read"],
        ends_on=agents_made.ENDS,
        now=scene.now,
    )
)
act("an appointment ends")(
    lambda scene, session: appointments.end(session, scene.appointment, organisation_id=None, now=scene.now)
)
ACTS["certificates are issued"] = lambda scene: scene.acme.issue("r2", now=scene.now)
ACTS["a mask is changed"] = lambda scene: change_mask(
    scene.work.database,
    scene.work.store,
    scene.work.limits,
    design_id=scene.acme.design.id,
    picture_sha256=read_view(make.picture_bytes(5), scene.work.limits).sha256,
    masking=make.mask_bytes(),
    now=scene.now,
)
act("a dispute is ruled on")(
    lambda scene, session: rulings.rule(
        session, disputes.list_disputes(session)[0].id, "earlier", reason="Was first.", now=scene.now
    )
)
act("a ruling is appealed against")(lambda scene, session: _rule(scene, session, appeals=1, rulings_made=1))
act("a ruling about an appeal takes effect")(
    lambda scene, session: _rule(scene, session, appeals=1, rulings_made=2)
)
act("the address is moved")(
    lambda scene, session: addresses.move(
        session, scene.work.settings.public_url, "https://authcheck.example", scene.now
    )
)


def _rule(scene: Scene, session: Session, *, appeals: int, rulings_made: int) -> None:
    """Rule on the only dispute, appeal against the ruling, and perhaps rule again."""
    (dispute,) = disputes.list_disputes(session)
    words = {"reason": "Was first.", "now": scene.now}
    rulings.rule(session, dispute.id, "earlier", **words)  # type: ignore[arg-type]
    for _ in range(appeals):
        said = (dispute.id, dispute.design.owner_id, "We drew it.", None)
        statements.appeal(session, *said, by="key_1", now=scene.now)
    for _ in range(rulings_made - 1):
        rulings.rule(session, dispute.id, "earlier", **words)  # type: ignore[arg-type]


def _decide(scene: Scene) -> None:
    """A case opens, a decision takes effect, and is reversed."""
    listing = cases_made.hand_in(scene.work, seed=0, later_h=(scene.now - NOW) / timedelta(hours=1))
    ruling = Ruling(code="not_infringing", reason="use.resale", restriction="none")
    who = {"organisation_id": str(listing.organisation_id), "holder": "ack_1"}
    with scene.work.database.writing() as session:
        case = leases.take_next(session, **who, now=scene.now)
        assert case is not None
        decisions.decide(session, case.id, ruling, **who, now=scene.now)
    later = scene.now + decisions.UNDO
    settle(scene.work.database, later)
    with scene.work.database.writing() as session:
        decisions.reverse(session, case.id, note="No.", **who, now=later)


ACTS["a case is decided"] = _decide
