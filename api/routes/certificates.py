"""Endpoints with which a brand issues, lists and revokes certificates."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from authcheck.certificates import batches, issuing, revoking
from authcheck.certificates.batches import BatchFilter, Filter, Selection
from authcheck.certificates.meters import Meter, meters_of
from authcheck.certificates.orders import Order
from authcheck.certificates.signing_keys import open_vault
from authcheck.certificates.tables import Batch, Certificate
from authcheck.certificates.unit_csv import units_csv
from authcheck.errors import Rejected
from authcheck.labels.letters import missing_letters
from authcheck.ledger import publishing
from authcheck.licences.parties import own_licences
from authcheck.members.principals import Principal
from authcheck.members.reach import WHOLE
from authcheck.members.tables import Organisation
from authcheck.registry.design_names import find_id
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import CertificatesIssuer, CertificatesReader, KeyFirst, Revoker, WorkspaceDep
from ..idempotency import OnceDep
from ..paging import Direction, PagingDep
from ..wire.certificates import BatchIn, BatchOut, CertificateOut, MeterOut, RevocationIn, RevocationOut
from ..wire.forms import Page, Text

router = APIRouter(route_class=KeyFirst, prefix="/v1", tags=["certificates"])
DesignId = Annotated[Text | None, Query(max_length=200)]
Gtin = Annotated[Text | None, Query(max_length=14)]
Lot = Annotated[Text | None, Query(max_length=20)]
CSV: dict[int | str, dict[str, Any]] = {200: {"description": "The table.", "content": {"text/csv": {}}}}


@router.post("/batches", status_code=201)
def issue_batch(
    caller: CertificatesIssuer, body: BatchIn, once: OnceDep, workspace: WorkspaceDep, response: Response
) -> BatchOut:
    """Issue certificates.

    The request needs an Idempotency-Key: a repeated request always gets the same batch.
    """
    if once.key is None:
        raise Rejected(
            "Send an Idempotency-Key. It prevents that a repeated request issues certificates twice.",
            code="idempotency.missing",
        )
    vault = open_vault(workspace.settings)
    with workspace.database.writing() as session:
        order = Order(
            design_id=find_id(session, caller.organisation_id, body.design, caller.reach),
            gtin=body.gtin,
            lot=body.lot,
            product=body.product,
            request_key=once.key,
            count=body.count,
            serials=tuple(body.serials),
            pins=body.pins,
            licence_id=body.licence,
        )
        organisation = session.get_one(Organisation, caller.organisation_id)
        batch = issuing.issue(session, vault, workspace.settings, organisation, order, utc_now())
        answer = _batches_out(session, workspace, [batch], caller)[0]
    publishing.publish_recorded(workspace.database, workspace.settings)
    response.headers["Location"] = f"/v1/batches/{batch.id}"
    return answer


@router.get("/batches")
def list_batches(  # noqa: PLR0917 - one parameter per filter
    caller: CertificatesReader,
    workspace: WorkspaceDep,
    paging: PagingDep,
    design: DesignId = None,
    gtin: Gtin = None,
    lot: Lot = None,
    words: Annotated[Text, Query(max_length=200, description="A part of product or lot, or a GTIN.")] = "",
    order: Direction = "oldest",
    *,
    unsigned: Annotated[bool, Query(description="Only those that wait for your signature.")] = False,
) -> Page[BatchOut]:
    """List your batches, oldest or newest first."""
    with workspace.database.reading() as session:
        design_id = _find_id(session, caller, design)
        rows = batches.list_batches(
            session,
            caller.organisation_id,
            BatchFilter(design_id=design_id, gtin=gtin, lot=lot, words=words.strip(), unsigned=unsigned),
            after=paging.after,
            newest_first=order == "newest",
            limit=paging.fetch,
            reach=caller.reach,
        )
        batch_by_id = {batch.id: batch for batch in _batches_out(session, workspace, rows, caller)}
    return paging.page(rows, lambda row: batch_by_id[row.id])


@router.get("/batches/{batch_id}")
def show_batch(caller: CertificatesReader, batch_id: str, workspace: WorkspaceDep) -> BatchOut:
    """Return one of your batches."""
    with workspace.database.reading() as session:
        batch = batches.get_batch(
            session, batch_id, organisation_id=caller.organisation_id, reach=caller.reach
        )
        return _batches_out(session, workspace, [batch], caller)[0]


@router.get("/batches/{batch_id}/units.csv", response_class=Response, responses=CSV)
def show_units(caller: CertificatesIssuer, batch_id: str, workspace: WorkspaceDep) -> Response:
    """Return the units of a batch as CSV, one row per unit.

    A cell that a spreadsheet would run as a formula begins with an apostrophe.
    """
    with workspace.database.reading() as session:
        batch = batches.get_batch(
            session, batch_id, organisation_id=caller.organisation_id, reach=caller.reach
        )
        table = units_csv(session, batch)
    headers = {"Content-Disposition": f'attachment; filename="{batch.id}.csv"'}
    return Response(table, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/certificates")
def list_certificates(  # noqa: PLR0917 - one parameter per filter
    caller: CertificatesReader,
    workspace: WorkspaceDep,
    paging: PagingDep,
    batch: Annotated[Text | None, Query(max_length=40)] = None,
    design: DesignId = None,
    gtin: Gtin = None,
    lot: Lot = None,
    state: Literal["unsigned", "active", "revoked"] | None = None,
) -> Page[CertificateOut]:
    """List your certificates in the order of issue."""
    with workspace.database.reading() as session:
        design_id = _find_id(session, caller, design)
        chosen = Filter(batch_id=batch, design_id=design_id, gtin=gtin, lot=lot, state=state)
        rows = batches.list_certificates(
            session,
            caller.organisation_id,
            chosen,
            after=paging.after,
            limit=paging.fetch,
            reach=caller.reach,
        )
        tx_ids = batches.transaction_ids(session, rows)
    return paging.page(rows, lambda row: _certificate_out(row, tx_ids.get(row.id)))


@router.post("/revocations")
def revoke_certificates(caller: Revoker, body: RevocationIn, workspace: WorkspaceDep) -> RevocationOut:
    """Revoke certificates permanently.

    Each revocation has an entry in the ledger. A repetition changes nothing.
    """
    selection = Selection(
        certificates=tuple(body.certificates), batch_id=body.batch, first=body.first, last=body.last
    )
    vault = open_vault(workspace.settings)
    with workspace.database.writing() as session:
        counts = revoking.revoke(
            session,
            vault,
            workspace.settings,
            session.get_one(Organisation, caller.organisation_id),
            selection,
            reason=body.reason,
            now=utc_now(),
        )
    publishing.publish_recorded(workspace.database, workspace.settings)
    return RevocationOut(revoked=counts.now, revoked_before=counts.before)


def _find_id(session: Session, caller: Principal, design: str | None) -> str | None:
    """Return the id of the design in a filter, which an owner may name by reference."""
    return find_id(session, caller.organisation_id, design, caller.reach) if design else None


def _batches_out(
    session: Session, workspace: Workspace, rows: Sequence[Batch], caller: Principal
) -> list[BatchOut]:
    """Return batches with the licences that the caller reaches."""
    states = batches.count_states(session, rows)
    meters = meters_of(session, workspace.settings, rows)
    licence_ids = {batch.licence_id for batch in rows if batch.licence_id}
    if caller.reach != WHOLE:
        licence_ids &= own_licences(session, caller.organisation_id, licence_ids, reach=caller.reach)
    return [
        BatchOut(
            id=batch.id,
            design=batch.design_id,
            reference=batch.design.reference,
            gtin=batch.gtin,
            lot=batch.lot,
            product=batch.product,
            count=batch.count,
            created_at=batch.created_at,
            states=states[batch.id],
            licence=batch.licence_id if batch.licence_id in licence_ids else None,
            meter=_meter_out(meters.get(batch.licence_id)) if batch.licence_id in licence_ids else None,
            unprintable=missing_letters(f"{batch.organisation.name} {batch.product}"),
        )
        for batch in rows
    ]


def _meter_out(meter: Meter | None) -> MeterOut | None:
    return MeterOut.model_validate(asdict(meter)) if meter else None


def _certificate_out(row: Certificate, tx_id: str | None) -> CertificateOut:
    return CertificateOut.model_validate(
        {
            "id": row.id,
            "code": row.code,
            "batch": row.batch_id,
            "number": row.number_in_batch,
            "design": row.design_id,
            "gtin": row.gtin,
            "lot": row.lot,
            "serial": row.serial,
            "product": row.batch.product,
            "state": row.state,
            "issued_at": row.issued_at,
            "tx_id": tx_id,
            "entry": row.entry_number,
            "revoked_at": row.revoked_at,
            "reason": row.revocation_reason,
        }
    )
