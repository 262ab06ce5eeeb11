"""Searches among the designs of an owner: by words, kind, state and collection."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from authcheck.ids import searchable
from authcheck.members.reach import WHOLE, Reach
from authcheck.registry.designs import select_designs
from authcheck.registry.tables import Design
from authcheck.storage.parameters import can_be_stored

LIVE = "live"  # registered or disputed
MOST_WORDS = 8
MOST_COLLECTIONS = 200  # that a page offers as a choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which designs are wanted. "" names no limit.

    Title, reference or collection of a design contain each of the first 8 `words`. `state` is a state of
    designs, or `live` for all that are not retired.
    """

    words: str = ""
    kind: str = ""
    state: str = ""
    collection: str = ""


def list_wanted(
    session: Session,
    wanted: Wanted,
    *,
    owner_id: str,
    after: str = "",
    newest_first: bool = False,
    limit: int = 50,
    reach: Reach = WHOLE,
    among: Select[str] | None = None,
) -> Sequence[Design]:
    """Return at most `limit` designs of an owner within reach, with owner, views and disputes.

    `among` is a query for the ids of designs. The others are left out.

    They come in the order of registration from after the id `after`, or with `newest_first` backwards from
    before it.
    """
    texts = (wanted.words, wanted.kind, wanted.state, wanted.collection)
    if not can_be_stored(after, *texts):
        return []
    query = select_designs().where(*_conditions(wanted, owner_id, reach)).limit(limit)
    query = query if among is None else query.where(Design.id.in_(among))
    if newest_first:
        query = query.order_by(Design.id.desc())
        query = query.where(Design.id < after) if after else query
    else:
        query = query.where(Design.id > after).order_by(Design.id)
    return session.scalars(query).all()


def list_named(
    session: Session, design_ids: Sequence[str], *, owner_id: str, reach: Reach = WHOLE
) -> dict[str, Design]:
    """Return the designs of these ids that are the owner's and within reach, by id. Leave the others out."""
    query = select_designs().where(Design.id.in_(design_ids), *_conditions(Wanted(), owner_id, reach))
    return {design.id: design for design in session.scalars(query)}


def _conditions(wanted: Wanted, owner_id: str, reach: Reach) -> list[ColumnElement[bool]]:
    conditions = [Design.owner_id == owner_id, reach.has_design(Design.id)]
    conditions += [
        Design.words.contains(word, autoescape=True) for word in searchable(wanted.words).split()[:MOST_WORDS]
    ]
    if wanted.kind:
        conditions.append(Design.kind == wanted.kind)
    if wanted.state:
        conditions.append(Design.state != "retired" if wanted.state == LIVE else Design.state == wanted.state)
    if wanted.collection:
        conditions.append(Design.collection == wanted.collection)
    return conditions


def collections_of(session: Session, owner_id: str, *, reach: Reach = WHOLE) -> Sequence[str]:
    """Return the names of the owner's collections within reach, at most 200, in their order.

    Each step of the query finds the next name by the index, so that many designs cost nothing.
    """
    own = (Design.owner_id == owner_id, reach.has_design(Design.id))
    first = select(func.min(Design.collection).label("name")).where(*own)
    names = first.cte("names", recursive=True)
    later = select(func.min(Design.collection)).where(*own, Design.collection > names.c.name)
    step = select(later.scalar_subquery()).where(names.c.name.is_not(None))
    names = names.union_all(step)
    query = select(names.c.name).where(names.c.name.is_not(None)).limit(MOST_COLLECTIONS)
    return session.scalars(query).all()
