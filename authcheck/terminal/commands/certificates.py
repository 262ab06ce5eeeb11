"""Commands of certificates: issue, list, show, revoke, export, and sign with a brand's own key."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from authcheck.certificates import batches, brand_signatures, issuing, revoking
from authcheck.certificates.batches import Filter, Selection
from authcheck.certificates.meters import meters_of
from authcheck.certificates.orders import MOST_SERIAL_BYTES, SERIAL_HEADERS, Order
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
from authcheck.errors import NotFound
from authcheck.files.picture_files import read_file
from authcheck.files.value_lists import read_values
from authcheck.ids import new_id
from authcheck.ledger import publishing
from authcheck.members import organisations
from authcheck.registry import designs
from authcheck.registry.tables import Design
from authcheck.storage.opening import open_storage, utc_now
from authcheck.terminal.commands.address import Yes, confirm_address
from authcheck.terminal.output import certificates, console
from authcheck.terminal.output.console import Json, Sure
from authcheck.vault import load_key

certificates_app = typer.Typer(no_args_is_help=True, help="Certificates of single units.")
Org = Annotated[str, typer.Option("--org", help="Handle of the brand or licensee.")]
Out = Annotated[Path | None, typer.Option(help="File to write. Default: standard output.")]


@certificates_app.command("issue")
def issue_certificates(
    organisation: Org,
    *,
    design: Annotated[str, typer.Option(help="Id, or your own reference. See `licences show`.")],
    gtin: Annotated[str, typer.Option(help="8, 12, 13 or 14 digits.")],
    lot: Annotated[str, typer.Option(help="1 to 20 characters that GS1 allows.")],
    product: Annotated[str, typer.Option(help="Product name for buyers.")],
    count: Annotated[
        int, typer.Option(parser=console.read_number, help="Number of units, with random serials.")
    ] = 0,
    serials: Annotated[Path | None, typer.Option(help="Serial numbers, one per line.")] = None,
    request: Annotated[str | None, typer.Option(help="Idempotency key: safe to repeat.")] = None,
    pins: Annotated[bool, typer.Option("--pins", help="Make a PIN for each scratch-off panel.")] = False,
    licence: Annotated[str | None, typer.Option(help="Licence to use. Default: any that fits.")] = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Issue certificates for at most 10,000 units. Prints the batch's id."""
    now = utc_now()
    with open_storage() as storage:
        vault = open_vault(storage.settings)
        confirm_address(storage, yes=yes)
        with storage.database.writing() as session:
            brand = organisations.get_organisation(session, organisation)
            order = Order(
                design_id=_find_design(session, organisation, design).id,
                gtin=gtin,
                lot=lot,
                product=product,
                request_key=request or new_id("req", now),
                count=count,
                serials=_read_serials(serials),
                pins=pins,
                licence_id=licence,
            )
            batch = issuing.issue(session, vault, storage.settings, brand, order, now)
            states = batches.count_states(session, [batch])[batch.id]
            meters = meters_of(session, storage.settings, [batch])
        publishing.publish_recorded(storage.database, storage.settings)
    certificates.show_issued(batch, states, meters.get(batch.licence_id or ""), json=json)


def _find_design(session: Session, organisation: str, design: str) -> Design:
    """Return the design with this id, else the organisation's design with this reference. Raises NotFound."""
    try:
        return designs.get_design(session, design)
    except NotFound:
        return designs.find_design(session, organisation, design)


def _read_serials(path: Path | None) -> tuple[str, ...]:
    """Return the serial numbers in the file. Raises Rejected (`file.unreadable`, `table.*`, `row.*`)."""
    return () if path is None else read_values(read_file(path, MOST_SERIAL_BYTES), SERIAL_HEADERS)


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
    batch: Annotated[str | None, typer.Option(help="Only this batch.")] = None,
    design: Annotated[str | None, typer.Option(help="Only this design (id or reference).")] = None,
    gtin: Annotated[str | None, typer.Option(help="Only this GTIN.")] = None,
    lot: Annotated[str | None, typer.Option(help="Only this lot.")] = None,
    state: Annotated[str | None, typer.Option(help="unsigned, active or revoked.")] = None,
    json: Json = False,
) -> None:
    """List a brand's certificates in order of issue."""
    with open_storage() as storage, storage.database.reading() as session:
        brand = organisations.get_organisation(session, organisation)
        design_id = _find_design(session, organisation, design).id if design else None
        chosen = Filter(batch_id=batch, design_id=design_id, gtin=gtin, lot=lot, state=state)
        pages = batches.pages_of(session, brand.id, chosen)
        certificates.show_certificates(session, pages, json=json)


