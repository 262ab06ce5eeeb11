"""The page *Alerts*: what is odd about scans, and what a brand says to it, with undo."""

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.orm import Session

from authcheck.errors import AuthcheckError, NotFound
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.members.sessions import SignedIn
from authcheck.scans import handling
from authcheck.scans.alerts import KINDS, STATES
from authcheck.scans.handling import AlertFilter
from authcheck.scans.tables import ScanAlert
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from ..i18n import Language, language_of
from .person import FormDep, NeedsPerson, PersonRoute, acting, go, problem_of, status_of
from .render import render
from .scan_figures import ReaderDep

PAGE = 25
OPEN = ("new", "seen")
router = APIRouter(route_class=PersonRoute, include_in_schema=False)
WriterDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.SCANS, Right.WRITE)))]
Word = Annotated[str, Query(max_length=40)]


class Facets:
    """The filter as the page's address has it: by default the alerts that nobody has dealt with."""

    def __init__(
        self, state: Word = "", kind: Word = "", unit: Word = "", batch: Word = "", grave: Word = ""
    ) -> None:
        self.state = state if state in {"all", *STATES} else ""
        self.kind = kind if kind in KINDS else ""
        self.unit, self.batch = unit, batch
        self.grave = "yes" if grave == "yes" else ""

    def filter(self) -> AlertFilter:
        """Return the filter. `grave` are all alerts that warn buyers now."""
        warning = tuple(state for state in STATES if state != "cleared")
        usual = warning if self.grave else OPEN
        states = () if self.state == "all" else (self.state,) if self.state else usual
        return AlertFilter(
            states=states,
            kind=self.kind,
            unit_id=self.unit,
            batch_id=self.batch,
            grave_units=bool(self.grave),
        )

    def find(self, session: Session, caller: Principal, before: str, limit: int) -> Sequence[ScanAlert]:
        """Return alerts of the filter, newest first, from before the id `before`."""
        return handling.list_alerts(
            session,
            caller.organisation_id,
            self.filter(),
            after=before,
            newest_first=True,
            limit=limit,
            reach=caller.reach,
        )

    def api(self, before: str) -> str:
        """Return the address of the same rows by the API."""
        wanted = self.filter()
        pairs = [("state", state) for state in wanted.states]
        pairs += [("kind", self.kind), ("unit", self.unit), ("batch", self.batch)]
        pairs += [("grave", "true" if self.grave else ""), ("order", "newest"), ("after", before)]
        pairs.append(("limit", str(PAGE)))
        return f"/v1/alerts?{urlencode([pair for pair in pairs if pair[1]])}"

    def query(self, **more: str) -> str:
        """Return the query of an address with this filter."""
        pairs = {name: value for name, value in {**vars(self), **more}.items() if value}
        return f"?{urlencode(pairs)}" if pairs else ""


FacetsDep = Annotated[Facets, Depends(Facets)]


@router.get("/alerts")
def show(  # noqa: PLR0917 - what every page has
    request: Request,
    signed_in: ReaderDep,
    workspace: WorkspaceDep,
    facets: FacetsDep,
    before: Word = "",
    done: Word = "",
) -> HTMLResponse:
    """List the alerts, newest first. `done` is an alert that was dealt with just now, for its undo."""
    return _show(request, workspace, acting(signed_in), facets, before=before, done=done)


def _show(
    request: Request,
    workspace: Workspace,
    caller: Principal,
    facets: Facets,
    *,
    before: str = "",
    done: str = "",
    error: AuthcheckError | None = None,
    at: str = "",
) -> HTMLResponse:
    """Render the list. `error` is about the form of the alert `at`."""
    language = language_of(request)
    with workspace.database.reading() as session:
        rows = facets.find(session, caller, before, PAGE + 1)
        settled = _find_settled(session, caller, done)
    return render(
        request,
        "scans/alerts.html",
        status=status_of(request, error) if error else 200,
        alerts=[_alert(row, caller, language) for row in rows[:PAGE]],
        done=settled and _alert(settled, caller, language),
        facets=vars(facets),
        here=facets.query(before=before),
        kinds=KINDS,
        states=STATES,
        may_write=caller.may(Resource.SCANS, Right.WRITE),
        may_revoke=caller.may(Resource.REVOCATIONS, Right.WRITE),
        problem=problem_of(request, error) if error else None,
        at=at,
        first_page=f"/alerts{facets.query()}" if before else None,
        next_page=f"/alerts{facets.query(before=rows[PAGE - 1].id)}" if len(rows) > PAGE else None,
        csv=f"/alerts.csv{facets.query(before=before)}",
        api=facets.api(before),
        as_of=utc_now(),
    )


@router.get("/alerts.csv")
def download(
    request: Request, signed_in: ReaderDep, workspace: WorkspaceDep, facets: FacetsDep, before: Word = ""
) -> Response:
    """Return the alerts that the page shows as CSV."""
    caller, language = acting(signed_in), language_of(request)
    with workspace.database.reading() as session:
        rows = facets.find(session, caller, before, PAGE)
        table = handling.alerts_csv(rows, lambda row: language.alert(row.kind, row.params))
    headers = {"Content-Disposition": 'attachment; filename="alerts.csv"', "Cache-Control": "no-store"}
    return Response(table, media_type="text/csv; charset=utf-8", headers=headers)


def _find_settled(session: Session, caller: Principal, alert_id: str) -> ScanAlert | None:
    """Return the alert that was cleared or acted upon just now, if the address names one."""
    if not alert_id:
        return None
    try:
        row = handling.get_alert(session, alert_id, caller.organisation_id, reach=caller.reach)
    except NotFound:
        return None
    return row if row.state in {"cleared", "acted"} else None


def _alert(row: ScanAlert, caller: Principal, language: Language) -> dict[str, Any]:
    unit = row.certificate
    return {
        "id": row.id,
        "kind": row.kind,
        "text": language.alert(row.kind, row.params),
        "is_grave": row.is_grave,
        "state": row.state,
        "why": row.why,
        "opened_at": row.opened_at,
        "last_at": row.last_at,
        "batch": row.batch_id,
        "is_own": row.organisation_id == caller.organisation_id,
        "unit": unit
        and {
            "id": unit.id,
            "number": unit.number_in_batch,
            "product": unit.batch.product,
            "lot": unit.lot,
            "state": unit.state,
        },
    }


@router.post("/alerts/{alert_id}/state")
def set_state(  # noqa: PLR0917 - what every page has
    request: Request,
    signed_in: WriterDep,
    form: FormDep,
    workspace: WorkspaceDep,
    alert_id: Annotated[str, Path(max_length=40)],
    facets: FacetsDep,
) -> Response:
    """Say what an alert means, and go back to the list."""
    caller, state = acting(signed_in), form.text("state")
    try:
        with workspace.database.writing() as session:
            row = handling.get_alert(session, alert_id, caller.organisation_id, reach=caller.reach, lock=True)
            handling.set_state(row, state, why=form.text("why"), by=caller.caller, now=utc_now())
    except AuthcheckError as error:
        if error.code == "alert.not_found":
            raise
        return _show(request, workspace, caller, facets, error=error, at=alert_id)
    done = {"done": alert_id} if state in {"cleared", "acted"} else {}
    return go(request, f"/alerts{facets.query(**done)}")
