"""The part of the own units that figures about scans are about."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, or_, select
from sqlalchemy.orm import Session

from authcheck.certificates.tables import Batch
from authcheck.members.reach import WHOLE, Reach
from authcheck.registry.tables import Design

MOST_NAMED = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The part of the own units that figures are about: all, those of a batch, or those of a design."""

    batch_id: str = ""
    design_id: str = ""
    reach: Reach = WHOLE

    @property
    def is_whole(self) -> bool:
        """Return whether these are all own units."""
        return not (self.batch_id or self.design_id) and self.reach.designs is None

    def batches(self) -> tuple[ColumnElement[bool], ...]:
        """Return the conditions for a batch, which is joined with its design."""
        return (
            self.reach.has_design(Batch.design_id),
            *([Batch.id == self.batch_id] if self.batch_id else []),
            *([Batch.design_id == self.design_id] if self.design_id else []),
        )


EVERYTHING = Part()


def own_batches(organisation_id: str, part: Part) -> Select[str]:
    """Return the query for the ids of the own batches of a part, and of licensees' batches of own designs."""
    return (
        select(Batch.id)
        .join(Design, Design.id == Batch.design_id)
        .where(or_(Batch.organisation_id == organisation_id, Design.owner_id == organisation_id))
        .where(*part.batches())
    )


def in_batches(
    session: Session, column: SQLColumnExpression[Any], organisation_id: str, part: Part
) -> ColumnElement[bool]:
    """Return the condition that a batch is one of a part. Few batches are named: then they have an index."""
    query = own_batches(organisation_id, part)
    ids = session.scalars(query.limit(MOST_NAMED + 1)).all()
    return column.in_(ids) if len(ids) <= MOST_NAMED else column.in_(query)
