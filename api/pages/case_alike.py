"""The page on which a moderator decides about all listings with one picture at once."""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from authcheck.cases import bulk
from authcheck.cases.bulk import Alike
from authcheck.cases.listing import get_case
from authcheck.errors import AuthcheckError
from authcheck.members.sessions import SignedIn
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from .case_acts import Act, ruling_of
from .case_deciding import deciding_of
from .case_pictures import first_picture, holds_of
from .case_view import Desk, bar_of, design_of
from .cases import CasesDeciderDep, desk_of
from .person import Form, FormDep, PersonRoute, acting, problem_of, status_of
from .render import render

router = APIRouter(route_class=PersonRoute, prefix="/cases", include_in_schema=False)


@router.get("/{case_id}/alike")
def show(request: Request, signed_in: CasesDeciderDep, case_id: str, workspace: WorkspaceDep) -> HTMLResponse:
    """Show the listings of all undecided cases with the same picture."""
    return show_alike(request, signed_in, workspace, case_id)


@router.post("/{case_id}/alike")
def decide(
    request: Request, signed_in: CasesDeciderDep, case_id: str, form: FormDep, workspace: WorkspaceDep
) -> Response:
    """Decide about the chosen listings, and show the next case with the undo of all these decisions."""
    made: list[bulk.Bulk] = []

    def run(session: Session, case_id: str, **who: Any) -> None:
        listings = set(form.texts("listing"))
        made.append(bulk.decide_alike(session, case_id, ruling_of(form), listings=listings, **who))

    act = Act(request, signed_in, workspace, case_id, form)
    return act.go_on(
        run, lambda: f"decided={quote(case_id)}&left={len(made[0].left)}", "decide-", show_error=_show_error
    )


def _show_error(act: Act, error: AuthcheckError) -> Response:
    return show_alike(act.request, act.signed_in, act.workspace, act.case_id, error=error, form=act.form)


def show_alike(
    request: Request,
    signed_in: SignedIn,
    workspace: Workspace,
    case_id: str,
    *,
    error: AuthcheckError | None = None,
    form: Form | None = None,
) -> HTMLResponse:
    """Render the page. `form` is what was sent and refused."""
    principal = acting(signed_in)
    principal.reach.require_whole()
    with workspace.database.reading() as session:
        desk = desk_of(request, signed_in, workspace, session)
        case = get_case(session, case_id, organisation_id=principal.organisation_id)
        found = bulk.find_alike(session, case, holder=principal.caller, now=desk.now)
        alikes = alikes_of(desk, found)
        deciding = deciding_of(session, case, [reason["code"] for item in found for reason in _reasons(item)])
        bar = bar_of(desk, case, {})
    usual = [row["listing"] for row in alikes if not row["differs"]]
    return render(
        request,
        "cases/alike.html",
        status=status_of(request, error) if error else 200,
        case=bar,
        design=design_of(case),
        alikes=alikes,
        chosen=form.texts("listing") if form else usual,
        **deciding,
        typed={name: value[:2_100] for name, value in form.fields if name != "form_token"} if form else {},
        problem=problem_of(request, error, "", "decide-") if error else None,
    )


def _reasons(alike: Alike) -> Collection[Mapping[str, Any]]:
    return alike.listing.reasons if not alike.differs else ()


def alikes_of(desk: Desk, found: list[Alike]) -> list[dict[str, Any]]:
    """Return the listings with what differs in facts. Each has the picture that its own case holds."""
    holds = holds_of(desk.session, {alike.case.id for alike in found})
    held = {(hold.case_id, hold.listing_id): hold for hold in holds}
    return [
        {
            "listing": alike.listing.id,
            "picture": first_picture(
                held.get((alike.case.id, alike.listing.id)), alike.case, desk.workspace, desk.now
            ),
            "title": (alike.listing.title or alike.listing.reference)[:120],
            "seller": alike.listing.seller,
            "territory": alike.listing.territory,
            "price": alike.listing.price,
            "verdict": alike.item.verdict,
            "certificate": alike.listing.certificate_code,
            "bits": alike.distance_bits,
            "differs": alike.differs,
        }
        for alike in found
    ]
