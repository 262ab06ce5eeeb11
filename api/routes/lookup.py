"""Public look-ups: certificates, ledger transactions, and the documents for verifying both without us."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from authcheck.certificates import publications
from authcheck.errors import Conflict, Forbidden
from authcheck.ledger.addresses import addresses_of
from authcheck.lookups import lookup, transactions
from authcheck.lookups.lookup import LookUp
from authcheck.lookups.product_passport import passport_of
from authcheck.proofs.bundle import Bundle
from authcheck.proofs.credential import Credential
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import IfNoneMatch, WorkspaceDep, public_read_limit
from ..etags import not_modified
from ..resolving import description_of
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
SHORT = "public, max-age=30"  # a new checkpoint or revocation is visible after 30 s
ListNumber = Annotated[int, Path(ge=0, lt=2**31)]
CACHED = {"Cache-Control": SHORT}


@router.get("/v1/certificates/{code}", response_model=LookUpOut)
async def show_certificate(code: str, workspace: WorkspaceDep) -> Response:
    """Look up a certificate by its code, its id or a transaction id, and verify its proof.

    Ids are in the public ledger. So a look-up by id gives the outcome, the issuer and the times, but nothing
    about the product or the design, and no proof. Otherwise a forger could copy labels from the ledger.
    """
    arguments = (workspace.database, workspace.settings, code, utc_now())
    result = lookup.look_up_at_once(*arguments)
    if result is None:
        result = await run_in_threadpool(lookup.look_up, *arguments)
    body = certificate_out(result, has_label=holds_label(result.unit, code))
    # A Response spares time: FastAPI would validate and copy the new model again.
    return Response(body.model_dump_json(), media_type="application/json")


@router.get("/v1/certificates/{code}/bundle", response_class=JSONResponse)
def show_bundle(code: str, workspace: WorkspaceDep) -> Response:
    """Return the offline proof of a certificate.

    `authcheck verify-bundle` and any browser verify the proof without us. Ask by the code on the label. The
    proof contains the serial number.
    """
    result, bundle = _proved(workspace, code)
    return JSONResponse(bundle.to_json(), headers=_as_file(f"{result.unit.id}.bundle.json"))


@router.get(
    "/v1/certificates/{code}/credential",
    response_class=Response,
    responses={200: {"description": "The signed credential.", "content": {"application/vc+jwt": {}}}},
)
def show_credential(code: str, workspace: WorkspaceDep) -> Response:
    """Return a certificate as a W3C Verifiable Credential (`vc+jwt`), for wallets and verifiers of others.

    Its issuer is a `did:web`, and its status a Bitstring Status List. Ask by the code on the label. The
    credential alone does not show that the ledger holds it: the proof does.
    """
    result, bundle = _proved(workspace, code)
    headers = _as_file(f"{result.unit.id}.jwt")
    return Response(bundle.certificate.jws, media_type="application/vc+jwt", headers=headers)


@router.get(
    "/v1/certificates/{code}/passport",
    response_class=Response,
    responses={200: {"description": "The passport.", "content": {"application/vc": {}}}},
)
def show_passport(code: str, workspace: WorkspaceDep) -> Response:
    """Return a certificate as a Digital Product Passport of the United Nations (UNTP 0.6.1).

    It holds what the certificate says, and leaves out what we do not know. Nobody has signed it: it links to
    the signed certificate. Ask by the code on the label.
    """
    result, bundle = _proved(workspace, code)
    with workspace.database.reading() as session:
        public_url = addresses_of(session, workspace.settings).current
    passport = passport_of(public_url, result, Credential.read(bundle.certificate.jws))
    headers = _as_file(f"{result.unit.id}.passport.json")
    return JSONResponse(passport, media_type="application/vc", headers=headers)


def _proved(workspace: Workspace, code: str) -> tuple[LookUp, Bundle]:
    """Return a certificate and its proof.

    Raises Forbidden (`certificate.label_needed`) and Conflict (`certificate.unsigned`).
    """
    result = lookup.look_up(workspace.database, workspace.settings, code, utc_now())
    if not holds_label(result.unit, code):
        raise Forbidden(
            "We give a unit's proof only to holders of its label. Use the label's code.",
            code="certificate.label_needed",
        )
    if result.bundle is None:
        raise Conflict(
            "This certificate has no proof yet. Try again when its brand has signed it.",
            code="certificate.unsigned",
        )
    return result, result.bundle


def _as_file(name: str) -> dict[str, str]:
    return {**CACHED, "Content-Disposition": f'attachment; filename="{name}"'}


@router.get("/v1/tx/{tx_id}")
def show_transaction(tx_id: str, workspace: WorkspaceDep) -> TransactionOut | AnchorOut:
    """Return a ledger entry by its transaction id.

    An id `0x...` is a chain's transaction that holds a checkpoint.
    """
    if tx_id.lower().startswith("0x"):
        return anchor_out(transactions.chain_transaction(workspace.database, tx_id.lower()))
    return transaction_out(transactions.transaction(workspace.database, workspace.settings, tx_id.lower()))


@router.get(
    "/v1/status-lists/{handle}/{number}",
    response_class=Response,
    responses={200: {"description": "The signed list.", "content": {"application/vc+jwt": {"schema": {}}}}},
)
def show_status_list(
    handle: str, number: ListNumber, workspace: WorkspaceDep, if_none_match: IfNoneMatch = None
) -> Response:
    """Return a brand's current signed list of revoked certificates (W3C Bitstring Status List)."""
    with workspace.database.reading() as session:
        status_list = publications.published_list(session, handle, number)
    headers = {**CACHED, "ETag": f'"{status_list.jws_sha256}"'}
    if not_modified(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(status_list.jws, media_type="application/vc+jwt", headers=headers)


@router.get("/trust.json", response_class=JSONResponse)
def show_trust(workspace: WorkspaceDep, brand: str | None = None) -> Response:
    """Return the trusted keys that verify a bundle: of the ledger, its witnesses, and all issuers or one."""
    with workspace.database.reading() as session:
        trust = publications.trust_of(session, workspace.settings, utc_now(), brand)
    return JSONResponse(trust.to_json(), headers=CACHED)


@router.get("/.well-known/gs1resolver", response_class=JSONResponse)
def show_resolver(workspace: WorkspaceDep) -> Response:
    """Return the description file of GS1's resolver standard: labels are GS1 Digital Links of GTINs."""
    with workspace.database.reading() as session:
        public_url = addresses_of(session, workspace.settings).current
    return JSONResponse(description_of(public_url), headers=CACHED)


@router.get("/.well-known/did.json", response_class=JSONResponse)
def show_operator(request: Request, workspace: WorkspaceDep) -> Response:
    """Return the DID document of this ledger's operator, at the address that you ask."""
    with workspace.database.reading() as session:
        document = publications.operator_document(session, workspace.settings, _host(request))
    return _did_response(document)


@router.get("/brands/{handle}/did.json", response_class=JSONResponse)
def show_brand(request: Request, handle: str, workspace: WorkspaceDep) -> Response:
    """Return the DID document of a brand: the keys with which it signs certificates.

    After a move, each address has the document of its own DID.
    """
    with workspace.database.reading() as session:
        document = publications.brand_document(session, workspace.settings, handle, _host(request))
    return _did_response(document)


def _host(request: Request) -> str:
    return request.headers.get("host", "")


def _did_response(content: dict[str, Any]) -> Response:
    headers = {**CACHED, "Vary": "Host"}
    return JSONResponse(content, media_type="application/did+ld+json", headers=headers)
