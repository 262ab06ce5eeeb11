"""The page *Licences*: who may do what. A licensee reads what it may make and sell."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.orm import Session

from authcheck.certificates.meters import units_issued
from authcheck.licences import listing
from authcheck.licences.codes import NICE_CLASSES
from authcheck.licences.licence_csv import licences_csv
from authcheck.licences.listing import SIDES, STATES, Filter
from authcheck.licences.naming import designs_called, parties_of
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Grant
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.members.sessions import SignedIn
from authcheck.storage.opening import utc_now

from ..deps import WorkspaceDep
from ..i18n import Language, language_of
from . import licence_words as words
from .licence_cards import cards_of
from .person import NeedsPerson, PersonRoute, acting
from .render import render
from .sellers_view import countries_in

PAGE = 50
NAMED_DESIGNS = 2  # in a row of the table
router = APIRouter(route_class=PersonRoute, include_in_schema=False)
LicencesReaderDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.LICENCES, Right.READ)))]
Word = Annotated[str, Query(max_length=200)]
Key = Annotated[str, Query(max_length=40)]


class Facets:
    """The filter of the page as its form sends it. A value that we do not know names no limit."""

    def __init__(
        self, state: Word = "", role: Word = "", other: Word = "", design: Word = "", territory: Word = ""
    ) -> None:
        self.state = state if state in {"all", *STATES} else ""
        self.role = role if role in SIDES else ""
        self.other, self.design, self.territory = other.strip(), design.strip(), territory.strip()

    def filter(self) -> Filter:
        """Return the filter: by default the licences in force, not started, or waiting for an answer."""
        state = "" if self.state == "all" else self.state or "current"
        return Filter(state, self.role, self.other, self.design, self.territory)

    def query(self, **more: str) -> str:
        """Return the query of an address that keeps the filter."""
        pairs = {**{name: value for name, value in vars(self).items() if value}, **more}
        return f"?{urlencode(pairs)}" if pairs else ""

    def api(self, before: str) -> str:
        """Return the address of the same rows by the API."""
        wanted = self.filter()
        pairs = {"state": wanted.state, "role": self.role, "other": self.other, "design": self.design,
                 "territory": self.territory, "order": "newest", "after": before,
                 "limit": str(PAGE)}  # fmt: skip
        return f"/v1/licences?{urlencode({name: value for name, value in pairs.items() if value})}"


FacetsDep = Annotated[Facets, Depends(Facets)]


def is_licensee_only(signed_in: SignedIn) -> bool:
    """Return whether the reader's organisation gets licences and owns no designs."""
    kinds = signed_in.organisation.roles if signed_in.organisation else []
    return "licensee" in kinds and "brand" not in kinds


@router.get("/licences")
def show(
    request: Request,
    signed_in: LicencesReaderDep,
    workspace: WorkspaceDep,
    facets: FacetsDep,
    before: Key = "",
) -> HTMLResponse:
    """List the licences that the organisation gave and got, newest first."""
    caller, now, language = acting(signed_in), utc_now(), language_of(request)
    as_cards = is_licensee_only(signed_in)
    with workspace.database.reading() as session:
        found = _find(session, caller, facets, before, PAGE + 1)
        shown = found[:PAGE]
        make = cards_of if as_cards else _rows_of
        rows = make(session, language, caller, shown, now)
    following = facets.query(before=shown[-1][0].id) if len(found) > PAGE else None
    query = facets.query(**({"before": before} if before else {}))
    return render(
        request,
        "licences/mine.html" if as_cards else "licences/licences.html",
        licences=rows,
        facets=vars(facets),
        states=STATES,
        csv=f"/licences.csv{query}",
        api=facets.api(before),
        first=f"/licences{facets.query()}" if before else None,
        next_page=f"/licences{following}" if following else None,
        is_filtered=bool(facets.query()),
        may_write=caller.may(Resource.LICENCES, Right.WRITE),
        problem=None,
        today=now.date(),
        countries=countries_in(language.tag),
        classes=[str(number) for number in NICE_CLASSES],
        as_of=now,
    )


@router.get("/licences.csv")
def download(
    signed_in: LicencesReaderDep, workspace: WorkspaceDep, facets: FacetsDep, before: Key = ""
) -> Response:
    """Return the rows of the page as CSV. A cell that a spreadsheet would run begins with an apostrophe."""
    caller, today = acting(signed_in), utc_now().date()
    with workspace.database.reading() as session:
        rows = _find(session, caller, facets, before, PAGE)
        handles = {id_: named.handle for id_, named in parties_of(session, [row for row, _ in rows]).items()}
        design_ids = {design_id for _, grant in rows for design_id in grant.terms.designs}
        references = {id_: named.handle for id_, named in designs_called(session, design_ids).items()}
    headers = {"Content-Disposition": 'attachment; filename="licences.csv"', "Cache-Control": "no-store"}
    return Response(licences_csv(rows, handles, references, today), media_type="text/csv", headers=headers)


def _find(
    session: Session, caller: Principal, facets: Facets, before: str, limit: int
) -> list[tuple[Licence, Grant]]:
    return listing.find(
        session,
        caller.organisation_id,
        facets.filter(),
        today=utc_now().date(),
        units=units_issued,
        after=before,
        limit=limit,
        reach=caller.reach,
    )


def _rows_of(
    session: Session, language: Language, caller: Principal, found: list[tuple[Licence, Grant]], now: Any
) -> list[dict[str, Any]]:
    """Return the rows of the table."""
    parties = parties_of(session, [row for row, _ in found])
    titles = designs_called(session, {d for _, grant in found for d in grant.terms.designs[:NAMED_DESIGNS]})
    return [
        _row_of(language, caller.organisation_id, row, grant, parties, titles, now) for row, grant in found
    ]


def _row_of(  # noqa: PLR0917 - what a row is made of
    language: Language, organisation_id: str, row: Licence, grant: Grant, parties: Any, titles: Any, now: Any
) -> dict[str, Any]:
    terms, is_got = grant.terms, row.licensee_id == organisation_id
    return {
        "id": row.id,
        "version": row.version,
        "is_got": is_got,
        "other": parties[row.owner_id if is_got else row.licensee_id].name,
        "designs": words.subjects(language, terms, titles, NAMED_DESIGNS),
        "territories": words.territories(language, terms, words.SHORT),
        "goods": words.goods(language, terms.goods, words.SHORT),
        "shops": words.shops(language, terms.channels, words.SHORT),
        "period": words.days(language, terms),
        "exclusive": terms.exclusive,
        "state": words.mark(language, grant, now.date(), is_got=is_got),
        "meter": words.meter(language, grant.units_issued, terms.cap),
    }
