"""The right that a notice names: accepted, in force, of the design, and fit for the claim."""

from collections.abc import Collection, Sequence
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from authcheck.cases.notice_tables import Notice
from authcheck.cases.rulings import Code
from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.ids import normal_id
from authcheck.licences import design_rights
from authcheck.licences.codes import EVERYWHERE
from authcheck.licences.right_tables import DesignRight
from authcheck.registry.tables import Design

KINDS_FOR: dict[str, Collection[str]] = {Code.COUNTERFEIT: ("trade_mark",)}
"""The kinds of right that a claim can name. A claim that is not here can name all."""


def list_usable(session: Session, design: Design, on: date) -> Sequence[DesignRight]:
    """Return the rights in a design that a notice can name on a day, oldest first."""
    rows = design_rights.list_rights(
        session, design.owner_id, design_id=design.id, state=design_rights.ACCEPTED
    )
    return [row for row in rows if design_rights.is_in_force(row, on)]


def find_named(session: Session, right_id: str, design: Design, claim: str, on: date) -> DesignRight | None:
    """Return the right that a notice names by its id, or None for "".

    Raises NotFound (`right.not_found`, also for a right in another design), Conflict (`notice.right_state`,
    `notice.right_over`), Rejected (`notice.right_kind`).
    """
    if not right_id.strip():
        return None
    row = design_rights.get_right(session, normal_id(right_id), owner_id=design.owner_id)
    if row.design_id != design.id:
        raise NotFound("The design has no right with this id.", code="right.not_found")
    if row.state != design_rights.ACCEPTED:
        raise Conflict(
            f"The right is {row.state.replace('_', ' ')}. Name an accepted right, or none.",
            code="notice.right_state",
            state=row.state,
        )
    if not design_rights.is_in_force(row, on):
        raise Conflict(
            f"The right ended on {row.expires_on}. Name one that is in force, or none.",
            code="notice.right_over",
            ended=str(row.expires_on),
        )
    if row.kind not in KINDS_FOR.get(claim, design_rights.KINDS):
        raise Rejected(
            "Counterfeit goods bear somebody's trade mark. Name a trade mark, or claim unlicensed use.",
            code="notice.right_kind",
            right=row.kind,
        )
    return row


def holds_in(row: DesignRight, territory: str) -> bool:
    """Return whether a right holds in a country."""
    return EVERYWHERE in row.territories or territory in row.territories


def count_notices(session: Session, right_ids: Sequence[str]) -> dict[str, int]:
    """Return how many notices name each of these rights. A right that none names is left out."""
    query = (
        select(Notice.right_id, func.count()).where(Notice.right_id.in_(right_ids)).group_by(Notice.right_id)
    )
    return {str(right_id): count for right_id, count in session.execute(query)}
