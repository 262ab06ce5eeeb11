"""Endpoints of what decisions teach a brand: precision, thresholds, proposed negative pictures."""

import io
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from authcheck.cases import precision, proposals
from authcheck.storage.opening import utc_now

from ..deps import DesignsReader, DesignsWriter, KeyFirst, ListingsReader, WorkspaceDep
from ..openapi import pictures_out
from ..paging import PagingDep
from ..wire.designs import NegativeOut, negative_out
from ..wire.feedback import (
    PrecisionOut,
    PreviewsOut,
    ProposalIn,
    ProposalOut,
    precision_out,
    preview_out,
    proposal_out,
)
from ..wire.forms import Page

router = APIRouter(route_class=KeyFirst, prefix="/v1/feedback", tags=["feedback"])
ProposalId = Annotated[str, Path(max_length=40)]


@router.get("/precision")
def show_precision(
    caller: ListingsReader,
    workspace: WorkspaceDep,
    days: Annotated[int, Query(ge=1, le=3650, description="Decisions of so many days.")] = 180,
) -> PrecisionOut:
    """Return how often the service was right about your designs, by moderators' decisions."""
    since = utc_now() - timedelta(days=days)
    with workspace.database.reading() as session:
        found = precision.find_precision(session, caller.organisation_id, since=since, reach=caller.reach)
    return precision_out(found, since)


@router.get("/thresholds")
def preview_thresholds(caller: ListingsReader, workspace: WorkspaceDep) -> PreviewsOut:
    """Return what other thresholds for `match` would have done to the listings of your cases."""
    policy = workspace.policy
    with workspace.database.reading() as session:
        previews = precision.preview_thresholds(
            session, caller.organisation_id, policy=policy.name, reach=caller.reach
        )
    return PreviewsOut(
        policy=policy.name, match=policy.match, thresholds=[preview_out(preview) for preview in previews]
    )


@router.get("/proposals")
def list_proposals(caller: DesignsReader, workspace: WorkspaceDep, paging: PagingDep) -> Page[ProposalOut]:
    """List pictures that moderators call no match or no infringement, and that wait for your answer."""
    with workspace.database.reading() as session:
        rows = proposals.list_proposals(
            session,
            caller.organisation_id,
            after=paging.after,
            limit=paging.fetch,
            reach=caller.reach,
        )
        return paging.page(rows, proposal_out)


@router.get("/proposals/{proposal_id}/picture", response_class=Response, responses=pictures_out("image/webp"))
def show_proposal_picture(
    caller: DesignsReader, proposal_id: ProposalId, workspace: WorkspaceDep
) -> Response:
    """Return the working copy of a proposed picture."""
    with workspace.database.reading() as session:
        decision = proposals.get_proposal(session, proposal_id, caller.organisation_id, reach=caller.reach)
        _, copy = proposals.picture_of(session, workspace.copies, decision, utc_now())
    buffer = io.BytesIO()
    copy.image.save(buffer, "WEBP", quality=80)
    return Response(
        buffer.getvalue(), media_type="image/webp", headers={"Cache-Control": "private, no-cache"}
    )


@router.post("/proposals/{proposal_id}/answer", status_code=201, response_model=NegativeOut | None)
def answer_proposal(
    caller: DesignsWriter, proposal_id: ProposalId, body: ProposalIn, workspace: WorkspaceDep
) -> NegativeOut | Response:
    """Add a proposed picture to your negative pictures, or decline it (204).

    Checks then ignore the picture's content when they search for your designs. A picture that shows one of
    your designs is refused, because it would hide the design.
    """
    now, owner_id, reach = utc_now(), caller.organisation_id, caller.reach
    if body.answer == "decline":
        with workspace.database.writing() as session:
            proposals.decline(session, proposal_id, owner_id=owner_id, now=now, reach=reach)
        return Response(status_code=204)
    read = proposals.read_proposed(workspace, proposal_id, owner_id, now, reach=reach)
    with workspace.database.writing() as session:
        return negative_out(
            proposals.accept(session, workspace, proposal_id, read, owner_id=owner_id, now=now, reach=reach)
        )
