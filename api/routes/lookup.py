"""Look-ups by anybody: certificates, ledger transactions, and what is needed to check both without us."""

from typing import Any

from fastapi import APIRouter, Depends, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from authcheck.certificates import publications
from authcheck.errors import Conflict, Forbidden
from authcheck.lookups import lookup
from authcheck.storage.opening import utc_now

from ..deps import IfNoneMatch, WorkspaceDep, public_read_limit
from ..etags import not_modified
from ..wire.lookups import (
    AnchorOut,
    LookUpOut,
    TransactionOut,
    anchor_out,
    certificate_out,
    holds_label,
    transaction_out,
)

router = APIRouter(tags=["look-up"], dependencies=[Depends(public_read_limit)])
SHORT = "public, max-age=30"  # a newer checkpoint or a revocation shows after that
OPEN = {"Cache-Control": SHORT, "Access-Control-Allow-Origin": "*"}  # other sites' verifiers need these too


@router.get("/v1/certificates/{code}", response_model=LookUpOut)
async def show_certificate(code: str, workspace: WorkspaceDep) -> Response:
    """A certificate by its code, its id or a transaction id, with its proof verified just now.

    Who asks by what stands in the public ledger is not told code, serial number and proof, or labels could be copied from it.
    """
    asked = (workspace.database, workspace.settings, code, utc_now())
    found = lookup.look_up_at_once(*asked)
    if found is None:
        found = await run_in_threadpool(lookup.look_up, *asked)
    labelled = holds_label(found.unit, code)
    told = certificate_out(found, has_label=labelled, code=found.unit.code if labelled else None)
    # As it is: FastAPI would validate and copy once more what was just built.
    return Response(told.model_dump_json(), media_type="application/json")


@router.get("/v1/certificates/{code}/bundle", response_class=JSONResponse)
def show_bundle(code: str, workspace: WorkspaceDep, serial: str = "") -> Response:
    """The offline proof of a certificate: `authcheck verify-bundle` and any browser check it without us.

    By the code, or by the id and the serial number, which the proof shows.
    """
    found = lookup.look_up(workspace.database, workspace.settings, code, utc_now())
    if not holds_label(found.unit, code) and serial != found.unit.serial:
        raise Forbidden(
            "A unit's proof is for who has its label: ask by its code, or add ?serial=.",
            code="certificate.label_needed",
        )
    if found.bundle is None:
        raise Conflict("There is no proof of this certificate yet.", code="certificate.unsigned")
    name = f'attachment; filename="{found.unit.id}.bundle.json"'
    return JSONResponse(found.bundle.to_json(), headers={**OPEN, "Content-Disposition": name})


@router.get("/v1/tx/{tx_id}")
def show_transaction(tx_id: str, workspace: WorkspaceDep) -> TransactionOut | AnchorOut:
    """A ledger entry by its transaction id, or by `0x...` the transaction in a chain that holds a checkpoint."""
    if tx_id.lower().startswith("0x"):
        return anchor_out(lookup.chain_transaction(workspace.database, tx_id.lower()))
    return transaction_out(lookup.transaction(workspace.database, workspace.settings, tx_id.lower()))


@router.get(
    "/v1/status-lists/{handle}/{number}",
    response_class=Response,
    responses={200: {"description": "The signed list.", "content": {"application/vc+jwt": {"schema": {}}}}},
)
def show_status_list(
    handle: str, number: int, workspace: WorkspaceDep, if_none_match: IfNoneMatch = None
) -> Response:
    """A brand's list of revoked certificates in force, signed (W3C Bitstring Status List)."""
    with workspace.database.reading() as session:
        found = publications.published_list(session, handle, number)
    headers = {**OPEN, "ETag": f'"{found.jws_sha256}"'}
    if not_modified(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(found.jws, media_type="application/vc+jwt", headers=headers)


@router.get("/trust.json", response_class=JSONResponse)
def show_trust(workspace: WorkspaceDep, brand: str | None = None) -> Response:
    """Whom to believe when checking a bundle: keys of the ledger, the witnesses and the issuers, or one issuer."""
    with workspace.database.reading() as session:
        trust = publications.trust_of(session, workspace.settings, utc_now(), brand)
    return JSONResponse(trust.to_json(), headers=OPEN)


@router.get("/.well-known/did.json", response_class=JSONResponse)
def show_operator(workspace: WorkspaceDep) -> Response:
    """The DID document of whoever runs this ledger."""
    return _document(publications.operator_document(workspace.settings))


@router.get("/brands/{handle}/did.json", response_class=JSONResponse)
def show_brand(handle: str, workspace: WorkspaceDep) -> Response:
    """The DID document of a brand: the keys that it signs certificates with."""
    with workspace.database.reading() as session:
        return _document(publications.brand_document(session, workspace.settings, handle))


def _document(content: dict[str, Any]) -> Response:
    return JSONResponse(content, media_type="application/did+ld+json", headers=OPEN)
