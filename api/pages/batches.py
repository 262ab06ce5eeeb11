"""The pages of certificates: the batches of an organisation, and one batch with its units and a label."""

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from authcheck.certificates import batches, desk_search, planned
from authcheck.certificates.batch_labels import labels_of
from authcheck.certificates.batches import BatchFilter
from authcheck.certificates.tables import Batch, Certificate, PlannedRevocation
from authcheck.config import Settings
from authcheck.errors import AuthcheckError
from authcheck.labels.layouts import LAYOUTS
from authcheck.labels.preview import label_svg
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.members.sessions import SignedIn
from authcheck.scans.listing import never_scanned
from authcheck.scans.tables import BatchExpectation, ScanSession
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from .person import Form, NeedsPerson, PersonRoute, acting, go, problem_of, status_of
from .render import render

PAGE = 50
MOST_LABELS = 500  # of one file; drawing takes a few seconds
USUAL_LAYOUT = "a4-24"
NEVER_SCANNED = "never_scanned"
UNIT_FILTERS = (*batches.STATES, NEVER_SCANNED)
NOTICES = ("issued", "planned", "undone", "expected")
TYPED = ("first", "last", "markets", "use_by")
router = APIRouter(route_class=PersonRoute, include_in_schema=False)
ReaderDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.CERTIFICATES, Right.READ)))]
Word = Annotated[str, Query(max_length=200)]
BatchId = Annotated[str, Path(max_length=40)]
Number = Annotated[int, Query(ge=1, lt=2**31)]


class Facets:
    """The filter of the list as its form sends it."""

    def __init__(self, words: Word = "", design: Word = "", state: Word = "", before: Word = "") -> None:
        self.words, self.design, self.before = words.strip(), design.strip(), before
        self.state = "unsigned" if state == "unsigned" else ""

    def query(self, **more: str) -> str:
        """Return the query of an address that keeps the filter. `before` is only in `more`."""
        pairs = {"words": self.words, "design": self.design, "state": self.state, **more}
        kept = {name: value for name, value in pairs.items() if value}
        return f"?{urlencode(kept)}" if kept else ""

    def find(self, session: Session, caller: Principal, limit: int) -> Sequence[Batch]:
        """Return batches of the filter, newest first. `design` is an id or a reference of an own design."""
        return batches.list_batches(
            session,
            caller.organisation_id,
            self._filter(session, caller),
            after=self.before,
            newest_first=True,
            limit=limit,
            reach=caller.reach,
        )

    def _filter(self, session: Session, caller: Principal) -> BatchFilter:
        design_id = desk_search.find_named_design(session, caller.organisation_id, self.design)
        return BatchFilter(design_id=design_id or None, words=self.words, unsigned=bool(self.state))

    def api(self, session: Session, caller: Principal) -> str:
        """Return the address of the same rows by the API."""
        wanted = self._filter(session, caller)
        pairs = {
            "design": wanted.design_id,
            "words": wanted.words,
            "unsigned": "true" if wanted.unsigned else "",
            "order": "newest",
            "after": self.before,
            "limit": str(PAGE),
        }
        return f"/v1/batches?{urlencode({name: value for name, value in pairs.items() if value})}"


FacetsDep = Annotated[Facets, Depends(Facets)]


