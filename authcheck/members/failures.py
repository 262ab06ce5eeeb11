"""Limits of failed sign-ins for each account and each client address.

Every attempt counts as failed before its password is compared, so that thousands of attempts at once gain
nothing. After some free attempts, each further one needs a wait that doubles, up to `LONGEST_WAIT`. Nobody
is locked out: a browser that has signed in before has attempts of its own, and a link for a new password
starts the account's count again.
"""

import hashlib
import hmac
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from authcheck.errors import Unavailable
from authcheck.members.tables import FailedSignIns

LONGEST_WAIT = timedelta(minutes=15)
FIRST_WAIT = timedelta(seconds=2)
FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is counted together: `kind` and `name`, and how many attempts are free."""

    kind: str
    name: str
    free: int

    def id(self, secret: bytes) -> str:
        """Return a keyed hash, so that the table tells no address to a reader of the database."""
        return hmac.new(secret, f"{self.kind}\n{self.name}".encode(), hashlib.sha256).hexdigest()


def account(email: str) -> Bucket:
    """Return the bucket of an account. Unknown accounts have one, too."""
    return Bucket("account", email, 5)


def device(person_id: str, nonce: str) -> Bucket:
    """Return the bucket of a browser that has signed in to an account before."""
    return Bucket("device", f"{person_id} {nonce}", 10)


def address(client: str) -> Bucket:
    """Return the bucket of a client address: one password against many accounts."""
    return Bucket("address", client, 30)


def code(person_id: str) -> Bucket:
    """Return the bucket of the second factor of an account."""
    return Bucket("code", person_id, 5)


def present_password(person_id: str) -> Bucket:
    """Return the bucket of the present password, which a page asks for again: a session may be stolen."""
    return Bucket("present password", person_id, 5)


def count_attempt(session: Session, bucket: Bucket, secret: bytes, now: datetime) -> None:
    """Count an attempt as failed, or raise Unavailable (`sign_in.wait`) without counting it."""
    row = _get_row(session, bucket.id(secret), now)
    if now - row.last_at >= FORGOTTEN_AFTER:
        row.count = 0
    left = row.last_at + _wait_after(row.count, bucket.free) - now
    if left > timedelta(0):
        seconds = -(-left // timedelta(seconds=1))
        raise Unavailable(
            f"Too many failed attempts. Wait {seconds} s, or ask for a link for a new password.",
            code="sign_in.wait",
            retry_after_s=seconds,
        )
    row.count += 1
    row.last_at = now


def _get_row(session: Session, row_id: str, now: datetime) -> FailedSignIns:
    """Return the locked row of a bucket. Make a row at the first attempt, and delete the forgotten ones."""
    row = session.get(FailedSignIns, row_id, with_for_update=True)
    if row is not None:
        return row
    session.execute(delete(FailedSignIns).where(FailedSignIns.last_at < now - FORGOTTEN_AFTER))
    with suppress(IntegrityError), session.begin_nested():  # another attempt at this moment made the row
        session.add(FailedSignIns(bucket=row_id, count=0, last_at=now))
    return session.get_one(FailedSignIns, row_id, with_for_update=True)


def forget(session: Session, bucket: Bucket, secret: bytes) -> None:
    """Forget the attempts of a bucket, after one that was right."""
    session.execute(delete(FailedSignIns).where(FailedSignIns.bucket == bucket.id(secret)))


def take_back(session: Session, bucket: Bucket, secret: bytes) -> None:
    """Take one attempt back, which was right. The failed ones stay: an attacker has an account, too."""
    row = session.get(FailedSignIns, bucket.id(secret), with_for_update=True)
    if row is not None:
        row.count = max(row.count - 1, 0)


def _wait_after(count: int, free: int) -> timedelta:
    """Return how long the next attempt must wait after `count` failed ones."""
    if count < free:
        return timedelta(0)
    doublings = min(count - free, 20)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)
