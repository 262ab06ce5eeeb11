"""Builders of notices: a brand reports listings of a marketplace."""

from datetime import datetime, timedelta
from typing import Any

import make

from authcheck.cases import notices
from authcheck.cases.filing import Named
from authcheck.cases.notice_tables import Notice
from authcheck.cases.notices import Message
from authcheck.cases.stages import stage_of_row
from authcheck.errors import AuthcheckError
from authcheck.members import organisations
from authcheck.members.permissions import grants_of_scopes
from authcheck.members.principals import Principal
from authcheck.members.reach import WHOLE, Reach
from authcheck.workspace import Workspace

SCOPES = ("notices:write", "listings:read")


def reporter(work: Workspace, owner: str = "acme") -> Principal:
    """Return a program of a brand that may file notices."""
    with work.database.writing() as session:
        organisation = organisations.ensure_brand(session, owner, make.NOW)
        scopes = frozenset(SCOPES)
        return Principal(organisation.id, owner, "key_1", scopes, grants_of_scopes(scopes))


def at(hours: float) -> datetime:
    """Return a moment some hours after the start of the test."""
    return make.NOW + timedelta(hours=hours)


def file(
    work: Workspace,
    design: str,
    *rows: Named | str,
    owner: str = "acme",
    later_h: float = 1,
    reach: Reach = WHOLE,
    **words: Any,
) -> Notice:
    """File a notice about listings, each named by its id or by `Named`."""
    said = {"claim": "unlicensed_use", "good_faith": True, "accuracy": True, **words}
    named = [row if isinstance(row, Named) else Named(listing=row) for row in rows]
    message = Message(design=design, rows=named, **said)
    principal = reporter(work, owner)
    with work.database.writing() as session:
        return notices.file(work, session, message, reporter=principal, now=at(later_h), reach=reach)


def refused(work: Workspace, *words: Any, **more: Any) -> str:
    """File a notice, and return the code of the error that refuses all of it, or "accepted"."""
    try:
        file(work, *words, **more)
    except AuthcheckError as error:
        return error.code
    return "accepted"


def told(notice: Notice) -> list[tuple[str, str | None]]:
    """Return stage and code of each row."""
    return [(str(stage_of_row(row)), row.code) for row in notice.rows]


def again(work: Workspace, notice: Notice) -> Notice:
    """Return a notice as it is now."""
    with work.database.reading() as session:
        return notices.get_notice(session, notice.id, organisation_id=notice.organisation_id)
