"""How many licences cover each design of an owner."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from authcheck.licences.grants import is_within
from authcheck.licences.tables import Licence, LicenceSubject
from authcheck.licences.terms import Terms
from authcheck.members.reach import WHOLE, Reach
from authcheck.registry.tables import Design


def count_licences(
    session: Session, designs: Sequence[Design], *, owner_id: str, today: date, reach: Reach = WHOLE
) -> dict[str, int]:
    """Return the number of licences from the owner that cover each design now or later, by design id.

    They are accepted, not revoked and not over. A licence names the design or its collection.
    """
    collections = {design.collection for design in designs if design.collection}
    subject = LicenceSubject
    query = (
        select(subject.kind, subject.value, Licence.series, Licence.terms)
        .join(Licence, Licence.id == subject.licence_id)
        .where(
            or_(
                and_(subject.kind == "design", subject.value.in_([design.id for design in designs])),
                and_(subject.kind == "collection", subject.value.in_(sorted(collections))),
            ),
            Licence.owner_id == owner_id,
            Licence.accepted_at.is_not(None),
            Licence.superseded_at.is_(None),
            Licence.revoked_at.is_(None),
            is_within(reach),
        )
    )
    series_of: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for kind, value, series, terms in session.execute(query):
        ends_on = Terms.from_json(terms).ends_on
        if ends_on is None or ends_on >= today:
            series_of[kind, value].add(series)
    return {
        design.id: len(series_of["design", design.id] | series_of["collection", design.collection or ""])
        for design in designs
    }
