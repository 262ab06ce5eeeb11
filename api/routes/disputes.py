"""Endpoints of disputes: both owners read them and speak, the operator rules on them."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from authcheck.certificates import contested
from authcheck.certificates.signing_keys import open_vault
from authcheck.errors import Rejected
from authcheck.files.documents import read_document
from authcheck.ledger import publishing
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.registry import disputes, rulings, statements
from authcheck.registry.tables import Dispute
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import AnyonesRevoker, DisputesReader, DisputesRuler, DisputesWriter, KeyFirst, WorkspaceDep
from ..documents import document_response
from ..openapi import PICTURE, multipart
from ..paging import PagingDep
from ..uploads import Upload, UploadDep
from ..wire.certificates import RevocationOut
from ..wire.disputes import DisputeOut, RulingIn, RulingOut, dispute_out, ruling_out
from ..wire.forms import Page

Number = Annotated[int, Path(ge=1, le=1000)]
PARTS: dict[str, Any] = {"text": {"type": "string"}, "document": PICTURE}
router = APIRouter(route_class=KeyFirst, prefix="/v1/disputes", tags=["disputes"])


@router.get("")
def list_disputes(
    caller: DisputesReader,
    workspace: WorkspaceDep,
    paging: PagingDep,
    ended: Annotated[bool, Query(description="Also disputes that have ended.")] = False,
) -> Page[DisputeOut]:
    """List the disputes of your designs, on either side, oldest first. The operator sees all disputes."""
    with workspace.database.reading() as session:
        rows = disputes.list_disputes(
            session,
            owner_id=_owner_id(caller),
            ended=ended,
            after=paging.after,
            limit=paging.fetch,
            reach=caller.reach,
        )
        return paging.page(rows, dispute_out)


@router.get("/{dispute_id}")
def show_dispute(caller: DisputesReader, dispute_id: str, workspace: WorkspaceDep) -> DisputeOut:
    """Return a dispute of one of your designs. The operator may read every dispute."""
    with workspace.database.reading() as session:
        dispute = disputes.get_dispute(session, dispute_id, owner_id=_owner_id(caller), reach=caller.reach)
        return dispute_out(dispute)


@router.post("/{dispute_id}/ruling")
def rule_on_dispute(
    caller: DisputesRuler, dispute_id: str, body: RulingIn, workspace: WorkspaceDep
) -> RulingOut:
    """Rule on a dispute. The ruling is in the ledger, and takes effect after 14 days without an appeal.

    A final ruling, and the ruling about an appeal, take effect at once: the picture that loses is withdrawn,
    and the answer names the batches of certificates for its design.
    """
    with workspace.database.writing() as session:
        rulings.rule(
            session,
            dispute_id,
            body.ruling,
            reason=body.reason,
            now=utc_now(),
            by=caller.caller,
            is_final=body.final,
        )
        dispute = disputes.get_dispute(session, dispute_id)  # again: the ruling has expired its designs
        has_loser = dispute.ended_by in {disputes.EARLIER, disputes.LATER}
        loser = rulings.loser_of(dispute) if has_loser else None
        batches = contested.find_batches(session, loser.id) if loser else []
        answer = ruling_out(dispute, batches)
    publishing.publish_recorded(workspace.database, workspace.settings)
    return answer


@router.post("/{dispute_id}/statements", status_code=201, openapi_extra=multipart(["text"], **PARTS))
def state_in_dispute(
    caller: DisputesWriter, dispute_id: str, upload: UploadDep, workspace: WorkspaceDep
) -> DisputeOut:
    """Say what speaks for you, in at most 4,000 characters. The other owner and the operator read it.

    `document` is a PDF, PNG or JPEG of at most 10 MB without scripts. Each side has five statements.
    """
    return _say(statements.state, caller, dispute_id, upload, workspace)


@router.post("/{dispute_id}/appeal", status_code=201, openapi_extra=multipart(["text"], **PARTS))
def appeal_ruling(
    caller: DisputesWriter, dispute_id: str, upload: UploadDep, workspace: WorkspaceDep
) -> DisputeOut:
    """Appeal once against a ruling that is not for you, within 14 days, and say why.

    The ruling has no effect before the operator has ruled again. `document` as in a statement.
    """
    return _say(statements.appeal, caller, dispute_id, upload, workspace)


def _say(
    act: Callable[..., Dispute], caller: Principal, dispute_id: str, upload: Upload, workspace: Workspace
) -> DisputeOut:
    form = upload.form
    form.refuse_others("text", "document")
    files = form.files("document")
    if len(files) > 1:
        raise Rejected("Send one document.", code="document.several")
    document = read_document(form.bytes_of(files[0])) if files else None
    who = {"by": caller.caller, "reach": caller.reach}
    with workspace.database.writing() as session:
        act(session, dispute_id, caller.organisation_id, form.text("text"), document, now=utc_now(), **who)
        if document is not None:
            workspace.documents.put(document.data)
    publishing.publish_recorded(workspace.database, workspace.settings)
    return show_dispute(caller, dispute_id, workspace)


@router.get(
    "/{dispute_id}/statements/{number}/document",
    response_class=Response,
    responses={200: {"description": "The document, to save.", "content": {"application/octet-stream": {}}}},
)
def show_statement_document(
    caller: DisputesReader, dispute_id: str, number: Number, workspace: WorkspaceDep
) -> Response:
    """Return the document of a statement as a file to save. Browsers do not open it on our address."""
    with workspace.database.reading() as session:
        dispute = disputes.get_dispute(session, dispute_id, owner_id=_owner_id(caller), reach=caller.reach)
        row = statements.get_statement(dispute, number)
        return document_response(workspace, row, f"{dispute.id}-{row.number}")


@router.post("/{dispute_id}/acceptance")
def accept_ruling(caller: DisputesWriter, dispute_id: str, workspace: WorkspaceDep) -> DisputeOut:
    """Accept a ruling against you, so that it takes effect at once. Your picture is withdrawn."""
    with workspace.database.writing() as session:
        rulings.accept(session, dispute_id, caller.organisation_id, utc_now(), reach=caller.reach)
    publishing.publish_recorded(workspace.database, workspace.settings)
    return show_dispute(caller, dispute_id, workspace)


@router.post("/{dispute_id}/revoke-certificates")
def revoke_contested_certificates(
    _caller: AnyonesRevoker, dispute_id: str, workspace: WorkspaceDep
) -> RevocationOut:
    """Revoke all certificates for the design that lost a dispute, permanently, whoever issued them."""
    vault = open_vault(workspace.settings)
    with workspace.database.writing() as session:
        loser = rulings.loser_of(disputes.get_dispute(session, dispute_id))
        counts = contested.revoke_all(session, vault, workspace.settings, loser.id, now=utc_now())
    publishing.publish_recorded(workspace.database, workspace.settings)
    return RevocationOut(revoked=counts.now, revoked_before=counts.before)


def _owner_id(caller: Principal) -> str | None:
    """Return the owner whose disputes the caller may read, None for the operator."""
    return None if caller.may(Resource.DISPUTES, Right.DECIDE) else caller.organisation_id