@router.get("/certificates")
def show(
    request: Request,
    signed_in: ReaderDep,
    workspace: WorkspaceDep,
    facets: FacetsDep,
    code: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """List the batches, newest first, or lead to the unit with a code, an address of a label, or an id."""
    caller, error = acting(signed_in), None
    if code.strip():
        try:
            return go(request, _find_unit(workspace, caller, code))
        except AuthcheckError as not_found:
            error = not_found
    with workspace.database.reading() as session:
        rows = facets.find(session, caller, PAGE + 1)
        states = batches.count_states(session, rows[:PAGE])
        api = facets.api(session, caller)
    is_filtered = bool(facets.words or facets.design or facets.state)
    return render(
        request,
        "certificates/batches.html",
        status=status_of(request, error) if error else 200,
        problem=problem_of(request, error, "code") if error else None,
        code=code,
        batches=[{**batch_of(row), "states": states[row.id]} for row in rows[:PAGE]],
        facets={"words": facets.words, "design": facets.design, "state": facets.state},
        is_filtered=is_filtered,
        may_issue=caller.may(Resource.CERTIFICATES, Right.WRITE),
        first_page=f"/certificates{facets.query()}" if facets.before else None,
        next_page=f"/certificates{facets.query(before=rows[PAGE - 1].id)}" if len(rows) > PAGE else None,
        api=api,
        csv=f"/certificates.csv{facets.query(before=facets.before)}",
        as_of=utc_now(),
    )


def _find_unit(workspace: Workspace, caller: Principal, text: str) -> str:
    """Return the address of a unit among those of its batch. Raises as `batches.get_certificate`."""
    with workspace.database.reading() as session:
        unit = batches.get_certificate(session, text, caller.organisation_id, reach=caller.reach)
        number = unit.number_in_batch
        return f"/certificates/{unit.batch_id}?start={number}#unit-{number}"


class Shown:
    """The part of a batch that its page shows: units of a state from a number on, and a sheet of labels."""

    def __init__(self, state: Word = "", start: Number = 1, layout: Word = USUAL_LAYOUT) -> None:
        self.state = state if state in UNIT_FILTERS else ""
        self.start = start
        self.layout = layout if layout in LAYOUTS else USUAL_LAYOUT

    def address(self, batch: Batch, start: int) -> str:
        """Return the address of the page of a batch that shows the units from `start` on."""
        pairs = {"state": self.state, "start": str(start) if start > 1 else ""}
        query = urlencode({name: value for name, value in pairs.items() if value})
        return f"/certificates/{batch.id}" + (f"?{query}" if query else "")


@router.get("/certificates/{batch_id}")
def show_one(  # noqa: PLR0917 - what every page has
    request: Request,
    signed_in: ReaderDep,
    workspace: WorkspaceDep,
    batch_id: BatchId,
    shown: Annotated[Shown, Depends(Shown)],
    notice: Word = "",
) -> HTMLResponse:
    """Show a batch: its units page by page, a label, the files, and what may be done."""
    return show_batch(request, workspace, acting(signed_in), batch_id, shown, notice=notice)


def show_batch(
    request: Request,
    workspace: Workspace,
    caller: Principal,
    batch_id: str,
    shown: Shown,
    *,
    notice: str = "",
    error: AuthcheckError | None = None,
    typed: Form | None = None,
) -> HTMLResponse:
    """Render the page of a batch. `typed` is the form of a revocation that `error` is about."""
    with workspace.database.reading() as session:
        contents = _contents(session, workspace.settings, caller, batch_id, shown)
    fields = {**contents.pop("said"), **({name: typed.text(name)[:2000] for name in TYPED} if typed else {})}
    return render(
        request,
        "certificates/batch.html",
        status=status_of(request, error) if error else 200,
        **contents,
        layout=shown.layout,
        layouts=[(name, layout.labels) for name, layout in LAYOUTS.items()],
        most_labels=MOST_LABELS,
        may_issue=caller.may(Resource.CERTIFICATES, Right.WRITE),
        may_revoke=caller.may(Resource.REVOCATIONS, Right.WRITE),
        may_expect=caller.may(Resource.SCANS, Right.WRITE),
        notice=notice if notice in NOTICES else "",
        problem=problem_of(request, error) if error else None,
        typed=fields,
        as_of=utc_now(),
    )


def _contents(
    session: Session, settings: Settings, caller: Principal, batch_id: str, shown: Shown
) -> dict[str, Any]:
    """Return a batch with the shown units."""
    batch = batches.get_batch(session, batch_id, organisation_id=caller.organisation_id, reach=caller.reach)
    if shown.state == NEVER_SCANNED:
        found = never_scanned(session, batch.id, start=shown.start, limit=PAGE + 1)
    else:
        found = desk_search.units_of(session, batch, state=shown.state, start=shown.start, limit=PAGE + 1)
    units = found[:PAGE]
    scans, tx_ids = _scans_of(session, units), batches.transaction_ids(session, units)
    waiting = planned.waiting_of(session, caller.organisation_id, batch.id)
    counts = batches.count_states(session, [batch])[batch.id]
    expected = session.get(BatchExpectation, batch.id)
    return {
        "batch": {**batch_of(batch), "states": counts},
        "units": [unit_of(unit, scans.get(unit.id, 0), tx_ids.get(unit.id)) for unit in units],
        "state": shown.state,
        "label": _preview(session, settings, batch, shown.layout) if counts["active"] else None,
        "said": {
            "first": "",
            "last": "",
            "markets": ", ".join(expected.markets) if expected else "",
            "use_by": expected.use_by.isoformat() if expected and expected.use_by else "",
        },
        "sheets": range(1, batch.count + 1, MOST_LABELS),
        "waiting": [waiting_of(row) for row in waiting],
        "first_page": shown.address(batch, 1) if shown.start > 1 else None,
        "next_page": shown.address(batch, found[PAGE].number_in_batch) if len(found) > PAGE else None,
    }


def _preview(session: Session, settings: Settings, batch: Batch, layout: str) -> Markup | None:
    """Return a label of the batch as SVG, or None: the label cannot be printed, which its files explain."""
    number = session.scalars(
        select(func.min(Certificate.number_in_batch)).where(
            Certificate.batch_id == batch.id, Certificate.state == "active"
        )
    ).one()
    try:
        (label,) = labels_of(session, settings, batch, first=number, count=1)
        return Markup(label_svg(label, LAYOUTS[layout]))  # noqa: S704 - drawn by us, every text is escaped
    except AuthcheckError:
        return None


def batch_of(row: Batch) -> dict[str, Any]:
    """Return a batch for a page. The row is loaded with its design."""
    return {
        "id": row.id,
        "product": row.product,
        "gtin": row.gtin,
        "lot": row.lot,
        "count": row.count,
        "licence": row.licence_id,
        "created_at": row.created_at,
        "design": {"id": row.design.id, "title": row.design.title, "reference": row.design.reference},
    }


def unit_of(unit: Certificate, scans: int, tx_id: str | None) -> dict[str, Any]:
    """Return a unit for a page."""
    return {
        "id": unit.id,
        "number": unit.number_in_batch,
        "code": unit.code,
        "serial": "" if unit.serial == unit.code else unit.serial,
        "state": unit.state,
        "issued_at": unit.issued_at,
        "revoked_at": unit.revoked_at,
        "reason": unit.revocation_reason,
        "scans": scans,
        "tx_id": tx_id,
    }


def waiting_of(row: PlannedRevocation) -> dict[str, Any]:
    """Return a revocation that waits, or that was refused, for a page."""
    seconds = max(0, int((row.due_at - utc_now()).total_seconds()))
    return {
        "id": row.id,
        "count": row.count,
        "reason": row.reason,
        "due_at": row.due_at,
        "seconds": seconds,
        "is_refused": row.state == planned.REFUSED,
        "code": row.code,
    }


def _scans_of(session: Session, units: Sequence[Certificate]) -> dict[str, int]:
    """Return the number of scans of each scanned unit."""
    query = (
        select(ScanSession.certificate_id, func.count())
        .where(ScanSession.certificate_id.in_([unit.id for unit in units]))
        .group_by(ScanSession.certificate_id)
    )
    return {row[0]: row[1] for row in session.execute(query)}
