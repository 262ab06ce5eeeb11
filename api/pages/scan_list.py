"""The scans behind a figure, newest first, and the same as CSV."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from authcheck.members.principals import Principal
from authcheck.scans import listing
from authcheck.scans.listing import ADVICE, ScanFilter
from authcheck.scans.tables import ScanSession
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from ..i18n import Language, language_of
from .person import PersonRoute, acting
from .render import render
from .scan_figures import ReaderDep

PAGE = 50
router = APIRouter(route_class=PersonRoute, include_in_schema=False)
Word = Annotated[str, Query(max_length=40)]
FLAGS = {"true": True, "false": False}


class Facets:
    """The filter as the page's address has it. A value that we do not know names no limit."""

    def __init__(  # noqa: PLR0917 - one parameter per filter
        self,
        batch: Word = "",
        unit: Word = "",
        design: Word = "",
        country: Word = "",
        advice: Word = "",
        since: Word = "",
        until: Word = "",
        off_market: Word = "",
        counted: Word = "",
        first: Word = "",
    ) -> None:
        self.batch, self.unit, self.design = batch, unit, design
        self.country = country.upper()[:2]
        self.advice = advice if advice in ADVICE else ""
        self.since, self.until = since if day_of(since) else "", until if day_of(until) else ""
        self.off_market, self.counted, self.first = (
            value if value in FLAGS else "" for value in (off_market, counted, first)
        )

    def filter(self) -> ScanFilter:
        """Return the filter."""
        return ScanFilter(
            batch_id=self.batch,
            unit_id=self.unit,
            design_id=self.design,
            country=self.country,
            advice=self.advice,
            since=day_of(self.since),
            until=day_of(self.until),
            off_market=FLAGS.get(self.off_market),
            counted=FLAGS.get(self.counted),
            first=self.first == "true",
        )

    def query(self, **more: str) -> str:
        """Return the query of an address with this filter."""
        pairs = {name: value for name, value in {**vars(self), **more}.items() if value}
        return f"?{urlencode(pairs)}" if pairs else ""


FacetsDep = Annotated[Facets, Depends(Facets)]


def day_of(text: str) -> date | None:
    """Return a day of an address, or None for any other text."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@router.get("/scans/list")
def show(
    request: Request, signed_in: ReaderDep, workspace: WorkspaceDep, facets: FacetsDep, before: Word = ""
) -> HTMLResponse:
    """List the scans of the filter, newest first."""
    caller, language = acting(signed_in), language_of(request)
    with workspace.database.reading() as session:
        rows = listing.list_scans(
            session,
            caller.organisation_id,
            facets.filter(),
            before=before,
            limit=PAGE + 1,
            reach=caller.reach,
        )
    return render(
        request,
        "scans/list.html",
        scans=[_scan(row, caller.organisation_id, language) for row in rows[:PAGE]],
        facets=vars(facets),
        answers=ADVICE,
        first_page=f"/scans/list{facets.query()}" if before else None,
        next_page=f"/scans/list{facets.query(before=rows[PAGE - 1].id)}" if len(rows) > PAGE else None,
        csv=f"/scans/list.csv{facets.query()}",
        api=f"/v1/scans{facets.query()}",
        as_of=utc_now(),
    )


def _scan(row: ScanSession, organisation_id: str, language: Language) -> dict[str, Any]:
    unit = row.certificate
    return {
        "at": row.started_at,
        "product": unit.batch.product,
        "lot": unit.lot,
        "batch": row.batch_id,
        "number": unit.number_in_batch,
        "is_own": row.organisation_id == organisation_id,
        "country": language.locale.territories.get(row.country, row.country),
        "off_market": bool(row.off_market),
        "way": row.way,
        "advice": row.advice,
        "requests": row.requests,
        "counted": row.counted,
    }


@router.get("/scans/list.csv")
def download(signed_in: ReaderDep, workspace: WorkspaceDep, facets: FacetsDep) -> Response:
    """Return all scans of the filter as CSV, oldest first."""
    pages = _read_csv(workspace, acting(signed_in), facets.filter())
    headers = {"Content-Disposition": 'attachment; filename="scans.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(pages, media_type="text/csv; charset=utf-8", headers=headers)


def _read_csv(workspace: Workspace, caller: Principal, facets: ScanFilter) -> Iterator[str]:
    with workspace.database.snapshot() as session:
        yield from listing.scans_csv(session, caller.organisation_id, facets, reach=caller.reach)
