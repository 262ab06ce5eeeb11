"""Idempotency-Key: a POST that is sent twice has its effect once.

The second request gets the first answer again.

A record belongs to the caller's API key, so that nobody can read the answers of others. The record is written
before the work begins. When the process died during the work, a later request takes over the record after
`ABANDONED_AFTER`. Failures are not kept, so a client can repeat a refused request under the same key.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Header, Request
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from starlette.responses import Response

from authcheck.errors import Conflict, Rejected
from authcheck.members.principals import Principal
from authcheck.members.tables import IdempotencyRecord
from authcheck.storage.database import Database
from authcheck.storage.opening import utc_now

KEPT_FOR = timedelta(hours=24)
ABANDONED_AFTER = timedelta(minutes=10)
IN_PROGRESS = 0
KEY = re.compile(r"[\x21-\x7e]{1,200}")
NONCE = re.compile("[A-Za-z0-9_-]{22}")  # 128 bits in base64url
KEPT_HEADERS = ("location", "etag")


@dataclass(frozen=True, slots=True)
class Once:
    """The Idempotency-Key of a request and its target: method, path and query.

    A repeated request has both equal.
    """

    key: str | None
    target: str

    def run(
        self, database: Database, principal: Principal | None, digest: str, work: Callable[[], Response]
    ) -> Response:
        """Run `work`, or return its first answer again. `digest` is the digest of the body.

        Raises Rejected (`idempotency.mismatch`), Conflict (`idempotency.in_progress`), and errors of `work`.
        """
        if self.key is None or principal is None:
            return work()
        request_sha256 = hashlib.sha256(f"{self.target}\n{digest}".encode()).hexdigest()
        began_at = utc_now()
        try:
            with database.writing() as session:
                record = _claim(session, principal.identity, self.key, request_sha256, began_at)
        except IntegrityError:  # another request wrote the record at the same moment
            raise _in_progress_error() from None
        if record is not None:
            return _replay_response(record, request_sha256)
        is_own_record = (
            IdempotencyRecord.principal == principal.identity,
            IdempotencyRecord.key == self.key,
            IdempotencyRecord.created_at == began_at,  # another request may have taken over the record
        )
        try:
            response = work()
        except BaseException:
            with database.writing() as session:
                session.execute(delete(IdempotencyRecord).where(*is_own_record))
            raise
        headers = {
            name: value for name, value in response.headers.items() if name in (*KEPT_HEADERS, "content-type")
        }
        with database.writing() as session:
            session.execute(
                update(IdempotencyRecord)
                .where(*is_own_record)
                .values(status=response.status_code, headers=headers, body=bytes(response.body))
            )
        return response


def _claim(
    session: Session, principal: str, key: str, request_sha256: str, now: datetime
) -> IdempotencyRecord | None:
    """Write a record in progress and return None, or return the existing record."""
    session.execute(delete(IdempotencyRecord).where(IdempotencyRecord.created_at < now - KEPT_FOR))
    record = session.get(IdempotencyRecord, (principal, key), with_for_update=True)
    if record is not None and (record.status != IN_PROGRESS or record.created_at > now - ABANDONED_AFTER):
        return record
    if record is not None:
        session.delete(record)
        session.flush()
    session.add(
        IdempotencyRecord(
            principal=principal,
            key=key,
            request_sha256=request_sha256,
            status=IN_PROGRESS,
            headers={},
            body=b"",
            created_at=now,
        )
    )
    session.flush()
    return None


def _replay_response(record: IdempotencyRecord, request_sha256: str) -> Response:
    if record.request_sha256 != request_sha256:
        raise Rejected(
            "This Idempotency-Key was used for another request. Use a new key.", code="idempotency.mismatch"
        )
    if record.status == IN_PROGRESS:
        raise _in_progress_error()
    return Response(record.body, record.status, {**record.headers, "Idempotent-Replayed": "true"})


def _in_progress_error() -> Conflict:
    return Conflict(
        "The first request with this Idempotency-Key is not finished. Try again in a few seconds.",
        code="idempotency.in_progress",
    )


def claim_form(session: Session, person_id: str, nonce: str, now: datetime) -> None:
    """Note that a person sends the form with this nonce, so that a reload of the answer does nothing again.

    Raises Conflict (`form.repeated`), Rejected (`request.form`) for a nonce that is not ours.
    """
    if not NONCE.fullmatch(nonce):
        raise Rejected("We cannot read this form. Load the page again.", code="request.form")
    repeated = Conflict("You have sent this form already. Look at the list.", code="form.repeated")
    try:
        with session.begin_nested():
            record = _claim(session, person_id, f"form {nonce}", "", now)
    except IntegrityError:  # the same form at the same moment
        raise repeated from None
    if record is not None:
        raise repeated


async def get_once(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(alias="Idempotency-Key", description="Any text of 1 to 200 visible ASCII characters."),
    ] = None,
) -> Once:
    """Return the request's Idempotency-Key and target. Raises Rejected (`idempotency.key`)."""
    if idempotency_key is not None and not KEY.fullmatch(idempotency_key):
        raise Rejected(
            "An Idempotency-Key must have 1 to 200 visible ASCII characters.",
            code="idempotency.key",
            limit=200,
        )
    return Once(idempotency_key, f"{request.method} {request.url.path}?{request.url.query}")


OnceDep = Annotated[Once, Depends(get_once)]
