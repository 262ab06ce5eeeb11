"""The page *Today*: what needs somebody now, each line a link to its rows."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from authcheck.cases import steps, today
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.members.sessions import SignedIn
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
        todo = _find_steps(session, signed_in, caller)
    organisation = signed_in.organisation
    kinds = organisation.roles if organisation else []
    return render(
        request,
        "desk/today.html",
        lines=[{"name": line.name, "count": line.count, "page": line.page} for line in lines],
        most=today.MOST,
        steps=[{"name": step.name, "page": step.page, "is_done": step.is_done} for step in todo],
        steps_done=sum(step.is_done for step in todo),
        name=signed_in.person.name,
        may_register=BRAND in kinds and caller.may(Resource.DESIGNS, Right.WRITE),
        as_of=now,
    )


def _find_steps(session: Session, signed_in: SignedIn, caller: Principal) -> list[steps.Step]:
    """Return the first steps of a brand until all are done. Only its administrators can do them all."""
    organisation = signed_in.organisation
    is_admin = caller.agency is None and caller.may(Resource.PEOPLE, Right.WRITE)
    if organisation is None or BRAND not in organisation.roles or not is_admin:
        return []
    found = steps.find_steps(session, organisation)
    return [] if all(step.is_done for step in found) else found
