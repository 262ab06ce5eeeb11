"""Builders of cases: a marketplace hands suspect listings in."""

from datetime import date, timedelta
from typing import Any

import make

from authcheck.cases import listing as case_list
from authcheck.cases import timeline
from authcheck.cases.opening import open_for
from authcheck.cases.tables import Case, CaseEvent
from authcheck.listings import judging
from authcheck.listings.offers import NewListing
from authcheck.members import organisations
from authcheck.workspace import Workspace

DAY = date(2026, 11, 23)


def market(work: Workspace, handle: str = "bazaar", *kinds: str) -> str:
    """Return the id of an organisation, made at the first call."""
    with work.database.writing() as session:
        found = organisations.find_organisation(session, handle)
        if found is None:
            roles = kinds or ("marketplace",)
            found = organisations.create_organisation(
                session, handle=handle, name=handle, roles=roles, now=make.NOW
            )
        return found.id


def hand_in(
    work: Workspace,
    reference: str = "L-1",
    *,
    by: str = "bazaar",
    later_h: float = 0,
    seed: int = 1,
    picture: bytes = b"",
    **words: Any,
) -> Any:
    """Hand a listing in, with a picture or with a copy of a design's picture."""
    fields = {"seller": "kites", "channel": "bigmarket", "territory": "DE", "listed_on": DAY}
    picture = picture or make.picture_bytes(seed, "JPEG", quality=70)
    return judging.check_listing(
        work,
        NewListing(**{"reference": reference, **fields, **words}),
        [("a.jpg", picture)],
        organisation_id=market(work, by),
        source="api",
        now=make.NOW + timedelta(hours=later_h),
        then=open_for,
    ).listing


def cases_of(work: Workspace) -> list[Case]:
    """Return all cases with their listings."""
    with work.database.reading() as session:
        rows = case_list.list_cases(session, organisation_id=None)
        return [case_list.get_case(session, row.id, organisation_id=None) for row in rows]


def events_of(work: Workspace, case: Case) -> list[CaseEvent]:
    """Return a case's timeline."""
    with work.database.reading() as session:
        return list(timeline.events_of(session, case.id))
