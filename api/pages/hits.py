"""The page *Hits*: the listings that show a brand's designs, in groups of one picture."""

from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response

from authcheck.cases import hit_pictures, hit_search
from authcheck.cases.hit_csv import hits_csv
from authcheck.cases.hit_search import SUSPECT_VERDICTS, Filter, Group
from authcheck.cases.stages import OF_HITS, Stage
from authcheck.listings.policies import ListingVerdict
from authcheck.members.permissions import Resource, Right
from authcheck.members.sessions import SignedIn
from authcheck.storage.opening import utc_now

from ..deps import WorkspaceDep
from .hits_view import MOST_GROUPS, hit_of, show_listings
from .person import NeedsPerson, PersonRoute, acting
from .render import render

PAGE = MOST_GROUPS
MOST_CSV_ROWS = 10_000
DAYS = (7, 30, 90)
VERDICTS = tuple(verdict for verdict in ListingVerdict if verdict is not ListingVerdict.NONE)
router = APIRouter(route_class=PersonRoute, include_in_schema=False)
HitsReaderDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.LISTINGS, Right.READ)))]
Word = Annotated[str, Query(max_length=200)]
Key = Annotated[str, Query(max_length=40)]


class Facets:
    """The filter of the page as its form sends it. A value that we do not know names no limit."""

    def __init__(  # noqa: PLR0917 - one parameter per facet
        self,
        verdict: Word = "",
        design: Word = "",
        marketplace: Word = "",
        seller: Word = "",
        stage: Word = "",
        days: Word = "",
    ) -> None:
        self.verdict = verdict if verdict in {"all", *VERDICTS} else ""
        self.design, self.marketplace, self.seller = design, marketplace, seller
        self.stage = stage if stage in set(OF_HITS) else ""
        self.days = days if days in {str(number) for number in DAYS} else ""

    def filter(self) -> Filter:
        """Return the filter: by default the suspect verdicts, of any day."""
        since = (utc_now() - timedelta(days=int(self.days))).date() if self.days else None
        default = SUSPECT_VERDICTS if not self.verdict else (self.verdict,)
        return Filter(
            verdicts=() if self.verdict == "all" else default,
            design=self.design,
            marketplace=self.marketplace,
            seller=self.seller,
            stage=Stage(self.stage) if self.stage else None,
            since=since,
        )

    def query(self, **more: str) -> str:
        """Return the query of an address that keeps the filter."""
        pairs = {**{name: value for name, value in vars(self).items() if value}, **more}
        return f"?{urlencode(pairs)}" if pairs else ""


FacetsDep = Annotated[Facets, Depends(Facets)]


@router.get("/hits")
def show(
    request: Request, signed_in: HitsReaderDep, workspace: WorkspaceDep, facets: FacetsDep, before: Key = ""
) -> HTMLResponse:
    """Show the groups, the newest picture first."""
    caller, now = acting(signed_in), utc_now()
    owner_id, reach = caller.organisation_id, caller.reach
    with workspace.database.reading() as session:
        found = hit_search.list_groups(
            session, facets.filter(), owner_id=owner_id, before=before, limit=PAGE + 1, reach=reach
        )
        groups = found[:PAGE]
        medians = hit_search.licensed_medians(session, owner_id, {group.design.id for group in groups})
        pictures = hit_pictures.find(session, [group.examples[0] for group in groups])
        shown = [
            {
                **_group_of(group),
                "hits": [hit_of(hit, medians) for hit in group.examples],
                "picture": hit_pictures.is_kept(workspace.copies, pictures.get(group.examples[0].id), now),
            }
            for group in groups
        ]
        marketplaces = hit_search.marketplaces_of(session, owner_id)
    following = facets.query(before=groups[-1].key) if len(found) > PAGE else None
    return render(
        request,
        "hits/hits.html",
        groups=shown,
        facets=vars(facets),
        choices={
            "verdicts": VERDICTS, "stages": OF_HITS, "days": DAYS, "marketplaces": marketplaces,
        },
        csv=f"/hits.csv{facets.query()}",
        next_page=f"/hits{following}" if following else None,
        is_first=not before,
        as_of=now,
    )  # fmt: skip


def _group_of(group: Group) -> dict[str, Any]:
    return {
        "key": group.key,
        "example": group.examples[0].id,
        "design": {"id": group.design.id, "title": group.design.title, "reference": group.design.reference},
        "count": group.count,
        "sellers": group.sellers,
        "verdicts": [(verdict, group.verdicts[verdict]) for verdict in VERDICTS if verdict in group.verdicts],
        "spread_bits": group.spread_bits,
    }


@router.get("/hits/listings")
def show_chosen(
    request: Request,
    signed_in: HitsReaderDep,
    workspace: WorkspaceDep,
    group: Annotated[list[Key] | None, Query(max_length=PAGE)] = None,
) -> HTMLResponse:
    """Show the listings of the chosen groups, with the form of a notice for those who may file one."""
    return show_listings(request, signed_in, workspace, groups=tuple(group or ()))


@router.get("/hits/picture")
def show_picture(signed_in: HitsReaderDep, workspace: WorkspaceDep, hit: Key = "") -> Response:
    """Return a small copy of the picture of a hit, if a copy is still there."""
    caller = acting(signed_in)
    with workspace.database.reading() as session:
        check = hit_pictures.check_of(session, hit, owner_id=caller.organisation_id, reach=caller.reach)
    data = hit_pictures.thumbnail(workspace.copies, check, utc_now())
    headers = {"Cache-Control": "private, max-age=3600"}
    return Response(data, media_type="image/webp", headers=headers)


@router.get("/hits.csv")
def download(signed_in: HitsReaderDep, workspace: WorkspaceDep, facets: FacetsDep) -> Response:
    """Return the hits of the filter as CSV, the newest 10,000 at most.

    A cell that a spreadsheet would run as a formula begins with an apostrophe.
    """
    caller = acting(signed_in)
    with workspace.database.reading() as session:
        rows = hit_search.list_hits(
            session,
            facets.filter(),
            owner_id=caller.organisation_id,
            limit=MOST_CSV_ROWS,
            newest_first=True,
            reach=caller.reach,
        )
        design_ids = {row.design_id for row in rows}
        medians = hit_search.licensed_medians(session, caller.organisation_id, design_ids)
    headers = {"Content-Disposition": 'attachment; filename="hits.csv"', "Cache-Control": "no-store"}
    return Response(hits_csv(rows, medians), media_type="text/csv", headers=headers)
