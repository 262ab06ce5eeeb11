"""The second half of the demo: certificates for sample products, four stories about them, and a forger in the database."""

import csv
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.text import Text
from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.audit.log import audit
from authcheck.certificates import issuing, revoking
from authcheck.certificates.batches import Selection
from authcheck.certificates.orders import Order
from authcheck.certificates.publications import log_verifier, trust_of
from authcheck.certificates.signing_keys import active_keys, create_key, open_vault
from authcheck.certificates.statements import Signer
from authcheck.certificates.tables import Batch, Certificate
from authcheck.errors import Rejected
from authcheck.ids import show_code
from authcheck.ledger.publishing import publish
from authcheck.lookups import lookup
from authcheck.members.organisations import get_organisation
from authcheck.proofs import bundle
from authcheck.proofs.bundle import Bundle
from authcheck.proofs.trust import decode_base64url
from authcheck.registry.designs import find_design
from authcheck.storage.opening import utc_now
from authcheck.terminal.output import console
from authcheck.workspace import Workspace

OUTCOMES = {"good": "good", "revoked": "revoked", "forged": "not_true", "copied": "good"}
HEADINGS = ("product", "code", "story", "outcome", "why")
WHY = {
    "good": "signed, in the ledger, not revoked",
    "revoked": "its brand revoked it",
    "forged": "signed by a key that is not the brand's",
    "copied": "a photocopy says what its label says: scans will tell (not there yet)",
}
FOLDER = "demo-certificates"
BUNDLE, TRUST = "bundle-1.json", "trust-1.json"


@dataclass(frozen=True, slots=True)
class Product:
    """A sample product: whose, which design, and which story its first unit tells (a key of OUTCOMES)."""

    owner: str
    design: str
    gtin: str
    lot: str
    product: str
    units: str
    story: str


@dataclass(frozen=True, slots=True)
class Told:
    """A unit and what checking its certificate said."""

    product: Product
    code: str
    outcome: str

    @property
    def is_right(self) -> bool:
        """Whether the known outcome came out."""
        return self.outcome == OUTCOMES[self.product.story]


def run(work: Workspace, fixtures: Path) -> int:
    """Issue, check, forge and tamper; the number of known outcomes that did not come out.

    Raises Rejected (`demo.fixtures`) without sample products.
    """
    with console.progress(on_terminal_only=False) as progress:
        products = read_products(fixtures)
        tracked = progress.track(products, total=len(products), description="Issuing certificates")
        told = [_tell(work, product) for product in tracked]
    shown = console.table(*HEADINGS, whole=HEADINGS[:2])
    for one in told:
        words = Text("" if one.is_right else f"expected {OUTCOMES[one.product.story]}. ", style="bold red")
        words.append(WHY[one.product.story], style="")
        outcome = console.styled(one.outcome)
        shown.add_row(Text(one.product.product), show_code(one.code), one.product.story, outcome, words)
    console.out().print(shown)
    folder = _write_proof(work, told[0].code)
    caught = _tampered(work, told[0].code)
    wrong = sum(not one.is_right for one in told) + (not caught)
    console.say(
        f"{len(told) - sum(not one.is_right for one in told)} of {len(told)} known outcomes came out; the proof lies in {folder}.",
        style="bold red" if wrong else "bold green",
    )
    return wrong


def links(work: Workspace, fixtures: Path, here: str) -> list[str]:
    """A line to open for each sample product's first unit."""
    lines = []
    with work.database.reading() as session:
        for product in read_products(fixtures):
            code = _first_unit(session, _request_key(product)).code
            note = "  (the genuine one, which is good)" if product.story == "forged" else ""
            lines.append(f"{product.story:<12}{here}/c/{code}{note}")
    return lines


def read_products(fixtures: Path) -> list[Product]:
    """The sample products. Raises Rejected (`demo.fixtures`)."""
    table = fixtures / "products.csv"
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = [Product(*(row[name] for name in Product.__slots__)) for row in csv.DictReader(file)]
    except (OSError, KeyError) as error:
        raise Rejected(
            f"{table} needs rows with {', '.join(Product.__slots__)}.", code="demo.fixtures"
        ) from error
    if not rows or any(row.story not in OUTCOMES or not row.units.isdecimal() for row in rows):
        raise Rejected(f"{table} needs rows with units and a story.", code="demo.fixtures")
    return rows


