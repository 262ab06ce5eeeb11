"""The registry's clock: one counter of the registry's changes.

Each process compares the counter with the tick of its search indexes, and so knows which changes the indexes
lack. The counter's row stays locked from a change to its commit. Ticks therefore become visible in order.
"""

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from authcheck.registry.tables import Dispute, RegistryClock, View


def current_tick(session: Session) -> int:
    """Return the registry's tick as this session sees it."""
    return session.scalars(select(RegistryClock.tick)).one()


def lock_registry(session: Session) -> int:
    """Lock the registry, so that no other transaction changes it before this one ends.

    Returns the present tick.
    """
    return session.scalars(select(RegistryClock.tick).with_for_update()).one()


def next_tick(session: Session) -> int:
    """Advance the clock and lock the registry until this transaction ends. Returns the new tick."""
    statement = update(RegistryClock).values(tick=RegistryClock.tick + 1).returning(RegistryClock.tick)
    return session.scalars(statement).one()


def live_at(tick: int) -> ColumnElement[bool]:
    """Return the condition that selects the views that took part in checks at `tick`."""
    return and_(View.added_tick <= tick, or_(View.removed_tick.is_(None), View.removed_tick > tick))


def in_force_at(tick: int) -> ColumnElement[bool]:
    """Return the condition that selects the disputes that took part in checks at `tick`."""
    return and_(Dispute.noticed_tick <= tick, or_(Dispute.ended_tick.is_(None), Dispute.ended_tick > tick))
