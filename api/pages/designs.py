"""The page *Designs*: a brand's designs as a grid, found by words and by a picture."""

from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.orm import Session

from authcheck.checks.answers import answer, read_submission
from authcheck.checks.verdicts import VerdictCode, code_for
from authcheck.errors import AuthcheckError, NotFound
from authcheck.licences.ending_rights import NEEDS, designs_with
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.members.sessions import SignedIn
from authcheck.registry import design_search
from authcheck.registry.design_search import LIVE, Wanted
from authcheck.registry.designs import KINDS, STATES, get_design
from authcheck.registry.tables import Design
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from ..etags import not_modified, picture_response
from ..previews import Previews
from ..uploads import take_place
from .designs_view import HIT_DAYS, cards_of, designs_csv, first_picture
from .person import NeedsPerson, PersonRoute, acting, problem_of, status_of
from .render import render
from .sent_files import SentDep

PAGE = 60
MOST_RANKED = 64  # designs of all owners, of which the own ones are shown
PICTURE_CACHE = "private, max-age=31536000, immutable"
router = APIRouter(route_class=PersonRoute, include_in_schema=False)
ReaderDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.DESIGNS, Right.READ)))]
WriterDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.DESIGNS, Right.WRITE)))]
Word = Annotated[str, Query(max_length=200)]
Key = Annotated[str, Query(max_length=40)]
DesignId = Annotated[str, Path(max_length=40)]


class Facets:
    """The filter of the page as its form sends it. A value that we do not know names no limit."""

    def __init__(
        self, words: Word = "", kind: Word = "", state: Word = "", collection: Word = "", rights: Word = ""
    ) -> None:
        self.words, self.collection = words.strip(), collection
        self.rights = rights if rights in NEEDS else ""
        self.kind = kind if kind in KINDS else ""
        self.state = state if state in {"all", *STATES} else ""

    def wanted(self) -> Wanted:
        """Return the filter. By default retired designs are left out."""
        state = "" if self.state == "all" else self.state or LIVE
        return Wanted(words=self.words, kind=self.kind, state=state, collection=self.collection)

    def query(self, **more: str) -> str:
        """Return the query of an address that keeps the filter."""
        pairs = {name: value for name, value in {**vars(self), **more}.items() if value}
        return f"?{urlencode(pairs)}" if pairs else ""

    def api_path(self, before: str) -> str:
        """Return the path by which the API lists the same designs."""
        pairs = {**asdict(self.wanted()), "rights": self.rights}
        pairs |= {"order": "newest", "limit": str(PAGE), "after": before}
        return f"/v1/designs?{urlencode({name: value for name, value in pairs.items() if value})}"


FacetsDep = Annotated[Facets, Depends(Facets)]


@router.get("/designs")
def show(
    request: Request, signed_in: ReaderDep, workspace: WorkspaceDep, facets: FacetsDep, before: Key = ""
) -> HTMLResponse:
    """Show the designs of the filter, newest first."""
    return _show(request, acting(signed_in), workspace, facets, before=before)


def _show(
    request: Request,
    caller: Principal,
    workspace: Workspace,
    facets: Facets,
    *,
    before: str = "",
    error: AuthcheckError | None = None,
) -> HTMLResponse:
    now = utc_now()
    with workspace.database.reading() as session:
        rows = _rows(session, caller, facets, before)
        cards = cards_of(session, rows[:PAGE], caller, now)
        collections = design_search.collections_of(session, caller.organisation_id, reach=caller.reach)
    return render(
        request,
        "designs/designs.html",
        status=status_of(request, error) if error else 200,
        cards=cards,
        facets=vars(facets),
        choices={"kinds": KINDS, "states": STATES, "collections": collections, "rights": NEEDS},
        is_filtered=bool(facets.query()),
        first=f"/designs{facets.query()}" if before else None,
        next_page=f"/designs{facets.query(before=rows[PAGE - 1].id)}" if len(rows) > PAGE else None,
        csv=f"/designs.csv{facets.query(before=before)}",
        api=facets.api_path(before),
        hit_days=HIT_DAYS,
        found=None,
        may_register=caller.may(Resource.DESIGNS, Right.WRITE) and caller.reach.designs is None,
        problem=problem_of(request, error, "image") if error else None,
        as_of=now,
    )


