"""Commands of certificates: issue, look through, revoke, and sign where a brand keeps its key."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from authcheck.certificates import batches, brand_signatures, issuing, revoking
from authcheck.certificates.batches import Filter, Selection
from authcheck.certificates.meters import meters_of
from authcheck.certificates.orders import Order
from authcheck.certificates.signature_files import (
    read_signatures,
    read_waiting,
    signatures_json,
    summarise,
    waiting_json,
    write_text,
)
from authcheck.certificates.signing_keys import open_vault
from authcheck.certificates.unit_csv import units_csv
from authcheck.errors import NotFound, Rejected
from authcheck.files.picture_files import read_file
from authcheck.ids import new_id
from authcheck.ledger import publishing
from authcheck.members import organisations
from authcheck.registry import designs
from authcheck.registry.tables import Design
from authcheck.storage.opening import open_storage, utc_now
from authcheck.terminal.output import certificates, console
from authcheck.terminal.output.console import Json
from authcheck.vault import load_key

MOST_SERIAL_BYTES = 1024 * 1024

certificates_app = typer.Typer(no_args_is_help=True, help="Certificates of single units.")
Org = Annotated[str, typer.Option("--org", help="Handle of the brand.")]
Out = Annotated[Path | None, typer.Option(help="File to write; standard output without it.")]


@certificates_app.command("issue")
def issue_certificates(
    organisation: Org,
    *,
    design: Annotated[str, typer.Option(help="A design's id, or your reference of it.")],
    gtin: Annotated[str, typer.Option(help="8, 12, 13 or 14 digits.")],
    lot: Annotated[str, typer.Option(help="1 to 20 letters, digits or GS1's other signs.")],
    product: Annotated[str, typer.Option(help="What buyers are told it is.")],
    count: Annotated[int, typer.Option(help="Number of units; serial numbers are drawn.")] = 0,
    serials: Annotated[Path | None, typer.Option(help="File of your own serial numbers, one a line.")] = None,
    request: Annotated[str | None, typer.Option(help="Idempotency key: safe to repeat.")] = None,
    pins: Annotated[bool, typer.Option("--pins", help="Make a PIN for each scratch-off panel.")] = False,
    licence: Annotated[
        str | None, typer.Option(help="A licensee's licence; else one that covers it.")
    ] = None,
    json: Json = False,
) -> None:
    """Issue certificates for at most 10,000 units, and print the batch's id."""
    now = utc_now()
    with open_storage() as storage:
        vault = open_vault(storage.settings)
        with storage.database.writing() as session:
            brand = organisations.get_organisation(session, organisation)
            order = Order(
                design_id=_design(session, organisation, design).id,
                gtin=gtin,
                lot=lot,
                product=product,
                request_key=request or new_id("req", now),
                count=count,
                serials=_lines(serials),
                pins=pins,
                licence_id=licence,
            )
            batch = issuing.issue(session, vault, storage.settings, brand, order, now)
            states = batches.count_states(session, [batch])[batch.id]
            meters = meters_of(session, storage.settings, [batch])
        publishing.publish(storage.database, storage.settings)
    certificates.show_issued(batch, states, meters.get(batch.licence_id or ""), json=json)


def _design(session: Session, organisation: str, design: str) -> Design:
    try:
        return designs.get_design(session, design)
    except NotFound:
        return designs.find_design(session, organisation, design)


