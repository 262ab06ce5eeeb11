"""Endpoints of alerts about scans, and of the owners of units."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from authcheck.certificates.signing_keys import open_vault
from authcheck.certificates.tables import Certificate
from authcheck.errors import Forbidden
from authcheck.lookups import units
from authcheck.scans import claims, handling
from authcheck.scans.handling import AlertFilter
from authcheck.scans.tables import ScanAlert
from authcheck.storage.opening import utc_now

from ..deps import KeyFirst, ScansReader, ScansWriter, WorkspaceDep, public_limit
from ..i18n import language_of
from ..paging import Direction, PagingDep
from ..scanners import origin_of
from ..wire.forms import Page, Text
from ..wire.scans import (
    AlertKind,
    AlertOut,
    AlertState,
    AlertStateIn,
    ClaimIn,
    ClaimOut,
    ClearedOut,
    OwnerIn,
    alert_out,
)

router = APIRouter(route_class=KeyFirst, prefix="/v1", tags=["scans"])
AlertId = Annotated[str, Path(max_length=40)]
Code = Annotated[str, Path(max_length=64)]


def sentence_in(request: Request) -> Callable[[ScanAlert], str]:
    """Return what makes the sentence of an alert in the reader's language."""
    language = language_of(request)
    return lambda alert: language.alert(alert.kind, alert.params)


@router.get("/alerts")
def list_alerts(  # noqa: PLR0917 - one parameter per filter
    request: Request,
    caller: ScansReader,
    workspace: WorkspaceDep,
    paging: PagingDep,
    kind: AlertKind | None = None,
    state: Annotated[list[AlertState] | None, Query(description="One or several states.")] = None,
    unit: Annotated[Text, Query(max_length=40, description="Id of a certificate.")] = "",
    batch: Annotated[Text, Query(max_length=40, description="Id of a batch.")] = "",
    order: Direction = "oldest",
    *,
    grave: Annotated[bool, Query(description="Only alerts that can warn the buyers of a unit.")] = False,
) -> Page[AlertOut]:
    """List the alerts about scans of your units, oldest or newest first."""
    sentence = sentence_in(request)
    with workspace.database.reading() as session:
        rows = handling.list_alerts(
            session,
            caller.organisation_id,
            AlertFilter(states=state or (), kind=kind or "", unit_id=unit, batch_id=batch, grave_units=grave),
            after=paging.after,
            newest_first=order == "newest",
            limit=paging.fetch,
            reach=caller.reach,
        )
        return paging.page(rows, lambda row: alert_out(row, sentence))


@router.get("/alerts/{alert_id}")
def show_alert(request: Request, caller: ScansReader, alert_id: AlertId, workspace: WorkspaceDep) -> AlertOut:
    """Return one of your alerts. Its scans are `GET /v1/scans?unit=`."""
    with workspace.database.reading() as session:
        row = handling.get_alert(session, alert_id, caller.organisation_id, reach=caller.reach)
        return alert_out(row, sentence_in(request))


@router.post("/alerts/{alert_id}/state")
def set_state(
    request: Request, caller: ScansWriter, alert_id: AlertId, body: AlertStateIn, workspace: WorkspaceDep
) -> AlertOut:
    """Say that you have seen an alert, have acted upon it, or clear it with a reason.

    A cleared alert no longer warns buyers, and the same pattern of the same unit does not alert again.
    `seen` takes the clearing back.
    """
    with workspace.database.writing() as session:
        row = handling.get_alert(session, alert_id, caller.organisation_id, reach=caller.reach, lock=True)
        handling.set_state(row, body.state, why=body.why, by=caller.caller, now=utc_now())
        return alert_out(row, sentence_in(request))


@router.post("/certificates/{code}/claim", status_code=201, dependencies=[Depends(public_limit)])
def claim_unit(request: Request, code: Code, body: ClaimIn, workspace: WorkspaceDep) -> ClaimOut:
    """Claim an item with the PIN under its scratch-off panel. An item can be claimed once.

    After five wrong PINs no PIN is tried for a day.
    """
    vault = open_vault(workspace.settings)
    origin = origin_of(request)
    certificate_id = _find(workspace, code)
    with workspace.database.writing() as session:
        certificate = session.get_one(Certificate, certificate_id)
        secret = claims.claim(session, vault, certificate, body.pin, visitor=origin.visitor, now=utc_now())
    if secret is None:  # after the transaction, which counts the wrong PIN
        raise Forbidden("This PIN is wrong. Check each digit.", code="claim.pin")
    return ClaimOut(secret=secret)


@router.post("/certificates/{code}/clearance", dependencies=[Depends(public_limit)])
def clear_as_owner(code: Code, body: OwnerIn, workspace: WorkspaceDep) -> ClearedOut:
    """Clear the alerts about scans before your claim: you travelled with the item, for example.

    Scans after the claim are for the brand to explain.
    """
    certificate_id = _find(workspace, code)
    with workspace.database.writing() as session:
        return ClearedOut(cleared=claims.clear_as_owner(session, certificate_id, body.secret, utc_now()))


def _find(workspace: WorkspaceDep, code: str) -> str:
    """Return the id of the certificate with a code. Raises NotFound (`certificate.not_found`)."""
    with workspace.database.reading_rows() as connection:
        return units.find_by_code(connection, code).id
