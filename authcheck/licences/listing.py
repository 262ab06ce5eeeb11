"""The list of an organisation's licences, filtered: one row per version that the organisation gave or got."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy.orm import Session

from authcheck.ids import fold, normal_id
from authcheck.licences.codes import EVERYWHERE, normal_country
from authcheck.licences.grants import Units, grants_of, is_within, uncounted
from authcheck.licences.tables import Licence, LicenceSubject
from authcheck.licences.terms import Grant
from authcheck.members.reach import WHOLE, Reach
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.storage.json_lists import has_this_text
from authcheck.storage.parameters import can_be_stored

SOON = timedelta(days=30)
STATES = (
    "current", "accepted", "offered", "not_started", "active", "ending", "lapsed", "revoked", "declined",
    "superseded",
)  # fmt: skip
"""`current` is offered, not started or active. `accepted` is not started or active. `ending`
is active with a last day in the next 30 days."""
ACCEPTED = ("not_started", "active")
CURRENT = ("offered", *ACCEPTED)
SIDES = ("owner", "licensee")
CHUNK = 200  # rows that one statement reads
MOST_NAMED = 200  # designs that one search text names


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter of licences. An empty text names no limit.

    `state` is one of STATES. `side` is the own side: `owner` for the licences that the organisation gave.
    `party` is the handle of the other side, or a part of its name. `design` is the id or reference of a
    design, a part of its title, or the name of a collection. `territory` is a country in any spelling.
    """

    state: str = ""
    side: str = ""
    party: str = ""
    design: str = ""
    territory: str = ""


def find(
    session: Session,
    organisation_id: str,
    wanted: Filter,
    *,
    today: date,
    units: Units,
    after: str = "",
    limit: int = 50,
    newest_first: bool = True,
    reach: Reach = WHOLE,
) -> list[tuple[Licence, Grant]]:
    """Return at most `limit` licence versions from after the id `after`, each as row and as grant.

    States are those of the UTC day `today`. Only licences within reach.
    """
    conditions = _conditions(session, organisation_id, wanted, today)
    query = select(Licence).where(*conditions, is_within(reach))
    rows: list[Licence] = []
    for row, grant in _read(session, query, after, newest_first=newest_first, first=limit):
        if _is_in(wanted.state, grant, today):
            rows.append(row)
        if len(rows) == limit:
            break
    return list(zip(rows, grants_of(session, rows, units=units), strict=True))


def _read(
    session: Session, query: Select[Licence], after: str, *, newest_first: bool, first: int
) -> Iterator[tuple[Licence, Grant]]:
    """Yield the rows of a query chunk by chunk, each with its grant without units."""
    limit = first
    while True:
        chunk = query
        if after:
            chunk = chunk.where(Licence.id < after if newest_first else Licence.id > after)
        chunk = chunk.order_by(Licence.id.desc() if newest_first else Licence.id).limit(limit)
        rows = session.scalars(chunk).all()
        yield from zip(rows, grants_of(session, rows, units=uncounted), strict=True)
        if len(rows) < limit:
            return
        after, limit = rows[-1].id, CHUNK


def _is_in(state: str, grant: Grant, today: date) -> bool:
    """Return whether a grant is in this state, with the states of the licences above it."""
    if not state:
        return True
    own = grant.state(today)
    if state in {"current", "accepted"}:
        return own in (CURRENT if state == "current" else ACCEPTED)
    return is_ending(grant, today) if state == "ending" else own == state


def is_ending(grant: Grant, today: date) -> bool:
    """Return whether an active licence ends in the next 30 days."""
    ends_on = grant.terms.ends_on
    return ends_on is not None and ends_on <= today + SOON and grant.state(today) == "active"


