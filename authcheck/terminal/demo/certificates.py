"""The second half of the demo: certificates of sample products in four stories, and a tampered database."""

import csv
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
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
from authcheck.certificates.publications import trust_of
from authcheck.certificates.signing_keys import active_keys, create_key, open_vault
from authcheck.certificates.statements import Signer
from authcheck.certificates.tables import Batch, Certificate
from authcheck.errors import Rejected
from authcheck.ids import add_check, show_code
from authcheck.ledger.publishing import ledger_signer, publish
from authcheck.lookups import lookup
from authcheck.members.organisations import get_organisation
from authcheck.proofs import bundle
from authcheck.proofs.bundle import Bundle, State
from authcheck.proofs.trust import decode_base64url
from authcheck.registry.designs import find_design
from authcheck.scans.places import Place
from authcheck.scans.recording import NewScan, record
from authcheck.scans.tables import ScanSession
from authcheck.storage.opening import utc_now
from authcheck.terminal.output import console
from authcheck.workspace import Workspace

OUTCOMES = {"good": "good", "revoked": "revoked", "forged": "not_true", "copied": "careful"}
HEADINGS = ("code", "story", "outcome", "why")
WHY = {
    "good": "signed, in the ledger, not revoked",
    "revoked": "revoked by the brand",
    "forged": "signed by another key than the brand's",
    "copied": "scanned by turns in two countries",
}
FOLDER = "demo-certificates"
INVENTED = "F0RGEDC0DE00"  # and its check character: a code that nobody has issued
COUNTRIES = "CUCUC"
BUNDLE, TRUST = "bundle-1.json", "trust-1.json"


@dataclass(frozen=True, slots=True)
class SampleProduct:
    """A sample product: its owner, its design, and the story of its first unit (a key of OUTCOMES)."""

    owner: str
    design: str
    gtin: str
    lot: str
    product: str
    units: str
    story: str


@dataclass(frozen=True, slots=True)
class CheckedUnit:
    """A unit of a sample product and the outcome of its certificate's look-up."""

    product: SampleProduct
    code: str
    outcome: str

    @property
    def is_right(self) -> bool:
        """Return whether the outcome is the expected outcome of the story."""
        return self.outcome == OUTCOMES[self.product.story]


def play_stories(work: Workspace, fixtures: Path) -> list[CheckedUnit]:
    """Issue the certificates of the sample products, and check and forge them.

    Raises Rejected (`demo.fixtures`) without sample products.
    """
    with console.progress(on_terminal_only=False) as progress:
        products = read_products(fixtures)
        tracked = progress.track(products, total=len(products), description="Issuing certificates")
        return [_play_story(work, product) for product in tracked]


def compare(work: Workspace, units: Sequence[CheckedUnit]) -> int:
    """Print the outcomes, verify a proof, and tamper. Return the number of wrong outcomes.

    It runs when all ledger entries of the demo are written, so that the proof is the same in each run.
    """
    table = console.table(*HEADINGS, whole=HEADINGS[:3])
    for unit in units:
        story = unit.product.story
        explanation = Text("" if unit.is_right else f"expected {OUTCOMES[story]}. ", style="bold red")
        explanation.append(WHY[story], style="")
        outcome = console.styled(unit.outcome)
        table.add_row(show_code(unit.code), story, outcome, explanation)
    console.out().print(table)
    folder = _write_proof(work, units[0].code)
    is_caught = _tamper_and_audit(work, units[0].code)
    right_count = sum(unit.is_right for unit in units)
    wrong_count = len(units) - right_count + (not is_caught)
    console.say(
        f"{right_count} of {len(units)} outcomes are as expected. The proof is in {folder}.",
        style="bold red" if wrong_count else "bold green",
    )
    return wrong_count


def links(work: Workspace, fixtures: Path, here: str) -> list[str]:
    """Return one line per sample product: its story and the page of its first unit at the address `here`."""
    lines = []
    with work.database.reading() as session:
        for product in read_products(fixtures):
            code = _first_unit(session, _request_key(product)).code
            if product.story == "forged":  # a label that somebody has printed with an invented code
                code = add_check(INVENTED)
            lines.append(f"{product.story:<12}{here}/c/{code}")
    return lines


def codes_by_gtin(work: Workspace, fixtures: Path) -> dict[str, str]:
    """Return the code of the first unit of each sample product, by the product's GTIN."""
    with work.database.reading() as session:
        return {
            product.gtin: _first_unit(session, _request_key(product)).code
            for product in read_products(fixtures)
        }