def _lines(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    try:
        text = read_file(path, MOST_SERIAL_BYTES).decode()
    except UnicodeDecodeError as error:
        raise Rejected("The file is not UTF-8.", code="file.unreadable", path=str(path)) from error
    return tuple(line.strip() for line in text.splitlines() if line.strip())


@certificates_app.command("batches")
def list_batches(organisation: Org, *, json: Json = False) -> None:
    """List a brand's batches, oldest first."""
    with open_storage() as storage, storage.database.reading() as session:
        brand = organisations.get_organisation(session, organisation)
        certificates.show_batches(session, batches.all_batches(session, brand.id), json=json)


@certificates_app.command("list")
def list_certificates(
    organisation: Org,
    *,
    batch: Annotated[str | None, typer.Option(help="Only this batch's.")] = None,
    design: Annotated[str | None, typer.Option(help="Only this design's, by id or reference.")] = None,
    gtin: Annotated[str | None, typer.Option(help="Only of this GTIN.")] = None,
    lot: Annotated[str | None, typer.Option(help="Only of this lot.")] = None,
    state: Annotated[str | None, typer.Option(help="unsigned, active or revoked.")] = None,
    json: Json = False,
) -> None:
    """List a brand's certificates, as they were issued."""
    with open_storage() as storage, storage.database.reading() as session:
        brand = organisations.get_organisation(session, organisation)
        design_id = _design(session, organisation, design).id if design else None
        which = Filter(batch_id=batch, design_id=design_id, gtin=gtin, lot=lot, state=state)
        pages = batches.pages_of(session, brand.id, which)
        certificates.show_certificates(session, pages, json=json)


@certificates_app.command("show")
def show_certificate(
    certificate: Annotated[str, typer.Argument(metavar="CODE", help="A label's code, or an id.")],
    organisation: Org,
    *,
    json: Json = False,
) -> None:
    """Show one of a brand's certificates, and what was signed."""
    with open_storage() as storage, storage.database.reading() as session:
        brand = organisations.get_organisation(session, organisation)
        found = batches.get_certificate(session, certificate, brand.id)
        tx_id = batches.transaction_ids(session, [found]).get(found.id)
    certificates.show_certificate(found, tx_id, json=json)


@certificates_app.command("revoke")
def revoke_certificates(
    named: Annotated[
        list[str] | None, typer.Argument(metavar="[CODE]...", help="Codes or ids, unless --batch is given.")
    ] = None,
    *,
    organisation: Org,
    reason: Annotated[str, typer.Option(help=f"One of {', '.join(revoking.REASONS)}.")],
    batch: Annotated[str | None, typer.Option(help="A whole batch, or a range of it.")] = None,
    first: Annotated[int, typer.Option(help="First unit of the range, from 1.")] = 1,
    last: Annotated[int | None, typer.Option(help="Last unit of the range.")] = None,
) -> None:
    """Revoke certificates for good: some, a batch, or a range of it."""
    selection = Selection(certificates=tuple(named or ()), batch_id=batch, first=first, last=last)
    with open_storage() as storage:
        vault = open_vault(storage.settings)
        with storage.database.writing() as session:
            brand = organisations.get_organisation(session, organisation)
            done = revoking.revoke(
                session, vault, storage.settings, brand, selection, reason=reason, now=utc_now()
            )
        publishing.publish(storage.database, storage.settings)
    console.say(f"{done.now} certificates were revoked; {done.before} had been before.")


@certificates_app.command("export")
def export_units(
    batch: Annotated[str, typer.Argument(metavar="BATCH", help="As issue printed it.")], *, out: Out = None
) -> None:
    """Write the units of a batch as CSV, a row each."""
    with open_storage() as storage, storage.database.reading() as session:
        _write(units_csv(session, batches.get_batch(session, batch)), out)


@certificates_app.command("waiting")
def show_waiting(organisation: Org, *, out: Out = None) -> None:
    """Write what waits for the signature of a brand that keeps its key."""
    with open_storage() as storage, storage.database.reading() as session:
        brand = organisations.get_organisation(session, organisation)
        found = brand_signatures.find_waiting(session, storage.settings, brand, utc_now())
    _write(waiting_json(found), out)
    console.say(f"{len(found.payloads)} statements wait for {found.kid}.")


@certificates_app.command("sign")
def sign_waiting(
    waiting: Annotated[Path, typer.Argument(metavar="FILE", help="What waits.")],
    *,
    key: Annotated[str, typer.Option(help="Your key: file:PATH or env:NAME.")],
    out: Out = None,
) -> None:
    """Sign what waits, on a machine that needs no database and no network; it says what is signed."""
    found = read_waiting(waiting)
    for what, count in summarise(found).items():
        console.say(f"{count} x {what}")
    _write(signatures_json(brand_signatures.sign(found, load_key(key, Path(key)))), out)


@certificates_app.command("submit")
def submit_signatures(
    signatures: Annotated[Path, typer.Argument(metavar="FILE", help="What sign wrote.")], organisation: Org
) -> None:
    """Put signatures in force: their certificates become active."""
    given = read_signatures(signatures)
    with open_storage() as storage:
        with storage.database.writing() as session:
            brand = organisations.get_organisation(session, organisation)
            signed = brand_signatures.accept(session, storage.settings, brand, given, utc_now())
        publishing.publish(storage.database, storage.settings)
    console.say(f"{signed} certificates became active.")


def _write(text: str, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(text)
    else:
        write_text(out, text)
