"""What the page *Cases* shows: how many cases wait, and the first of them in the order of work."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session, joinedload

from authcheck.cases.leases import is_held
from authcheck.cases.states import State
from authcheck.cases.tables import Case, CaseItem
from authcheck.ids import normal_id
from authcheck.listings.tables import EvidenceHold, Listing
from authcheck.registry.tables import Design
from authcheck.storage.parameters import can_be_stored

from .case_pictures import first_picture, holds_of
from .case_view import Desk, bar_of, first_pictures, names_of

MOST_SHOWN = 50


def queue_of(desk: Desk, organisation_id: str, *, state: str, search: str) -> dict[str, Any]:
    """Return the context of the page: counts by state, those due now, and the first cases of a state.

    With `search`, the cases of any state with this id, of this seller, or with a listing of this reference.
    """
    session, now = desk.session, desk.now
    by_state = select(Case.state, func.count()).where(Case.organisation_id == organisation_id)
    counts = dict(session.execute(by_state.group_by(Case.state)).all())
    due = select(func.count()).select_from(Case).where(*_are_open(organisation_id), Case.due_at <= now)
    if search:
        cases = _found(session, organisation_id, search)
    elif state == State.OPEN:
        cases = in_order(session, organisation_id, now)
    else:
        newest = _select(organisation_id).where(Case.state == state).order_by(Case.id.desc())
        cases = session.scalars(newest).all()
    return {
        "counts": {name.value: counts.get(name.value, 0) for name in State},
        "due": session.scalar(due) or 0,
        "state": state,
        "search": search,
        "rows": _rows(desk, cases),
        "total": len(cases) if search else counts.get(state, 0),
    }


def _rows(desk: Desk, cases: Sequence[Case]) -> list[dict[str, Any]]:
    names = names_of(desk.session, (case.lease_holder for case in cases))
    held: dict[str, EvidenceHold] = {}
    for hold in holds_of(desk.session, {case.id for case in cases}):
        held.setdefault(hold.case_id, hold)
    return [
        {
            **bar_of(desk, case, names),
            "design": case.design.title,
            "owner": case.design.owner.name,
            "picture": first_picture(held.get(case.id), case, desk.workspace, desk.now),
        }
        for case in cases
    ]


def in_order(session: Session, organisation_id: str, now: datetime) -> Sequence[Case]:
    """Return the first open cases in the order of work: those that are due, then by rank.

    Two queries that each follow an index: a marketplace may have 100,000 open cases.
    """
    waiting = _select(organisation_id).where(*_are_open(organisation_id))
    due = session.scalars(waiting.where(Case.due_at <= now).order_by(Case.due_at, Case.id)).all()
    if len(due) >= MOST_SHOWN:
        return due
    by_rank = waiting.where(Case.due_at > now).order_by(Case.rank.desc(), Case.id)
    return [*due, *session.scalars(by_rank.limit(MOST_SHOWN - len(due)))]


def neighbours_of(desk: Desk, case: Case) -> dict[str, Any]:
    """Return the place of a case in the order of work, from 1, and the ids before and after it.

    A case that is not among the first has no place. After it comes the first case. `preload` are the pictures
    of the case that the reader probably gets next. To know it takes nobody's lease.
    """
    rows = in_order(desk.session, str(case.organisation_id), desk.now)
    ids = [row.id for row in rows]
    free = (row for row in rows if row.id != case.id and not is_held(row, desk.now))
    shown = f"{len(ids)}+" if len(ids) == MOST_SHOWN else str(len(ids))
    around: dict[str, Any] = {"place": None, "before": None, "after": next(iter(ids), None), "shown": shown}
    if case.id in ids:
        place = ids.index(case.id)
        around = {
            "place": place + 1,
            "before": ids[place - 1] if place else None,
            "after": ids[place + 1] if place + 1 < len(ids) else None,
            "shown": shown,
        }
    return {**around, "preload": first_pictures(desk, next(free, None))}


def _found(session: Session, organisation_id: str, search: str) -> Sequence[Case]:
    if not can_be_stored(search):
        return []
    with_listing = (
        select(CaseItem.case_id)
        .join(Listing, Listing.id == CaseItem.listing_id)
        .where(Listing.organisation_id == organisation_id, Listing.reference == search)
    )
    is_found = or_(Case.id == normal_id(search), Case.seller == search, Case.id.in_(with_listing))
    return session.scalars(_select(organisation_id).where(is_found).order_by(Case.id.desc())).all()


def _are_open(organisation_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Case.organisation_id == organisation_id, Case.state == State.OPEN


def _select(organisation_id: str) -> Select[Case]:
    return (
        select(Case)
        .where(Case.organisation_id == organisation_id)
        .options(joinedload(Case.design).joinedload(Design.owner))
        .limit(MOST_SHOWN)
    )