def _rows(session: Session, caller: Principal, facets: Facets, before: str) -> list[Design]:
    """Return the rows of a page, and one more if another page follows."""
    return list(
        design_search.list_wanted(
            session,
            facets.wanted(),
            owner_id=caller.organisation_id,
            after=before,
            newest_first=True,
            limit=PAGE + 1,
            reach=caller.reach,
            among=designs_with(caller.organisation_id, facets.rights, utc_now().date())
            if facets.rights
            else None,
        )
    )


@router.get("/designs.csv")
def download(signed_in: ReaderDep, workspace: WorkspaceDep, facets: FacetsDep, before: Key = "") -> Response:
    """Return the designs of one page as CSV."""
    caller = acting(signed_in)
    with workspace.database.reading() as session:
        rows = _rows(session, caller, facets, before)[:PAGE]
        content = designs_csv(cards_of(session, rows, caller, utc_now()))
    headers = {"Content-Disposition": 'attachment; filename="designs.csv"', "Cache-Control": "no-store"}
    return Response(content, media_type="text/csv", headers=headers)


@router.post("/designs")
def search(request: Request, signed_in: ReaderDep, sent: SentDep, workspace: WorkspaceDep) -> Response:
    """Show the own designs that a picture shows or resembles, best first. Store nothing."""
    caller = acting(signed_in)
    try:
        part, data = sent.file("image")
        return _search(request, caller, workspace, data, part.filename or "?")
    except AuthcheckError as error:
        return _show(request, caller, workspace, Facets(), error=error)


def _search(request: Request, caller: Principal, workspace: Workspace, data: bytes, name: str) -> Response:
    now, policy = utc_now(), workspace.policy
    submission = read_submission(data, workspace.limits)
    result = answer(workspace.database, workspace.finder, submission, policy, designs=MOST_RANKED)
    verdicts = {candidate.design_id: code_for(candidate.score, policy) for candidate in result.ranked}
    shown = [design_id for design_id, verdict in verdicts.items() if verdict is not VerdictCode.NONE]
    with workspace.database.reading() as session:
        own = design_search.list_named(session, shown, owner_id=caller.organisation_id, reach=caller.reach)
        cards = cards_of(session, [own[design_id] for design_id in shown if design_id in own], caller, now)
        collections = design_search.collections_of(session, caller.organisation_id, reach=caller.reach)
    found: list[dict[str, Any]] = [{**card, "verdict": verdicts[card["id"]].value} for card in cards]
    return render(
        request,
        "designs/designs.html",
        cards=found,
        facets=vars(Facets()),
        choices={"kinds": KINDS, "states": STATES, "collections": collections, "rights": NEEDS},
        is_filtered=True,
        first=None,
        next_page=None,
        csv=None,
        api="/v1/checks",
        hit_days=HIT_DAYS,
        found=name,
        may_register=caller.may(Resource.DESIGNS, Right.WRITE) and caller.reach.designs is None,
        problem=None,
        as_of=now,
    )


@router.get("/designs/{design_id}/picture")
async def show_picture(
    request: Request,
    signed_in: ReaderDep,
    workspace: WorkspaceDep,
    design_id: DesignId,
    of: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Return a small copy of a picture of an own design. `of` is the beginning of its SHA-256."""
    caller = acting(signed_in)
    sha256 = await run_in_threadpool(_find_picture, workspace, caller, design_id, of)
    etag = f'"{sha256[:32]}-small"'
    if not_modified(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers={"ETag": etag, "Cache-Control": PICTURE_CACHE})
    previews: Previews = request.app.state.previews
    content = previews.find(sha256)
    if content is None:
        request.state.principal = caller
        await take_place(request)  # a picture of any size is decoded
        content = await run_in_threadpool(previews.make_of, sha256, workspace)
    cache = PICTURE_CACHE if of else "private, no-cache"
    return picture_response(content, "image/jpeg", etag, cache, f"{design_id}.jpg")


def _find_picture(workspace: Workspace, caller: Principal, design_id: str, of: str) -> str:
    with workspace.database.glancing() as session:
        design = get_design(session, design_id, owner_id=caller.organisation_id, reach=caller.reach)
    if not of:
        return first_picture(design)
    sha256 = next((view.picture_sha256 for view in design.views if view.picture_sha256.startswith(of)), None)
    if sha256 is None:
        raise NotFound("The design has no such picture.", code="view.not_found")
    return sha256
