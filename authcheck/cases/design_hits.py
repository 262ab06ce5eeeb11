"""How many suspect listings show each design of a brand, as the page of hits counts them."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from authcheck.cases.hit_search import SUSPECT_VERDICTS
from authcheck.cases.notice_tables import Hit
from authcheck.members.reach import WHOLE, Reach


def count_suspect(
    session: Session, design_ids: Collection[str], *, owner_id: str, since: date | None, reach: Reach = WHOLE
) -> dict[str, int]:
    """Return the number of suspect hits of each design that were listed on `since` or later, by design id."""
    query = (
        select(Hit.design_id, func.count())
        .where(Hit.owner_id == owner_id, Hit.design_id.in_(design_ids), Hit.verdict.in_(SUSPECT_VERDICTS))
        .where(reach.has_design(Hit.design_id), reach.has_territory(Hit.territory))
        .group_by(Hit.design_id)
    )
    if since is not None:
        query = query.where(Hit.listed_on >= since)
    return {design_id: count for design_id, count in session.execute(query)}  # noqa: C416 - rows are no pairs
