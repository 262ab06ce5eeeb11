"""The page *Scans*: what buyers look at, by day, place and batch, each figure with its rows."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.orm import Session

from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.members.sessions import SignedIn
from authcheck.scans import coverage, figures
from authcheck.scans.coverage import BatchCoverage
from authcheck.scans.figures import Day, Figures
from authcheck.scans.listing import UNKNOWN
from authcheck.scans.parts import Part
from authcheck.scans.standing import markets_of
from authcheck.storage.opening import utc_now

from ..deps import WorkspaceDep
from ..i18n import language_of
from .charts import Portion, stack
from .person import NeedsPerson, PersonRoute, acting
from .render import render

PERIODS = (7, 30, 90, 365)
USUAL_DAYS = 30
PAGE = 50  # batches
MOST_BARS = 90  # longer periods are drawn by weeks
router = APIRouter(route_class=PersonRoute, include_in_schema=False)
ReaderDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.SCANS, Right.READ)))]
Id = Annotated[str, Query(max_length=40)]


class Asked:
    """The period and the part of the units that the page is about."""

    def __init__(self, days: Id = "", batch: Id = "", design: Id = "", before: Id = "") -> None:
        self.days = int(days) if days in {str(number) for number in PERIODS} else USUAL_DAYS
        self.batch, self.design, self.before = batch, design, before
        self.until = utc_now().date()
        self.since = self.until - timedelta(days=self.days - 1)

    def part(self, caller: Principal) -> Part:
        """Return the part of the units that the caller may see."""
        return Part(batch_id=self.batch, design_id=self.design, reach=caller.reach)

    def rows(self, **more: object) -> str:
        """Return the address of the scans of the period, with more filters."""
        pairs = {"batch": self.batch, "design": self.design, "since": self.since, "until": self.until, **more}
        return f"/scans/list?{urlencode({name: value for name, value in pairs.items() if value != ''})}"

    def query(self, **more: object) -> str:
        """Return the query of the page itself, changed."""
        pairs = {"days": self.days, "batch": self.batch, "design": self.design, **more}
        return f"?{urlencode({name: value for name, value in pairs.items() if value != ''})}"


AskedDep = Annotated[Asked, Depends(Asked)]


@router.get("/scans")
def show(request: Request, signed_in: ReaderDep, workspace: WorkspaceDep, asked: AskedDep) -> HTMLResponse:
    """Show the figures of a period."""
    caller = acting(signed_in)
    part = asked.part(caller)
    with workspace.database.snapshot() as session:
        result = figures.compute(
            session, caller.organisation_id, since=asked.since, until=asked.until, part=part, batches=0
        )
        batches = _coverage(session, caller, asked, PAGE + 1)
        markets = markets_of(session, {row.batch_id for row in batches})
    spans = _spans(result.days, asked)
    last = batches[:PAGE][-1].batch_id if batches else ""
    wanted = {country for named in markets.values() for country in named}
    return render(
        request,
        "scans/scans.html",
        days=asked.days,
        periods=[(number, f"/scans{asked.query(days=number)}") for number in PERIODS],
        filters={"batch": asked.batch, "design": asked.design},
        unfiltered=f"/scans?days={asked.days}",
        figures=_figures(result, asked),
        chart=stack([span["counts"] for span in spans], running=1),
        spans=spans,
        is_weekly=asked.days > MOST_BARS,
        countries=_countries(request, result, asked, wanted),
        batches=[_batch(row, caller.organisation_id) for row in batches[:PAGE]],
        first_page=f"/scans{asked.query()}" if asked.before else None,
        next_page=f"/scans{asked.query(before=last)}#batches" if len(batches) > PAGE else None,
        csv=f"/scans.csv{asked.query(before=asked.before)}",
        api=f"/v1/scans/figures?{urlencode({'since': asked.since, 'until': asked.until})}",
        as_of=utc_now(),
    )


_ORDER = ("verified", "cannot_tell", "careful", "revoked")  # from the bottom of a bar


def _coverage(session: Session, caller: Principal, asked: Asked, limit: int) -> list[BatchCoverage]:
    return coverage.coverage(
        session,
        caller.organisation_id,
        part=asked.part(caller),
        before=asked.before,
        limit=limit,
    )


@router.get("/scans.csv")
def download(signed_in: ReaderDep, workspace: WorkspaceDep, asked: AskedDep) -> Response:
    """Return the batches that the page shows as CSV."""
    with workspace.database.snapshot() as session:
        table = coverage.coverage_csv(_coverage(session, acting(signed_in), asked, PAGE))
    headers = {"Content-Disposition": 'attachment; filename="coverage.csv"', "Cache-Control": "no-store"}
    return Response(table, media_type="text/csv; charset=utf-8", headers=headers)


def _figures(result: Figures, asked: Asked) -> list[dict[str, Any]]:
    """Return the figures above the chart: key, number or part, and the address of the rows."""
    answers = {code: sum(day.advice[code] for day in result.days) for code in ("careful", "revoked")}
    counted = {"counted": "true"}
    flagged = {"grave": "yes", "batch": asked.batch}
    return [
        {"key": "sessions", "number": result.sessions, "rows": asked.rows(**counted)},
        {"key": "first", "number": result.first, "rows": asked.rows(first="true")},
        {"key": "careful", "number": answers["careful"], "rows": asked.rows(advice="careful", **counted)},
        {"key": "revoked", "number": answers["revoked"], "rows": asked.rows(advice="revoked", **counted)},
        {
            "key": "off_market",
            "part": Portion(result.off_market, result.located_in_markets),
            "rows": asked.rows(off_market="true", **counted),
        },
        {
            "key": "flagged",
            "part": Portion(result.flagged_units, result.scanned_units),
            "rows": f"/alerts?{urlencode({name: value for name, value in flagged.items() if value})}",
        },
        {"key": "probing", "number": result.probing, "rows": asked.rows(counted="false")},
    ]


def _spans(days: Sequence[Day], asked: Asked) -> list[dict[str, Any]]:
    """Return the bars of the chart from left to right: days, or weeks that end today for a long period."""
    length = 7 if asked.days > MOST_BARS else 1
    ends = range(len(days), 0, -length)
    return [_span(days[max(0, end - length) : end], asked) for end in reversed(ends)]


def _span(days: Sequence[Day], asked: Asked) -> dict[str, Any]:
    within = {"since": days[0].day, "until": days[-1].day, "counted": "true"}
    counts = {code: sum(day.advice[code] for day in days) for code in _ORDER}
    return {
        "day": days[0].day,
        "sessions": sum(counts.values()),
        "first": sum(day.first for day in days),
        "rows": asked.rows(**within),
        "counts": counts,
        "answers": [(code, count, asked.rows(**within, advice=code)) for code, count in counts.items()],
    }


def _countries(request: Request, result: Figures, asked: Asked, wanted: set[str]) -> list[dict[str, Any]]:
    """Return the countries, most sessions first, then the few, whose rows might name a phone."""
    names = language_of(request).locale.territories
    known = [(code, count) for code, count in result.countries.items() if code]
    rows = [
        {
            "code": code,
            "name": names.get(code, code),
            "part": Portion(count, result.sessions),
            "is_expected": code in wanted if wanted else None,
            "rows": asked.rows(country=code, counted="true"),
        }
        for code, count in known
    ]
    unknown = asked.rows(country=UNKNOWN, counted="true")
    rest = (("few", result.few, None), ("unknown", result.countries.get("", 0), unknown))
    return rows + [
        {
            "code": "",
            "name": name,
            "part": Portion(count, result.sessions),
            "is_expected": None,
            "rows": place,
        }
        for name, count, place in rest
        if count
    ]


def _batch(row: BatchCoverage, organisation_id: str) -> dict[str, Any]:
    return {
        "id": row.batch_id,
        "product": row.product,
        "lot": row.lot,
        "part": Portion(row.scanned, row.issued),
        "never": row.never,
        "days_to_first": row.days_to_first,
        "is_own": row.organisation_id == organisation_id,
    }
