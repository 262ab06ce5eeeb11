"""Handles that a command names and nobody has: which one was probably meant."""

from difflib import get_close_matches

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.errors import Conflict
from authcheck.members.organisations import find_organisation, normal_handle
from authcheck.members.tables import Organisation

LIKENESS = 0.75  # of two handles, one of which may be mistyped (difflib)


def refuse_mistyped(session: Session, handle: str) -> None:
    """Raise Conflict (`organisation.mistyped`) for an unknown handle written almost like a known one."""
    if find_organisation(session, handle) is not None:
        return
    handles = session.scalars(select(Organisation.handle).order_by(Organisation.handle)).all()
    for near in get_close_matches(normal_handle(handle), handles, 1, LIKENESS):
        raise Conflict(
            f"There is no organisation {handle}. Do you mean {near}? For a new one, first run:"
            f" authcheck organisations add {normal_handle(handle)} --role brand",
            code="organisation.mistyped",
            near=near,
        )
