"""Stored checks: make, store, find and list checks."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, joinedload

from authcheck.checks.answers import Answer, answer, read_submission
from authcheck.checks.finder import Finder
from authcheck.checks.policies import Policy
from authcheck.checks.tables import Check
from authcheck.checks.verdicts import Finding
from authcheck.errors import NotFound
from authcheck.ids import new_id
from authcheck.members.reach import WHOLE, Reach
from authcheck.registry.tables import Design
from authcheck.storage.database import Database
from authcheck.storage.parameters import can_be_stored
from authcheck.vision.pictures.decode import Limits


def check_picture(
    database: Database,
    finder: Finder,
    data: bytes,
    *,
    limits: Limits,
    policy: Policy,
    organisation_id: str | None,
    source: str,
    name: str,
    now: datetime,
) -> tuple[Check, Answer]:
    """Check a picture and store the check with its answer. Raises ImageRejected, Unavailable."""
    result = answer(database, finder, read_submission(data, limits), policy)
    check = new_check(result, organisation_id=organisation_id, source=source, name=name, now=now)
    with database.writing() as session:
        session.add(check)
    return check, result


def new_check(result: Answer, *, organisation_id: str | None, source: str, name: str, now: datetime) -> Check:
    """Return the row that stores an answer.

    `source` is cli, scan, api, page or demo. `name` is the picture's name as the submitter gave it.
    """
    verdict, candidate = result.verdict, result.verdict.candidate
    return Check(
        id=new_id("chk", now),
        organisation_id=organisation_id,
        asked_at=now,
        source=source,
        picture_name=_escape_unstorable(name)[-1000:],
        picture_sha256=result.submission.sha256,
        scheme=result.submission.fingerprint.scheme,
        fingerprint=result.submission.fingerprint.to_bytes(),
        notes=list(result.submission.notes),
        policy=result.policy.name,
        tick=result.tick,
        verdict=verdict.code.value,
        score=verdict.score,
        method=candidate.method if candidate else None,
        design_id=candidate.design_id if candidate else None,
        view_number=candidate.view_number if candidate else None,
        reasons=[asdict(reason) for reason in verdict.reasons],
        looks=[look.to_json() for look in result.looks],
        findings=[finding_json(finding) for finding in verdict.findings],
    )


def finding_json(finding: Finding) -> dict[str, Any]:
    """Return a finding as `Check.findings` stores it."""
    candidate = finding.candidate
    return {
        "design_id": candidate.design_id,
        "view_number": candidate.view_number,
        "verdict": finding.code.value,
        "score": candidate.score,
        "method": candidate.method,
        "reasons": [asdict(reason) for reason in candidate.reasons],
        "alignment": candidate.alignment.to_json() if candidate.alignment else None,
    }


def _escape_unstorable(name: str) -> str:
    """Return a file name as text that a database can store.

    Replace NUL and bytes outside UTF-8 by visible escapes.
    """
    return name.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def get_check(
    session: Session, check_id: str, *, organisation_id: str | None = None, reach: Reach = WHOLE
) -> Check:
    """Return a stored check with its design.

    Everybody who has the id may read an anonymous check. Only the organisation that asked may read another
    check, and an agent of it only if the check found a design within reach. Raises NotFound
    (`check.not_found`), also for a check of another organisation. The database compares the organisation:
    both cases read no row, so they take the same time.
    """
    readable: ColumnElement[bool] = Check.organisation_id.is_(None)
    if organisation_id is not None:
        readable |= (Check.organisation_id == organisation_id) & reach.has_design(Check.design_id)
    check = session.scalar(_select_check(check_id).where(readable)) if can_be_stored(check_id) else None
    if check is None:
        raise NotFound(f"We have no check {check_id!r}.", code="check.not_found", check=check_id)
    return check


def find_check(session: Session, check_id: str) -> Check | None:
    """Return the check of this id with its design and owner, or None."""
    return session.scalar(_select_check(check_id)) if can_be_stored(check_id) else None


def _select_check(check_id: str) -> Select[Check]:
    return (
        select(Check).where(Check.id == check_id).options(joinedload(Check.design).joinedload(Design.owner))
    )


def list_checks(
    session: Session, organisation_id: str, *, after: str = "", limit: int = 50, reach: Reach = WHOLE
) -> list[Check]:
    """Return at most `limit` checks of an organisation, ordered by id, starting after the id `after`.

    They found a design within reach.
    """
    query = (
        select(Check)
        .where(Check.organisation_id == organisation_id, Check.id > after, reach.has_design(Check.design_id))
        .options(joinedload(Check.design).joinedload(Design.owner))
        .order_by(Check.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def count_checks(session: Session) -> int:
    """Return the number of stored checks."""
    return session.scalar(select(func.count()).select_from(Check)) or 0
