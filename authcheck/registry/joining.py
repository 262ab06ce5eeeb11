"""The question that is asked before a design comes under more licences: may it, for their exclusivity?

The registry does not know licences. `Workspace` puts the answer, `licences.exclusivity.refuse_joining`, into
every session of its database.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Protocol

from sqlalchemy.orm import Session

from authcheck.registry.tables import Design

ASK = "authcheck_ask_joining"  # key in a session's info: the function that answers


@dataclass(frozen=True, slots=True)
class Joining:
    """A design as it will be after an act of its owner.

    `design_id` is None for a new design. `collection` is its collection after the act. `pictures` are the
    SHA-256 of the pictures that it gets. `on` is the UTC day. A rehearsal takes no lock.
    """

    owner_id: str
    reference: str
    design_id: str | None
    collection: str | None
    pictures: frozenset[str]
    on: date
    is_rehearsal: bool = False


class Ask(Protocol):
    """A function that raises Conflict (`licence.exclusive`) when a design may not join."""

    def __call__(self, session: Session, joining: Joining) -> None:
        """Raise, or return."""


def ask_new(
    session: Session,
    *,
    owner_id: str,
    reference: str,
    collection: str | None,
    pictures: Iterable[str],
    now: datetime,
    is_rehearsal: bool,
) -> None:
    """Ask before a design is registered. Raises Conflict (`licence.exclusive`)."""
    on = now.astimezone(UTC).date()
    _ask(session, Joining(owner_id, reference, None, collection, frozenset(pictures), on, is_rehearsal))


def ask_change(
    session: Session,
    design: Design,
    *,
    collection: str | None,
    pictures: Iterable[str] = (),
    now: datetime,
) -> None:
    """Ask before a design changes its collection or gets pictures. Raises Conflict (`licence.exclusive`).

    Call it before the first change of the row: the answer locks the owner first, as an order does.
    """
    on = now.astimezone(UTC).date()
    new_pictures = frozenset(pictures)
    _ask(session, Joining(design.owner_id, design.reference, design.id, collection, new_pictures, on))


def _ask(session: Session, joining: Joining) -> None:
    answer: Ask = session.info[ASK]  # a session without an answer is a mistake of ours, and fails here
    answer(session, joining)
