"""Claims of owners: whoever knows the PIN under the scratch-off panel says that the unit is theirs, once.

The owner gets a secret, which is shown once. With it the owner clears alerts about the unit that came before,
because the owner has travelled, for example. A copier who has bought one unit can claim that unit, too: so
an owner cannot clear what comes after the claim, and every other reader learns that the unit is claimed.
"""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from authcheck.certificates.pins import pin_of
from authcheck.certificates.tables import Certificate
from authcheck.errors import Conflict, Forbidden, Unavailable
from authcheck.scans.handling import OWNER, set_state
from authcheck.scans.tables import PinAttempts, ScanAlert, UnitMark
from authcheck.vault import Vault

MOST_WRONG = 5
PAUSE = timedelta(hours=24)
SECRET_BYTES = 16
CLEARED_BY_OWNER = ("places", "travel", "repeat", "off_market")


def claim(
    session: Session, vault: Vault, certificate: Certificate, pin: str, *, visitor: str, now: datetime
) -> str | None:
    """Claim a unit, and return the owner's secret. None for a wrong PIN, which the caller lets be counted.

    After five wrong PINs no PIN is tried for a day. Raises Conflict (`claim.no_pin`, `claim.claimed`,
    `claim.inactive`), Unavailable (`claim.paused`).
    """
    if certificate.state != "active":
        raise Conflict("This code is not valid, so nobody can claim the item.", code="claim.inactive")
    right = pin_of(vault, certificate)
    if right is None:
        raise Conflict("This label has no PIN, so the item cannot be claimed.", code="claim.no_pin")
    attempts = _lock_attempts(session, certificate.id, now)
    _refuse_guesses(attempts, now)
    if not hmac.compare_digest(right.encode(), pin.strip().encode("utf-8", "replace")):
        attempts.wrong, attempts.last_at = attempts.wrong + 1, now
        return None
    if session.get(UnitMark, (certificate.id, "claimed")) is not None:
        raise Conflict("Somebody has claimed this item already.", code="claim.claimed")
    secret = secrets.token_urlsafe(SECRET_BYTES)
    session.add(
        UnitMark(
            certificate_id=certificate.id,
            kind="claimed",
            marked_at=now,
            marked_by=OWNER,
            reason="",
            visitor=visitor,
            secret_sha256=_hash(secret),
        )
    )
    session.flush()
    return secret


def clear_as_owner(session: Session, certificate_id: str, secret: str, now: datetime) -> int:
    """Clear the alerts about scans before the claim, and return their number.

    Raises Forbidden (`claim.secret`) unless this is the secret of the unit's owner.
    """
    mark = session.get(UnitMark, (certificate_id, "claimed"))
    if mark is None or not hmac.compare_digest(mark.secret_sha256, _hash(secret)):
        raise Forbidden("This is not the secret of the item's owner.", code="claim.secret")
    query = select(ScanAlert).where(
        ScanAlert.certificate_id == certificate_id,
        ScanAlert.kind.in_(CLEARED_BY_OWNER),
        ScanAlert.opened_at <= mark.marked_at,
        ScanAlert.state != "cleared",
    )
    alerts = session.scalars(query.order_by(ScanAlert.id).with_for_update()).all()
    for alert in alerts:
        set_state(alert, "cleared", why="claimed by its owner", by=OWNER, now=now)
    return len(alerts)


def _lock_attempts(session: Session, certificate_id: str, now: datetime) -> PinAttempts:
    """Return the count of wrong PINs, locked: of two claims at once, the second one waits."""
    query = select(PinAttempts).where(PinAttempts.certificate_id == certificate_id).with_for_update()
    attempts = session.scalar(query)
    if attempts is not None:
        return attempts
    try:
        with session.begin_nested():
            session.add(PinAttempts(certificate_id=certificate_id, wrong=0, last_at=now))
    except IntegrityError:  # on PostgreSQL another transaction may insert it after we looked
        pass
    return session.scalars(query).one()


def _refuse_guesses(attempts: PinAttempts, now: datetime) -> None:
    """Raise Unavailable (`claim.paused`) within a day after five wrong PINs."""
    if attempts.wrong < MOST_WRONG:
        return
    pause = PAUSE - (now - attempts.last_at)
    if pause > timedelta(0):
        raise Unavailable(
            "There were too many wrong PINs for this item. Try again tomorrow.",
            code="claim.paused",
            retry_after_s=int(pause.total_seconds()) + 1,
        )
    attempts.wrong = 0


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
