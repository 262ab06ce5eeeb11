"""The page *Today*: what needs somebody now, each line a link to its rows."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from authcheck.cases import today
from authcheck.members.permissions import Resource, Right
from authcheck.storage.opening import utc_now

from ..deps import WorkspaceDep
from .desk import BRAND
from .person import PersonDep, PersonRoute, acting, go
from .render import render

router = APIRouter(route_class=PersonRoute, include_in_schema=False)


@router.get("/today")
def show(request: Request, signed_in: PersonDep, workspace: WorkspaceDep) -> Response:
    """Show at most seven lines. A person who acts for nobody is led to the own account."""
    if signed_in.principal is None and signed_in.row.appointment_id is None:
        return go(request, "/account")
    caller, now = acting(signed_in), utc_now()
    with workspace.database.reading() as session:
        lines = today.find_lines(session, caller, now, reach=caller.reach)
    organisation = signed_in.organisation
    kinds = organisation.roles if organisation else []
    return render(
        request,
        "desk/today.html",
        lines=[{"name": line.name, "count": line.count, "page": line.page} for line in lines],
        most=today.MOST,
        name=signed_in.person.name,
        may_register=BRAND in kinds and caller.may(Resource.DESIGNS, Right.WRITE),
        as_of=now,
    )