def _conditions(
    session: Session, organisation_id: str, wanted: Filter, today: date
) -> Iterator[ColumnElement[bool]]:
    given, got = Licence.owner_id == organisation_id, Licence.licensee_id == organisation_id
    if wanted.party:
        others = _organisations(wanted.party)
        given, got = and_(given, Licence.licensee_id.in_(others)), and_(got, Licence.owner_id.in_(others))
    yield {"owner": given, "licensee": got}.get(wanted.side, or_(given, got))
    if wanted.state:
        yield _may_be_in(wanted.state, today)
    if wanted.design:
        yield _names_design(session, organisation_id, wanted.design)
    if wanted.territory:
        yield _covers_country(wanted.territory)


def _organisations(text: str) -> Select[str]:
    written = fold(text)
    if not can_be_stored(written):
        return select(Organisation.id).where(~true())
    name = func.lower(Organisation.name).contains(written.lower(), autoescape=True)
    return select(Organisation.id).where(or_(Organisation.handle == written.lower(), name))


def _covers_country(text: str) -> ColumnElement[bool]:
    """Return the condition that the terms cover a country. False for a text that names none."""
    country = normal_country(text)
    if country is None:
        return ~true()
    named, excepted = Licence.terms["territories"], Licence.terms["except_territories"]
    everywhere = and_(has_this_text(named, EVERYWHERE), ~has_this_text(excepted, country))
    return or_(has_this_text(named, country), everywhere)


def _names_design(session: Session, organisation_id: str, text: str) -> ColumnElement[bool]:
    """Return the condition that a licence names such a design or its collection.

    Designs of the organisation and of those who gave it licences are searched.
    """
    written, design_id = fold(text), normal_id(text)
    if not can_be_stored(written, design_id):
        return ~true()
    givers = select(Licence.owner_id).where(Licence.licensee_id == organisation_id)
    of_owners = or_(Design.owner_id == organisation_id, Design.owner_id.in_(givers))
    title = func.lower(Design.title).contains(written.lower(), autoescape=True)
    is_named = or_(Design.reference == written, Design.collection == written, title)
    designs = session.execute(
        select(Design.id, Design.collection)
        .where(or_(Design.id == design_id, and_(of_owners, is_named)))
        .limit(MOST_NAMED)
    ).all()
    collections = {written, *(row.collection for row in designs if row.collection)}
    by_design = and_(LicenceSubject.kind == "design", LicenceSubject.value.in_([row.id for row in designs]))
    by_name = and_(LicenceSubject.kind == "collection", LicenceSubject.value.in_(sorted(collections)))
    return Licence.id.in_(select(LicenceSubject.licence_id).where(or_(by_design, by_name)))


def _may_be_in(state: str, today: date) -> ColumnElement[bool]:
    """Return the condition that a licence may be in a state: it is by itself, or one above it may be."""
    own = _own_states(today)
    under_another = and_(Licence.parent_id.is_not(None), own["active"])
    if state in {"current", "accepted"}:
        return or_(*(own[name] for name in (CURRENT if state == "current" else ACCEPTED)))
    return or_(own[state], under_another)


def _own_states(today: date) -> dict[str, ColumnElement[bool]]:
    """Return the conditions of the states of a licence by itself, as `Grant.state` has them."""
    day, soon = today.isoformat(), (today + SOON).isoformat()
    starts_on, ends_on = Licence.terms["starts_on"].as_string(), Licence.terms["ends_on"].as_string()
    revoked, superseded = Licence.revoked_at.is_not(None), Licence.superseded_at.is_not(None)
    declined, accepted = Licence.declined_at.is_not(None), Licence.accepted_at.is_not(None)
    begun = and_(~revoked, ~superseded, ~declined, accepted)
    active = and_(begun, starts_on <= day, or_(ends_on.is_(None), ends_on >= day))
    return {
        "revoked": revoked,
        "superseded": and_(~revoked, superseded),
        "declined": and_(~revoked, ~superseded, declined),
        "offered": and_(~revoked, ~superseded, ~declined, ~accepted),
        "lapsed": and_(begun, ends_on < day),
        "not_started": and_(begun, starts_on > day),
        "active": active,
        "ending": and_(active, ends_on <= soon),
    }
