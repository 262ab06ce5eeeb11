"""The part of an organisation's things that a caller may see and change: its designs and territories.

A member's own people and programs reach everything of their organisation. An agent reaches what the
appointment names.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, false, true

from authcheck.errors import Conflict


@dataclass(frozen=True, slots=True)
class Reach:
    """A set of design ids and a set of ISO 3166-1 codes. None means all of them."""

    designs: frozenset[str] | None = None
    territories: frozenset[str] | None = None

    def covers_design(self, design_id: str | None) -> bool:
        """Return whether this design is within reach. A thing without a design is so only if all are."""
        return self.designs is None or design_id in self.designs

    def covers_designs(self, design_ids: Iterable[str]) -> bool:
        """Return whether all these designs are within reach."""
        return self.designs is None or self.designs.issuperset(design_ids)

    def covers_territory(self, territory: str | None) -> bool:
        """Return whether this country is within reach."""
        return self.territories is None or territory in self.territories

    def covers_territories(self, territories: Iterable[str]) -> bool:
        """Return whether all these countries are within reach."""
        return self.territories is None or self.territories.issuperset(territories)

    def require_all_designs(self) -> None:
        """Raise Conflict (`appointment.outside`) unless all designs are within reach.

        For acts that concern designs of the future or all designs: a new design, an import, a backdrop.
        """
        if self.designs is not None:
            raise Conflict(
                "You act for some designs of the brand only. Leave this to the brand.",
                code="appointment.outside",
            )

    def require_whole(self) -> None:
        """Raise Conflict (`appointment.outside`) unless all designs and all countries are within reach.

        For acts that concern licences or sales of the brand as a whole: a collection, an official shop.
        """
        self.require_all_designs()
        if self.territories is not None:
            raise Conflict(
                "You act for the brand in some countries only. Leave this to the brand.",
                code="appointment.outside",
            )

    def has_design(self, column: SQLColumnExpression[Any]) -> ColumnElement[bool]:
        """Return the condition that the design id in a column is within reach."""
        return true() if self.designs is None else column.in_(sorted(self.designs))

    def has_territory(self, column: SQLColumnExpression[Any]) -> ColumnElement[bool]:
        """Return the condition that the country in a column is within reach."""
        return true() if self.territories is None else column.in_(sorted(self.territories))

    def has_all_designs(self) -> ColumnElement[bool]:
        """Return the condition that all designs are within reach: for things of the brand as a whole."""
        return true() if self.designs is None else false()

    def is_whole(self) -> ColumnElement[bool]:
        """Return the condition that all designs and all countries are within reach."""
        return true() if self == WHOLE else false()


WHOLE = Reach()
"""The reach of an organisation's own people and programs: everything of the organisation."""
