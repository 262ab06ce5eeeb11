"""Endpoints of disputes: both owners read them, the operator rules on them."""

from typing import Annotated

from fastapi import APIRouter, Query

from authcheck.certificates import contested
from authcheck.certificates.signing_keys import open_vault
from authcheck.ledger import publishing
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.registry import disputes, rulings
from authcheck.storage.opening import utc_now

from ..deps import AnyonesRevoker, DisputesReader, DisputesRuler, KeyFirst, WorkspaceDep
from ..paging import PagingDep
from ..wire.certificates import RevocationOut
from ..wire.disputes import DisputeOut, RulingIn, RulingOut, dispute_out, ruling_out
from ..wire.forms import Page

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
def rule(_caller: DisputesRuler, dispute_id: str, body: RulingIn, workspace: WorkspaceDep) -> RulingOut:
    """Rule on a dispute. The picture that loses is withdrawn. The ruling is final and in the ledger.

    The answer names the batches of certificates for the design that lost.
    """
    with workspace.database.writing() as session:
        rulings.rule(session, dispute_id, body.ruling, reason=body.reason, now=utc_now())
        dispute = disputes.get_dispute(session, dispute_id)  # again: the ruling has expired its designs
        loser = None if body.ruling == disputes.BOTH else rulings.loser_of(dispute)
        batches = contested.find_batches(session, loser.id) if loser else []
        answer = ruling_out(dispute, batches)
    publishing.publish_recorded(workspace.database, workspace.settings)
    return answer


@router.post("/{dispute_id}/revoke-certificates")
def revoke_certificates(_caller: AnyonesRevoker, dispute_id: str, workspace: WorkspaceDep) -> RevocationOut:
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
