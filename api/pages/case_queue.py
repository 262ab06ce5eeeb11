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
from authcheck.members.sessions import SignedIn
from authcheck.registry.tables import Design
from authcheck.storage.parameters import can_be_stored
from authcheck.workspace import Workspace

from ..i18n import Language
from .case_pictures import first_picture, holds_of
from .case_view import bar_of, first_pictures, names_of

MOST_SHOWN = 50


def queue_of(
    session: Session,
    workspace: Workspace,
    signed_in: SignedIn,
    language: Language,
    *,
    organisation_id: str,
    state: str,
    search: str,
    now: datetime,
) -> dict[str, Any]:
    """Return the context of the page: counts by state, those due now, and the first cases of a state.

    With `search`, the cases of any state with this id, of this seller, or with a listing of this reference.
    """
    by_state = select(Case.state, func.count()).where(Case.organisation_id == organisation_id)
    counts = dict(session.execute(by_state.group_by(Case.state)).all())
    due = select(func.count()).select_from(Case).where(*_are_open(organisation_id), Case.due_at <= now)
    if search:
        rows = _found(session, organisation_id, search)
    elif state == State.OPEN:
        rows = in_order(session, organisation_id, now)
    else:
        newest = _select(organisation_id).where(Case.state == state).order_by(Case.id.desc())
        rows = session.scalars(newest).all()
    names = names_of(session, (row.lease_holder for row in rows))
    held: dict[str, EvidenceHold] = {}
    for hold in holds_of(session, {row.id for row in rows}):
        held.setdefault(hold.case_id, hold)
    return {
        "counts": {name.value: counts.get(name.value, 0) for name in State},
        "due": session.scalar(due) or 0,
        "state": state,
        "search": search,
        "rows": [
            {
                **bar_of(row, names, signed_in, language, now),
                "design": row.design.title,
                "owner": row.design.owner.name,
                "picture": first_picture(held.get(row.id), row, workspace, now),
            }
            for row in rows
        ],
        "total": len(rows) if search else counts.get(state, 0),
    }


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


def neighbours_of(session: Session, workspace: Workspace, case: Case, now: datetime) -> dict[str, Any]:
    """Return the place of a case in the order of work, from 1, and the ids before and after it.

    A case that is not among the first has no place. After it comes the first case. `preload` are the pictures
    of the case that the reader probably gets next. To know it takes nobody's lease.
    """
    rows = in_order(session, str(case.organisation_id), now)
    ids = [row.id for row in rows]
    free = (row for row in rows if row.id != case.id and not is_held(row, now))
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
    return {**around, "preload": first_pictures(session, workspace, next(free, None), now)}


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
