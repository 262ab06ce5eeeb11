"""Cases as their marketplace reads them: one, or a list in the order of work."""

from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload, selectinload

from authcheck.cases.tables import Case, CaseItem
from authcheck.errors import NotFound
from authcheck.ids import normal_id
from authcheck.listings.tables import Listing, ListingPicture
from authcheck.registry.tables import Design
from authcheck.storage.parameters import can_be_stored


def get_case(session: Session, case_id: str, *, organisation_id: str | None, lock: bool = False) -> Case:
    """Return a case of a marketplace with its design and listings. None as marketplace is the operator.

    With `lock`, no other transaction changes the case until this transaction ends. The listings are read
    after the lock, because another transaction may have changed them while this one waited.

    Raises NotFound (`case.not_found`), also for a case of another marketplace. The database compares the
    marketplace: both cases read no row, so they take the same time.
    """
    case_id = normal_id(case_id)
    items = selectinload(Case.items).joinedload(CaseItem.listing)
    query = _select_cases(organisation_id).where(Case.id == case_id)
    query = query.options(items.selectinload(Listing.pictures).joinedload(ListingPicture.check))
    if lock:
        query = query.with_for_update(of=Case).execution_options(populate_existing=True)
    case = session.scalar(query) if can_be_stored(case_id) else None
    if case is None:
        raise NotFound(f"We have no case with the id {case_id!r}.", code="case.not_found", case=case_id)
    return case


def list_cases(
    session: Session,
    *,
    organisation_id: str | None,
    state: str | None = None,
    seller: str | None = None,
    design_id: str | None = None,
    after: str = "",
    limit: int = 50,
) -> Sequence[Case]:
    """Return at most `limit` cases of a marketplace or of all, with designs, by id from after `after`."""
    if not can_be_stored(seller or "", design_id or "", after):
        return []
    query = _select_cases(organisation_id).where(Case.id > after).order_by(Case.id).limit(limit)
    for column, wanted in ((Case.state, state), (Case.seller, seller), (Case.design_id, design_id)):
        if wanted is not None:
            query = query.where(column == wanted)
    return session.scalars(query).all()


def _select_cases(organisation_id: str | None) -> Select[Case]:
    query = select(Case).options(joinedload(Case.design).joinedload(Design.owner))
    return query if organisation_id is None else query.where(Case.organisation_id == organisation_id)
