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


class Period:
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

    def api(self) -> str:
        """Return the address of the same figures by the API."""
        pairs = {"since": self.since, "until": self.until, "batch": self.batch, "design": self.design}
        return f"/v1/scans/figures?{urlencode({name: value for name, value in pairs.items() if value})}"

    def query(self, **more: object) -> str:
        """Return the query of the page itself, changed."""
        pairs = {"days": self.days, "batch": self.batch, "design": self.design, **more}
        return f"?{urlencode({name: value for name, value in pairs.items() if value != ''})}"


PeriodDep = Annotated[Period, Depends(Period)]


@router.get("/scans")
def show(request: Request, signed_in: ReaderDep, workspace: WorkspaceDep, period: PeriodDep) -> HTMLResponse:
    """Show the figures of a period."""
    caller = acting(signed_in)
    part = period.part(caller)
    with workspace.database.snapshot() as session:
        result = figures.compute(
            session, caller.organisation_id, since=period.since, until=period.until, part=part, batches=0
        )
        batches = _coverage(session, caller, period, PAGE + 1)
        markets = markets_of(session, {row.batch_id for row in batches})
    spans = _spans(result.days, period)
    last = batches[:PAGE][-1].batch_id if batches else ""
    wanted = {country for named in markets.values() for country in named}
    return render(
        request,
        "scans/scans.html",
        days=period.days,
        periods=[(number, f"/scans{period.query(days=number)}") for number in PERIODS],
        filters={"batch": period.batch, "design": period.design},
        unfiltered=f"/scans?days={period.days}",
        figures=_figures(result, period),
        chart=stack([span["counts"] for span in spans], running=1),
        spans=spans,
        is_weekly=period.days > MOST_BARS,
        flagged=[
            (
                kind,
                Portion(count, result.scanned_units),
                f"/alerts{_query(kind=kind, grave='yes', batch=period.batch)}",
            )
            for kind, count in result.flagged.items()
        ],
        countries=_countries(request, result, period, wanted),
        batches=[_batch(row, caller.organisation_id) for row in batches[:PAGE]],
        first_page=f"/scans{period.query()}" if period.before else None,
        next_page=f"/scans{period.query(before=last)}#batches" if len(batches) > PAGE else None,
        csv=f"/scans.csv{period.query(before=period.before)}",
        api=period.api(),
        as_of=utc_now(),
    )


_ORDER = ("verified", "cannot_tell", "careful", "revoked")  # from the bottom of a bar


def _coverage(session: Session, caller: Principal, period: Period, limit: int) -> list[BatchCoverage]:
    return coverage.coverage(
        session,
        caller.organisation_id,
        part=period.part(caller),
        before=period.before,
        limit=limit,
    )


@router.get("/scans.csv")
def download(signed_in: ReaderDep, workspace: WorkspaceDep, period: PeriodDep) -> Response:
    """Return the batches that the page shows as CSV."""
    with workspace.database.snapshot() as session:
        table = coverage.coverage_csv(_coverage(session, acting(signed_in), period, PAGE))
    headers = {"Content-Disposition": 'attachment; filename="coverage.csv"', "Cache-Control": "no-store"}
    return Response(table, media_type="text/csv; charset=utf-8", headers=headers)


def _figures(result: Figures, period: Period) -> list[dict[str, Any]]:
    """Return the figures above the chart: key, number or part, and the address of the rows."""
    answers = {code: sum(day.advice[code] for day in result.days) for code in ("careful", "revoked")}
    counted = {"counted": "true"}
    return [
        {"key": "sessions", "number": result.sessions, "rows": period.rows(**counted)},
        {"key": "first", "number": result.first, "rows": period.rows(first="true")},
        {"key": "careful", "number": answers["careful"], "rows": period.rows(advice="careful", **counted)},
        {"key": "revoked", "number": answers["revoked"], "rows": period.rows(advice="revoked", **counted)},
        {
            "key": "off_market",
            "part": Portion(result.off_market, result.located_in_markets),
            "rows": period.rows(off_market="true", **counted),
        },
        {
            "key": "flagged",
            "part": Portion(result.flagged_units, result.scanned_units),
            "rows": f"/alerts{_query(grave='yes', batch=period.batch)}",
        },
        {"key": "probing", "number": result.probing, "rows": period.rows(counted="false")},
    ]


def _spans(days: Sequence[Day], period: Period) -> list[dict[str, Any]]:
    """Return the bars of the chart from left to right: days, or weeks that end today for a long period."""
    length = 7 if period.days > MOST_BARS else 1
    ends = range(len(days), 0, -length)
    return [_span(days[max(0, end - length) : end], period) for end in reversed(ends)]


def _span(days: Sequence[Day], period: Period) -> dict[str, Any]:
    within = {"since": days[0].day, "until": days[-1].day, "counted": "true"}
    counts = {code: sum(day.advice[code] for day in days) for code in _ORDER}
    return {
        "day": days[0].day,
        "sessions": sum(counts.values()),
        "first": sum(day.first for day in days),
        "rows": period.rows(**within),
        "counts": counts,
        "answers": [(code, count, period.rows(**within, advice=code)) for code, count in counts.items()],
    }


def _query(**pairs: str) -> str:
    return f"?{urlencode({name: value for name, value in pairs.items() if value})}"


def _countries(request: Request, result: Figures, period: Period, wanted: set[str]) -> list[dict[str, Any]]:
    """Return the countries, most sessions first, then the few, whose rows might name a phone."""
    names = language_of(request).locale.territories
    known = [(code, count) for code, count in result.countries.items() if code]
    rows = [
        {
            "code": code,
            "name": names.get(code, code),
            "part": Portion(count, result.sessions),
            "is_expected": code in wanted if wanted else None,
            "rows": period.rows(country=code, counted="true"),
        }
        for code, count in known
    ]
    unknown = period.rows(country=UNKNOWN, counted="true")
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
