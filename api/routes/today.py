"""The endpoint of what needs somebody of the caller's organisation now."""

from fastapi import APIRouter

from authcheck.cases.today import find_lines
from authcheck.storage.opening import utc_now

from ..deps import AnyCaller, KeyFirst, WorkspaceDep
from ..wire.today import LineOut, TodayOut

router = APIRouter(route_class=KeyFirst, prefix="/v1", tags=["accounts"])


@router.get("/today")
def show_today(caller: AnyCaller, workspace: WorkspaceDep) -> TodayOut:
    """Return at most seven things that need somebody of your organisation, the most urgent first."""
    now = utc_now()
    with workspace.database.reading() as session:
        lines = find_lines(session, caller, now, reach=caller.reach)
    return TodayOut(
        as_of=now, lines=[LineOut(name=line.name, count=line.count, page=line.page) for line in lines]
    )
