"""Endpoints of scans: an app records what a person scans, and an issuer reads who scans its units."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session

from authcheck.certificates.batches import Selection
from authcheck.errors import Rejected
from authcheck.lookups import lookup
from authcheck.members.principals import Principal
from authcheck.registry.design_names import find_id
from authcheck.scans import figures, listing, marks
from authcheck.scans.listing import ScanFilter
from authcheck.scans.parts import Part
from authcheck.scans.recording import NewScan
from authcheck.scans.zones import believe
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import KeyFirst, ScansReader, ScansWriter, WorkspaceDep, public_read_limit
from ..paging import PagingDep
from ..recorder import Recorder
from ..scanners import origin_of
from ..wire.forms import Day, Page, Text
from ..wire.lookups import LookUpOut, certificate_out, holds_label
from ..wire.scans import (
    Advice,
    ExpectationIn,
    ExpectationOut,
    FiguresOut,
    MarkIn,
    MarkOut,
    ScanIn,
    ScanOut,
    expectation_out,
    figures_out,
    scan_out,
)

router = APIRouter(route_class=KeyFirst, prefix="/v1", tags=["scans"])
CSV: dict[int | str, dict[str, Any]] = {200: {"description": "The table.", "content": {"text/csv": {}}}}
MOST_DAYS = 366
USUAL_DAYS = 30


BatchId = Annotated[Text, Query(max_length=40, description="Id of a batch.")]
DesignId = Annotated[
    Text, Query(max_length=200, description="Id of a design, or the reference of one of yours.")
]


def read_filter(  # noqa: PLR0917 - one parameter per filter
    batch: BatchId = "",
    unit: Annotated[Text, Query(max_length=40, description="Id of a certificate.")] = "",
    design: DesignId = "",
    country: Annotated[Text, Query(max_length=2, description="ISO 3166-1, or ZZ for unknown.")] = "",
    advice: Advice | None = None,
    since: Annotated[Day | None, Query(description="The first day, in UTC.")] = None,
    until: Annotated[Day | None, Query(description="The last day, in UTC.")] = None,
    off_market: Annotated[
        bool | None, Query(description="Outside the markets of the batch, or inside.")
    ] = None,
    counted: Annotated[bool | None, Query(description="False: of phones that look up many units.")] = None,
    *,
    first: Annotated[bool, Query(description="Only the first scan of each unit.")] = False,
) -> ScanFilter:
    """Return the filter that a request asks for."""
    return ScanFilter(
        batch_id=batch,
        unit_id=unit,
        design_id=design,
        country=country,
        advice=advice or "",
        since=since,
        until=until,
        off_market=off_market,
        counted=counted,
        first=first,
    )


FilterDep = Annotated[ScanFilter, Depends(read_filter)]


@router.post("/scans", response_model=LookUpOut, dependencies=[Depends(public_read_limit)])
async def record_scan(request: Request, body: ScanIn, workspace: WorkspaceDep) -> Response:
    """Look a label up for a person, and record the scan. Apps that scan labels use it instead of the page.

    Send it from the person's phone, and the same `visit` when you repeat it. The answer is that of
    `GET /v1/certificates/{code}`, with what this scan has shown.
    """
    arguments = (workspace.database, workspace.settings, body.code, utc_now())
    result = lookup.look_up_at_once(*arguments)
    if result is None:
        result = await run_in_threadpool(lookup.look_up, *arguments)
    has_label = holds_label(result.unit, body.code)
    origin = origin_of(request)
    if has_label and origin.is_person:
        scan = NewScan(
            certificate_id=result.unit.id,
            visit=body.visit or secrets.token_urlsafe(16),
            visitor=origin.visitor,
            network=origin.network,
            place=believe(origin.place, body.zone),
            way="api",
            advice=result.advice,
            at=arguments[-1],
        )
        recorder: Recorder = request.app.state.recorder
        if await recorder.record(scan) and result.advice == "verified":
            result = await run_in_threadpool(lookup.look_up, *arguments)
    body_out = certificate_out(result, has_label=has_label)
    return Response(body_out.model_dump_json(), media_type="application/json")


@router.get("/scans")
def list_scans(
    caller: ScansReader, workspace: WorkspaceDep, paging: PagingDep, wanted: FilterDep
) -> Page[ScanOut]:
    """List the scans of units that you issued or whose design is yours, oldest first.

    A place is a country or a region. Nothing here names a person, and `phone` is erased after some months.
    """
    with workspace.database.reading() as session:
        rows = listing.list_scans(
            session,
            caller.organisation_id,
            _by_id(session, caller, wanted),
            after=paging.after,
            limit=paging.fetch,
            reach=caller.reach,
        )
        return paging.page(rows, scan_out)


@router.get("/scans/csv", response_class=Response, responses=CSV)
def export_scans(caller: ScansReader, workspace: WorkspaceDep, wanted: FilterDep) -> Response:
    """Return all these scans as a table for a spreadsheet."""
    headers = {"Content-Disposition": 'attachment; filename="scans.csv"'}
    with workspace.database.reading() as session:
        by_id = _by_id(session, caller, wanted)  # before the answer begins: an unknown reference is a 404
    pages = _read_csv(workspace, caller, by_id)
    return StreamingResponse(pages, media_type="text/csv; charset=utf-8", headers=headers)


def _read_csv(workspace: Workspace, caller: ScansReader, wanted: ScanFilter) -> Iterator[str]:
    with workspace.database.snapshot() as session:
        yield from listing.scans_csv(session, caller.organisation_id, wanted, reach=caller.reach)


def _by_id(session: Session, caller: Principal, wanted: ScanFilter) -> ScanFilter:
    """Return the filter with the id of its design, which an owner may name by reference."""
    if not wanted.design_id:
        return wanted
    return replace(wanted, design_id=find_id(session, caller.organisation_id, wanted.design_id, caller.reach))


@router.get("/scans/figures")
def show_figures(  # noqa: PLR0917 - one parameter per filter
    caller: ScansReader,
    workspace: WorkspaceDep,
    since: Annotated[Day | None, Query(description="The first day. By default 30 days ago.")] = None,
    until: Annotated[Day | None, Query(description="The last day. By default today, in UTC.")] = None,
    batch: BatchId = "",
    design: DesignId = "",
) -> FiguresOut:
    """Return figures about the scans of your units: per day, by country, coverage, off-market, flagged."""
    last = until or utc_now().date()
    first = since or last - timedelta(days=USUAL_DAYS - 1)
    check_period(first, last)
    with workspace.database.snapshot() as session:
        design_id = find_id(session, caller.organisation_id, design, caller.reach) if design else ""
        part = Part(batch_id=batch, design_id=design_id, reach=caller.reach)
        return figures_out(
            figures.compute(session, caller.organisation_id, since=first, until=last, part=part)
        )


def check_period(first: date, last: date) -> None:
    """Raise Rejected (`scan.period`) unless a period has 1 to 366 days."""
    if not 1 <= (last - first).days + 1 <= MOST_DAYS:
        raise Rejected(
            f"Choose 1 to {MOST_DAYS} days, the first one not after the last one.",
            code="scan.period",
            limit=MOST_DAYS,
        )


@router.post("/marks")
def mark_units(caller: ScansWriter, body: MarkIn, workspace: WorkspaceDep) -> MarkOut:
    """Mark units that you issued as sold or blocked, or take the mark back.

    A blocked unit warns its buyers at once. Many scans of a unit after its sale are suspect.
    """
    caller.reach.require_whole()
    selection = Selection(tuple(body.codes), body.batch, body.first, body.last)
    with workspace.database.writing() as session:
        changed = marks.mark(
            session,
            selection,
            body.mark,
            organisation_id=caller.organisation_id,
            reason=body.reason,
            by=caller.caller,
            now=utc_now(),
        )
    return MarkOut(changed=changed)


@router.get("/batches/{batch_id}/expectation")
def show_expectation(caller: ScansReader, batch_id: str, workspace: WorkspaceDep) -> ExpectationOut:
    """Return where you expect the units of a batch to be sold, and until when they may be used."""
    caller.reach.require_whole()
    with workspace.database.reading() as session:
        row = marks.expectation_of(session, batch_id, organisation_id=caller.organisation_id)
        return expectation_out(row)


@router.put("/batches/{batch_id}/expectation")
def say_expectation(
    caller: ScansWriter, batch_id: str, body: ExpectationIn, workspace: WorkspaceDep
) -> ExpectationOut:
    """Say where the units of a batch are sold, and until when they may be used.

    Scans elsewhere alert you, and scans later warn the buyer. Replaces what you said before.
    """
    caller.reach.require_whole()
    with workspace.database.writing() as session:
        row = marks.expect(
            session,
            batch_id,
            organisation_id=caller.organisation_id,
            markets=body.markets,
            use_by=body.use_by,
            now=utc_now(),
        )
        return expectation_out(row)
