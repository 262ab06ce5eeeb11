"""Things of acme by kind, which nobody else may learn anything about."""

import hashlib
from typing import Any

import agents_made
import licences_made
import make
import people_made
import scans_made
import shops_made
import units_made as units
from sqlalchemy import select

from authcheck.cases.notice_tables import Notice
from authcheck.cases.tables import Case, CaseDecision, PictureCluster
from authcheck.certificates import products
from authcheck.certificates.tables import Certificate, ProductPicture, SigningKey
from authcheck.files.documents import read_document
from authcheck.ids import new_id
from authcheck.licences import design_rights
from authcheck.licences.design_rights import NewRight
from authcheck.listings.tables import Listing
from authcheck.members import api_keys, domains, invitations, organisations
from authcheck.registry import reports, statements
from authcheck.registry.designs import get_design
from authcheck.registry.import_tables import Drop
from authcheck.registry.negatives import add_negative, read_negative
from authcheck.registry.tables import Dispute
from authcheck.workspace import Workspace


def ids(workspace: Workspace) -> dict[str, str]:
    """Make things of acme, and return their ids by kind."""
    design = units.brand_with_key(workspace, "acme")
    unit = units.issue(workspace, design, count=1)[0]
    licence = licences_made.licence(workspace, designs=(design,), accepted=False)
    with workspace.database.writing() as session:
        acme = organisations.get_organisation(session, "acme")
        shop = shops_made.add(
            session, acme, marketplace="m.example", shop_id="1", url="https://m.example/1", now=make.NOW
        )
        copyright_in = NewRight(kind="copyright", territories=("FR",))
        paper = read_document(make.picture_bytes(8))
        workspace.documents.put(paper.data)
        right = design_rights.add(session, get_design(session, design), copyright_in, paper, make.NOW)
        session.add(Listing(**listing(acme.id)))
        drop = Drop(
            id=new_id("drp", make.NOW), organisation_id=acme.id, dropped_by="per_1", created_at=make.NOW,
            state="open", kind="other", public_preview=False, columns={}, table_bytes=0, last_number=1,
        )  # fmt: skip
        session.add(drop)
        report = reports.keep_report(session, [], organisation_id=acme.id, dry_run=True, now=make.NOW)
        backdrop = read_negative(make.picture_bytes(77), workspace.limits)
        negative = add_negative(session, workspace.store, backdrop, owner_id=acme.id, label="", now=make.NOW)
        acme_id = acme.id
        domain = domains.add(session, acme, "acme.com", make.NOW)
        words = {"name": "", "roles": ["analyst"], "made_by": None, "now": make.NOW}
        link, _ = invitations.invite(session, acme, email="ada@acme.example", **words)  # type: ignore[arg-type]
        key, _ = api_keys.create_key(session, acme, label="", scopes=["designs:read"], now=make.NOW)
        signing_key = session.scalars(select(SigningKey).where(SigningKey.organisation_id == acme_id)).first()
    appointment = agents_made.appoint(workspace, scopes=["designs:read"])
    check = make.check(workspace, organisation_id=acme_id)
    picture = hashlib.sha256(make.picture_bytes()).hexdigest()
    person = people_made.person(workspace.database)
    make.register(workspace, "COPY", owner="initech", seed=len("acme"))
    with workspace.database.writing() as session:
        products.add_picture(session, acme_id, units.GTIN, make.picture_bytes(6), make.NOW)
        session.flush()
        product_picture = session.scalars(select(ProductPicture.id)).one()
    with workspace.database.writing() as session:
        (dispute,) = session.scalars(select(Dispute))
        statements.state(session, dispute.id, acme_id, "Ours.", paper, by="key_1", now=make.NOW)
    assert signing_key is not None
    return {
        "check": check.id, "import": report.id, "drop": drop.id, "file": "1", "negative": str(negative.number), "picture": picture,
        "number": "1", "domain": domain.id,
        "hidden": make.register(workspace, "HIDDEN", seed=5).design.id, "dispute": dispute.id, "right": right.id,
        "batch": unit.batch_id, "gtin": units.GTIN, "product_picture": product_picture, "certificate": unit.id, "design": design, "licence": licence.id,
        "listing": "lst_acme", "case": _case(workspace, acme_id, design), "shop": shop.id, "person": person.id, "invitation": link.id, "key": key.id,
        "decision": "dec_acme", "alert": alert(workspace, unit),
        "notice": notice(workspace, acme_id, design), "signing_key": signing_key.id, "appointment": appointment.id,
    }  # fmt: skip


def alert(workspace: Workspace, unit: Certificate) -> str:
    """Let a unit of acme be scanned like a copy, and return the id of the alert."""
    scans_made.copied(workspace, unit)
    return scans_made.alerts_in(workspace)[0].id


def _case(workspace: Workspace, organisation_id: str, design_id: str) -> str:
    """Store a case of acme, and return its id."""
    with workspace.database.writing() as session:
        cluster = PictureCluster(
            id=new_id("clu", make.NOW),
            design_id=design_id,
            representative_sha256="0" * 64,
            spread_bits=0,
            created_at=make.NOW,
        )
        session.add(cluster)
        session.flush()
        words = {
            "channel": "m.example",
            "seller": "s",
            "verdict": "lookalike",
            "severity": "low",
            "state": "open",
        }
        times = {"opened_at": make.NOW, "due_at": make.NOW}
        case = Case(
            id=new_id("cas", make.NOW),
            organisation_id=organisation_id,
            design_id=design_id,
            cluster_id=cluster.id,
            head="",
            salt="",
            priority={},
            rank=0.0,
            weights="",
            **words,
            **times,
        )
        session.add(case)
        session.flush()
        ruling = {"code": "wrong_match", "reason": "match.backdrop", "restriction": "none", "note": ""}
        moments = dict.fromkeys(("decided_at", "leaves_at", "effective_at"), make.NOW)
        proposal = CaseDecision(
            id="dec_acme", case_id=case.id, holder="ack_1", state_before="open", **ruling, **moments
        )
        session.add(proposal)
        return case.id


def notice(workspace: Workspace, organisation_id: str, design_id: str) -> str:
    """Store a notice about a design, and return its id."""
    with workspace.database.writing() as session:
        row = Notice(
            id=new_id("ntc", make.NOW),
            organisation_id=organisation_id,
            design_id=design_id,
            claim="counterfeit",
            statements="notice-1",
            filed_at=make.NOW,
            filed_by="key_1",
        )
        session.add(row)
        return row.id


def listing(organisation_id: str) -> dict[str, Any]:
    """Return the columns of a listing of an organisation."""
    return {
        "id": "lst_acme", "organisation_id": organisation_id, "reference": "R", "seller": "s", "channel": "m.example",
        "territory": "DE", "goods": [], "price": None, "listed_on": make.NOW.date(), "certificate_code": None,
        "handed_in_at": make.NOW, "decided_at": make.NOW, "policy": "p", "verdict": "none", "reasons": [],
        "evidence": {}, "design_id": None, "licence_id": None,
    }  # fmt: skip
