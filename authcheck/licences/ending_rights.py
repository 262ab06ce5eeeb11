"""Rights that need their owner: a refused one, and one that ends soon, of which the owner is warned."""

from datetime import date, datetime, timedelta

from sqlalchemy import Exists, Select, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from authcheck.licences.design_rights import (
    ACCEPTED,
    IN_REVIEW,
    LIVE,
    REFUSED,
    WARNED_DAYS,
    tell_owner,
    warning_of,
)
from authcheck.licences.right_tables import DesignRight
from authcheck.registry.tables import Design

AT_ONCE = 500
ENDING, NONE = "ending", "none"
NEEDS = (IN_REVIEW, ACCEPTED, REFUSED, ENDING, NONE)


def designs_with(owner_id: str, need: str, today: date) -> Select[str]:
    """Return the query for the ids of an owner's designs that have such a right, or NONE: no right at all.

    An ENDING right is accepted and ends within 90 days. It and a REFUSED one count until the owner has named
    a newer right of the same kind at the same office.
    """
    own = select(DesignRight.design_id).where(DesignRight.owner_id == owner_id)
    if need == NONE:
        has_right = own.where(DesignRight.state.in_(LIVE))
        return select(Design.id).where(Design.owner_id == owner_id, Design.id.not_in(has_right))
    if need == ENDING:
        last = today + timedelta(days=max(WARNED_DAYS))
        own = own.where(DesignRight.expires_on.between(today, last))
        return own.where(DesignRight.state == ACCEPTED, ~_has_newer())
    own = own.where(DesignRight.state == need)
    return own.where(~_has_newer()) if need == REFUSED else own


def _has_newer() -> Exists:
    newer = aliased(DesignRight)
    same = (
        newer.design_id == DesignRight.design_id,
        newer.kind == DesignRight.kind,
        newer.office == DesignRight.office,
    )
    return exists().where(*same, newer.state.in_(LIVE), newer.id > DesignRight.id)


def warn_of_ends(session: Session, now: datetime) -> int:
    """Note a mail for each accepted right that has come nearer to its end, and return their number.

    A right that is accepted 20 days before its end is warned of at once, and once more at 7 days.
    """
    today = now.date()
    is_near = [
        and_(
            DesignRight.expires_on <= today + timedelta(days=days),
            or_(DesignRight.warned_days.is_(None), DesignRight.warned_days > days),
        )
        for days in WARNED_DAYS
    ]
    query = (
        select(DesignRight)
        .join(DesignRight.design)
        .options(joinedload(DesignRight.design))
        .where(
            DesignRight.state == ACCEPTED,
            DesignRight.expires_on >= today,
            or_(*is_near),
            Design.state != "retired",
            ~_has_newer(),
        )
        .order_by(DesignRight.id)
        .limit(AT_ONCE)
        .with_for_update(of=DesignRight, skip_locked=True)
    )
    rows = session.scalars(query).all()
    for row in rows:
        row.warned_days = warning_of(row, today)
        tell_owner(session, row, "right_ends", now, day=str(row.expires_on))
    return len(rows)