@certificates_app.command("show")
def show_certificate(
    certificate: Annotated[str, typer.Argument(metavar="CODE", help="A label's code or an id.")],
    organisation: Org,
    *,
    json: Json = False,
) -> None:
    """Show a brand's certificate and its signed statement."""
    with open_storage() as storage, storage.database.reading() as session:
        brand = organisations.get_organisation(session, organisation)
        row = batches.get_certificate(session, certificate, brand.id)
        tx_id = batches.transaction_ids(session, [row]).get(row.id)
    certificates.show_certificate(row, tx_id, json=json)


@certificates_app.command("revoke")
def revoke_certificates(
    codes: Annotated[
        list[str] | None, typer.Argument(metavar="[CODE]...", help="Codes, addresses or ids, unless --batch.")
    ] = None,
    *,
    organisation: Org,
    reason: Annotated[str, typer.Option(help=f"One of {', '.join(revoking.REASONS)}.")],
    batch: Annotated[str | None, typer.Option(help="Batch, whole or in part.")] = None,
    first: Annotated[
        int, typer.Option(parser=console.read_number, help="First unit of the range, from 1.")
    ] = 1,
    last: Annotated[
        int | None, typer.Option(parser=console.read_number, help="Last unit of the range.")
    ] = None,
    yes: Sure = False,
) -> None:
    """Revoke certificates, a batch or a part of it permanently."""
    revoking.checked_reason(reason)
    selection = Selection(certificates=tuple(codes or ()), batch_id=batch, first=first, last=last)
    with open_storage() as storage:
        with storage.database.reading() as session:
            brand = organisations.get_organisation(session, organisation)
            active = sum(row.state == "active" for row in selection.find(session, brand.id))
        if active:
            console.confirm(f"Revoke {console.counted(active, 'certificate')} of {brand.handle}", yes=yes)
        vault = open_vault(storage.settings)
        with storage.database.writing() as session:
            brand = organisations.get_organisation(session, organisation)
            counts = revoking.revoke(
                session, vault, storage.settings, brand, selection, reason=reason, now=utc_now()
            )
        publishing.publish_recorded(storage.database, storage.settings)
    console.say(console.revoked_text(counts.now, counts.before))


@certificates_app.command("export")
def export_units(
    batch: Annotated[str, typer.Argument(metavar="BATCH", help="Id of the batch.")], *, out: Out = None
) -> None:
    """Write a batch as CSV, one row per unit."""
    with open_storage() as storage, storage.database.reading() as session:
        _write(units_csv(session, batches.get_batch(session, batch)), out)


@certificates_app.command("waiting")
def show_waiting(organisation: Org, *, out: Out = None) -> None:
    """Write the statements that a brand must sign with its own key."""
    with open_storage() as storage, storage.database.reading() as session:
        brand = organisations.get_organisation(session, organisation)
        statements = brand_signatures.find_waiting(session, brand, utc_now())
    _write(waiting_json(statements), out)
    console.say(f"{len(statements.payloads)} statements wait for a signature by {statements.kid}.")


@certificates_app.command("sign")
def sign_waiting(
    waiting: Annotated[Path, typer.Argument(metavar="FILE", help="Statements.")],
    *,
    key: Annotated[str, typer.Option(help="Your key: file:PATH or env:NAME.")],
    out: Out = None,
) -> None:
    """Sign waiting statements and list them. Needs no database and no network."""
    statements = read_waiting(waiting)
    for description, count in summarise(statements).items():
        console.say(f"{count} x {description}")
    _write(signatures_json(brand_signatures.sign(statements, load_key(key, Path(key)))), out)


@certificates_app.command("submit")
def submit_signatures(
    signatures: Annotated[Path, typer.Argument(metavar="FILE", help="Output of sign.")], organisation: Org
) -> None:
    """Submit signatures. Their certificates become active."""
    submitted = read_signatures(signatures)
    with open_storage() as storage:
        with storage.database.writing() as session:
            brand = organisations.get_organisation(session, organisation)
            count = brand_signatures.accept(session, brand, submitted, utc_now())
        publishing.publish_recorded(storage.database, storage.settings)
    console.say(f"{count} certificates became active.")


def _write(text: str, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(text)
    else:
        write_text(out, text)