def _tell(work: Workspace, product: Product) -> Told:
    """Issue a product's certificates, unless an earlier run did, and check the first unit's as its story goes."""
    vault, now = open_vault(work.settings), utc_now()
    with work.database.writing() as session:
        owner = get_organisation(session, product.owner)
        if not active_keys(session, owner):
            create_key(session, owner, vault, public_key=None, settings=work.settings, now=now)
        design = find_design(session, product.owner, product.design)
        order = Order(
            design_id=design.id,
            gtin=product.gtin,
            lot=product.lot,
            product=product.product,
            request_key=_request_key(product),
            count=int(product.units),
        )
        issuing.issue(session, vault, work.settings, owner, order, now)
    with work.database.writing() as session:
        first = _first_unit(session, order.request_key)
        if product.story == "revoked" and first.state == "active":
            owner = get_organisation(session, product.owner)
            revoking.revoke(
                session, vault, work.settings, owner, Selection((first.code,)), reason="recalled", now=now
            )
    if product.story == "forged":
        return Told(product, first.code, _outcome_of_forgery(work, first.code))
    return Told(product, first.code, lookup.look_up(work.database, work.settings, first.code, now).outcome)


def _request_key(product: Product) -> str:
    return f"demo-{product.owner}-{product.gtin}-{product.lot}"


def _first_unit(session: Session, request_key: str) -> Certificate:
    of_batch = select(Certificate).join(Certificate.batch).where(Batch.request_key == request_key)
    return session.scalars(of_batch.order_by(Certificate.number_in_batch).limit(1)).one()


def _outcome_of_forgery(work: Workspace, code: str) -> str:
    """A forger signs the same words anew, under the brand's name but by another key, and keeps the genuine proof."""
    genuine = _bundle(work, code)
    head, payload, _ = genuine.certificate.jws.split(".")
    kid = json.loads(decode_base64url(head))["kid"]
    jws = Signer(kid, Ed25519PrivateKey.generate()).sign(decode_base64url(payload))
    forged = replace(genuine, certificate=replace(genuine.certificate, jws=jws))
    with work.database.reading() as session:
        trust = trust_of(session, work.settings, utc_now())
    return bundle.verify(forged, trust, utc_now()).outcome


def _bundle(work: Workspace, code: str) -> Bundle:
    found = lookup.look_up(work.database, work.settings, code, utc_now()).bundle
    if found is None:
        raise Rejected("The sample certificate is not signed yet.", code="demo.fixtures")
    return found


def _write_proof(work: Workspace, code: str) -> Path:
    """Write bundle and trust file as a buyer would keep them, and verify them."""
    folder = work.settings.data_dir / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    kept, now = _bundle(work, code), utc_now()
    with work.database.reading() as session:
        trust = trust_of(session, work.settings, now)
    (folder / BUNDLE).write_text(json.dumps(kept.to_json(), indent=1), encoding="utf-8")
    (folder / TRUST).write_text(json.dumps(trust.to_json(), indent=1), encoding="utf-8")
    shown = console.table("step", "state", "what was seen", whole=("step", "state"))
    for step in bundle.verify(kept, trust, now).steps:
        shown.add_row(step.name, console.styled(step.state.value), Text(console.plain(step.detail)))
    console.out().print(Text(f"\nThe proof of {show_code(code)}, verified offline:", style="bold"))
    console.out().print(shown)
    console.out().print(
        f"  authcheck verify-bundle {folder / BUNDLE} --trust {folder / TRUST}\n", soft_wrap=True
    )
    return folder


def _tampered(work: Workspace, code: str) -> bool:
    """Change a certificate in SQL, let the audit look, take the change back; whether the audit named the row."""
    publish(work.database, work.settings)
    public_key = log_verifier(work.settings).public_key
    with work.database.writing() as session:
        session.execute(sa.update(Certificate).where(Certificate.code == code).values(lot="FORGED"))
        named = "; ".join(f"{one.what} {one.problem}" for one in audit(session, public_key))
        session.rollback()
    words = "A lot number changed in the database (and back again). The audit says: "
    console.out().print(Text.assemble(words, (console.plain(named) or "nothing", "bold")), soft_wrap=True)
    return bool(named)
