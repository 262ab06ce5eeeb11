"""What a brand expects of a batch, said on its page: in which countries it is sold, and its last day."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from authcheck.certificates import batches
from authcheck.errors import AuthcheckError
from authcheck.licences.written import read_day
from authcheck.members.permissions import Resource, Right
from authcheck.members.sessions import SignedIn
from authcheck.scans import marks
from authcheck.storage.opening import utc_now

from ..deps import WorkspaceDep
from .batches import BatchId, Shown, show_batch
from .person import FormDep, NeedsPerson, PersonRoute, acting, go

BETWEEN = re.compile(r"[,;\n\uff0c\uff1b\u3001]")
router = APIRouter(route_class=PersonRoute, prefix="/certificates", include_in_schema=False)
WriterDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.SCANS, Right.WRITE)))]


@router.post("/{batch_id}/expectation")
def expect(
    request: Request, signed_in: WriterDep, form: FormDep, workspace: WorkspaceDep, batch_id: BatchId
) -> Response:
    """Say where the units are sold and until when they may be used. Replaces what was said before."""
    caller = acting(signed_in)
    caller.reach.require_whole()
    markets = [text.strip() for text in BETWEEN.split(form.text("markets")) if text.strip()]
    day = form.text("use_by").strip()
    try:
        with workspace.database.writing() as session:
            batches.get_batch(session, batch_id, organisation_id=caller.organisation_id)
            marks.expect(
                session,
                batch_id,
                organisation_id=caller.organisation_id,
                markets=markets,
                use_by=read_day(day, error_code="batch.use_by") if day else None,
                now=utc_now(),
            )
    except AuthcheckError as error:
        return show_batch(request, workspace, caller, batch_id, Shown(), error=error, typed=form)
    return go(request, f"/certificates/{batch_id}?notice=expected#expected")