def read_products(fixtures: Path) -> list[SampleProduct]:
    """Return the sample products. Raises Rejected (`demo.fixtures`)."""
    table = fixtures / "products.csv"
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = [
                SampleProduct(*(row[name] for name in SampleProduct.__slots__))
                for row in csv.DictReader(file)
            ]
    except (OSError, KeyError) as error:
        raise Rejected(
            f"We cannot read {table}. It needs rows with {', '.join(SampleProduct.__slots__)}.",
            code="demo.fixtures",
        ) from error
    if not rows or any(row.story not in OUTCOMES or not row.units.isdecimal() for row in rows):
        raise Rejected(
            f"{table} needs rows with a number of units and a story: {', '.join(OUTCOMES)}.",
            code="demo.fixtures",
        )
    return rows


def _play_story(work: Workspace, product: SampleProduct) -> CheckedUnit:
    """Issue the certificates of a product once, and look up the first unit as the story needs."""
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
        return CheckedUnit(product, first.code, _verify_forgery(work, first.code))
    if product.story == "copied":
        _scan_copies(work, first)
    look_up = lookup.look_up(work.database, work.settings, first.code, now)
    outcome = "careful" if look_up.cautions else look_up.outcome
    return CheckedUnit(product, first.code, outcome)


def _scan_copies(work: Workspace, unit: Certificate) -> None:
    """Let five strangers in two countries scan the label by turns, a second apart, once."""
    now = utc_now()
    places = {"C": Place("CN"), "U": Place("US")}
    scans = [
        NewScan(
            certificate_id=unit.id,
            visit=f"demo-{number}",
            visitor=f"demo-{number}",
            network=f"demo-{number}",
            place=places[country],
            way="camera",
            advice="verified",
            at=now + timedelta(seconds=number),
        )
        for number, country in enumerate(COUNTRIES)
    ]
    with work.database.writing() as session:
        if session.scalar(select(ScanSession.id).where(ScanSession.certificate_id == unit.id)) is None:
            record(session, scans, work.clone_limits)


def _request_key(product: SampleProduct) -> str:
    return f"demo-{product.owner}-{product.gtin}-{product.lot}"


def _first_unit(session: Session, request_key: str) -> Certificate:
    batch_query = select(Certificate).join(Certificate.batch).where(Batch.request_key == request_key)
    return session.scalars(batch_query.order_by(Certificate.number_in_batch).limit(1)).one()


def _verify_forgery(work: Workspace, code: str) -> str:
    """Forge a certificate and return the outcome of its verification.

    The forger signs the same payload under the brand's key name with another key, and keeps the genuine
    proof.
    """
    genuine = _get_bundle(work, code)
    head, payload, _ = genuine.certificate.jws.split(".")
    kid = json.loads(decode_base64url(head))["kid"]
    jws = Signer(kid, Ed25519PrivateKey.generate()).sign(decode_base64url(payload))
    forged = replace(genuine, certificate=replace(genuine.certificate, jws=jws))
    with work.database.reading() as session:
        trust = trust_of(session, work.settings, utc_now())
    return bundle.verify(forged, trust, utc_now()).outcome


def _get_bundle(work: Workspace, code: str) -> Bundle:
    proof = lookup.look_up(work.database, work.settings, code, utc_now()).bundle
    if proof is None:
        raise Rejected("The sample certificate is not signed yet.", code="demo.fixtures")
    return proof


def _write_proof(work: Workspace, code: str) -> Path:
    """Write and verify the bundle and the trust file as a buyer keeps them. Return their folder."""
    folder = work.settings.data_dir / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    proof, now = _get_bundle(work, code), utc_now()
    with work.database.reading() as session:
        trust = trust_of(session, work.settings, now)
    (folder / BUNDLE).write_text(json.dumps(proof.to_json(), indent=1), encoding="utf-8")
    (folder / TRUST).write_text(json.dumps(trust.to_json(), indent=1), encoding="utf-8")
    report = bundle.verify(proof, trust, now)
    held = sum(step.state is not State.FALSE for step in report.steps)
    console.out().print(
        Text.assemble(
            f"The proof of {show_code(code)}, verified offline: ", console.styled(report.outcome),
            f", {held} of {len(report.steps)} steps. Once more:",
        )
    )  # fmt: skip
    console.out().print(
        f"  authcheck verify-bundle {folder / BUNDLE} --trust {folder / TRUST}", soft_wrap=True
    )
    return folder


def _tamper_and_audit(work: Workspace, code: str) -> bool:
    """Change a certificate in SQL, run the audit, and undo the change.

    Return whether the audit named the row.
    """
    publish(work.database, work.settings)
    public_key = ledger_signer(work.settings, work.settings.ledger_origin).verifier.public_key
    with work.database.writing() as session:
        session.execute(sa.update(Certificate).where(Certificate.code == code).values(lot="FORGED"))
        findings = "; ".join(f"{finding.what} {finding.problem}" for finding in audit(session, public_key))
        session.rollback()
    intro = "We changed a lot number in the database and undid it. The audit said:\n  "
    console.out().print(Text.assemble(intro, (console.plain(findings) or "nothing", "bold")), soft_wrap=True)
    return bool(findings)
