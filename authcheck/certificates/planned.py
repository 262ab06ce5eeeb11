"""Revocations that people ask for on a page. Each waits for a minute, in which it can be taken back.

A revocation is permanent and public, so nothing is written to the ledger before the minute is over.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.certificates import revoking
from authcheck.certificates.batches import Selection
from authcheck.certificates.revoking import checked_reason
from authcheck.certificates.signing_keys import open_vault
from authcheck.certificates.tables import PlannedRevocation
from authcheck.config import Settings
from authcheck.errors import AuthcheckError, Conflict, NotFound, Unavailable
from authcheck.ids import new_id, normal_id
from authcheck.ledger import publishing
from authcheck.members.tables import Organisation
from authcheck.storage.database import Database
from authcheck.storage.parameters import can_be_stored

WAITS = timedelta(minutes=1)
AT_ONCE = 20  # of one round, so that a round ends
WAITING, UNDONE, DONE, REFUSED = "waiting", "undone", "done", "refused"
log = logging.getLogger("authcheck.certificates.planned")


def count_active(session: Session, organisation_id: str, selection: Selection) -> int:
    """Return how many certificates a revocation of this selection would end.

    Raises as `Selection.find`, and Conflict (`certificate.unsigned`, `revocation.none`).
    """
    rows = selection.find(session, organisation_id)
    if any(row.state == "unsigned" for row in rows):
        raise Conflict("An unsigned certificate cannot be revoked.", code="certificate.unsigned")
    active = [row for row in rows if row.state == "active"]
    if not active:
        raise Conflict("All these certificates are revoked already.", code="revocation.none")
    return len(active)


def plan(
    session: Session,
    organisation_id: str,
    selection: Selection,
    *,
    reason: str,
    count: int,
    by: str,
    now: datetime,
) -> PlannedRevocation:
    """Plan a revocation in one batch, of `count` certificates: the number that the person has confirmed.

    Raises Rejected (`certificate.reason`), Conflict (`revocation.count`), and as `count_active`.
    """
    reason = checked_reason(reason)
    active = count_active(session, organisation_id, selection)
    if active != count:
        raise Conflict(
            f"These are {active:,} certificates, not {count:,}. Look at the number again.",
            code="revocation.count",
            count=active,
        )
    row = PlannedRevocation(
        id=new_id("rvk", now),
        organisation_id=organisation_id,
        batch_id=selection.batch_id,
        first=selection.first,
        last=selection.last,
        reason=reason,
        count=active,
        asked_by=by,
        asked_at=now,
        due_at=now + WAITS,
        state=WAITING,
        code="",
    )
    session.add(row)
    session.flush()
    return row


def undo(session: Session, planned_id: str, organisation_id: str, now: datetime) -> PlannedRevocation:
    """Take a planned revocation back, or put away one that was refused. A repetition changes nothing.

    Raises NotFound (`revocation.not_found`), Conflict (`revocation.too_late`).
    """
    planned_id = normal_id(planned_id)
    query = select(PlannedRevocation).where(
        PlannedRevocation.id == planned_id, PlannedRevocation.organisation_id == organisation_id
    )
    row = session.scalar(query.with_for_update()) if can_be_stored(planned_id) else None
    if row is None:
        raise NotFound("You have no planned revocation with this id.", code="revocation.not_found")
    if row.state == REFUSED or (row.state == WAITING and now < row.due_at):
        row.state = UNDONE
    if row.state != UNDONE:
        raise Conflict(
            "The minute is over. The revocation is in the ledger or about to be.", code="revocation.too_late"
        )
    return row


def waiting_of(session: Session, organisation_id: str, batch_id: str) -> Sequence[PlannedRevocation]:
    """Return the revocations of a batch that wait, and those that were refused, oldest first."""
    query = select(PlannedRevocation).where(
        PlannedRevocation.organisation_id == organisation_id,
        PlannedRevocation.batch_id == batch_id,
        PlannedRevocation.state.in_([WAITING, REFUSED]),
    )
    return session.scalars(query.order_by(PlannedRevocation.id)).all()


def carry_out(database: Database, settings: Settings, now: datetime) -> int:
    """Carry out the planned revocations that are due. Return how many were carried out.

    Each has its own transaction. A revocation that is refused keeps the code of the refusal, and one that
    fails waits for the next round. Neither holds up the others. Server processes may do this at the same
    time. Raises Unavailable when the database or the disk takes nothing: then all wait.
    """
    with database.reading() as session:
        due = (PlannedRevocation.state == WAITING, PlannedRevocation.due_at <= now)
        query = select(PlannedRevocation.id).where(*due).order_by(PlannedRevocation.due_at).limit(AT_ONCE)
        names = session.scalars(query).all()
    done = 0
    for name in names:
        try:
            with database.writing() as session:
                done += _carry_out(session, settings, name, now)
        except Unavailable:
            raise
        except AuthcheckError as error:
            log.warning("planned revocation %s: %s", name, error)
            with database.writing() as session:
                row = _lock_waiting(session, name)
                if row is not None:
                    row.state, row.code = REFUSED, error.code
        except Exception:
            log.exception("planned revocation %s waits for the next round", name)
    if done:
        publishing.publish_recorded(database, settings)
    return done


def _carry_out(session: Session, settings: Settings, planned_id: str, now: datetime) -> int:
    row = _lock_waiting(session, planned_id)
    if row is None:
        return 0
    organisation = session.get_one(Organisation, row.organisation_id)
    selection = Selection(batch_id=row.batch_id, first=row.first, last=row.last)
    vault = open_vault(settings)
    revoking.revoke(session, vault, settings, organisation, selection, reason=row.reason, now=now)
    row.state = DONE
    return 1


def _lock_waiting(session: Session, planned_id: str) -> PlannedRevocation | None:
    """Lock a planned revocation. Return None if another process has carried it out, or somebody undid it."""
    query = select(PlannedRevocation).where(PlannedRevocation.id == planned_id).with_for_update()
    row = session.scalars(query).one()
    return row if row.state == WAITING else None
