"""Brands, licensees and licences for tests."""

from datetime import date
from typing import Any

import make

from authcheck.errors import NotFound
from authcheck.licences import agreements
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Terms
from authcheck.members import organisations
from authcheck.members.tables import Organisation
from authcheck.workspace import Workspace

START = date(2026, 1, 1)


def organisation(workspace: Workspace, handle: str, role: str = "licensee") -> Organisation:
    """Return the organisation with that handle. Make it if it is missing."""
    with workspace.database.writing() as session:
        try:
            return organisations.get_organisation(session, handle)
        except NotFound:
            return organisations.create_organisation(
                session, handle=handle, name=handle, roles=[role], now=make.NOW
            )


def terms(**words: Any) -> Terms:
    """Return terms from 1 January 2026 on. Keyword arguments replace terms."""
    return Terms(**{"starts_on": START, **words})


def licence(
    workspace: Workspace,
    *,
    owner: str = "acme",
    licensee: str = "maker",
    accepted: bool = True,
    parent: str | None = None,
    **words: Any,
) -> Licence:
    """Return a licence on these terms, accepted by default."""
    giver, taker = organisation(workspace, owner, "brand"), organisation(workspace, licensee)
    with workspace.database.writing() as session:
        made = agreements.offer(session, giver, taker, terms(**words), make.NOW, parent_id=parent)
        return agreements.accept(session, taker, made.id, make.NOW) if accepted else made
