"""The organisation whose people and keys a caller manages: the own one, or for the operator any."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from authcheck.errors import Forbidden
from authcheck.members import appointments, organisations
from authcheck.members.permissions import MATRIX, SCOPES, Resource, Right, Role, includes
from authcheck.members.principals import Principal
from authcheck.members.tables import Organisation


def managed_organisation(
    session: Session, caller: Principal, handle: str | None, right: Right
) -> Organisation:
    """Return the organisation with this handle, or the caller's own without a handle.

    Raises NotFound (`organisation.not_found`), also for an organisation that the caller does not manage;
    Forbidden (`auth.scope`, `auth.role`) for the own one without the right.
    """
    if caller.may(Resource.ORGANISATIONS, right):
        if handle is None:
            return session.get_one(Organisation, caller.organisation_id)
        return organisations.get_organisation(session, handle)
    if handle is not None and organisations.normal_handle(handle) != caller.handle:
        raise organisations.unknown_organisation_error(handle)
    caller.require(Resource.PEOPLE, right)
    return session.get_one(Organisation, caller.organisation_id)


def refuse_beyond(caller: Principal, roles: Iterable[str]) -> None:
    """Raise Forbidden (`person.beyond`) for a role that the caller may not give or take.

    Only an operator gives and takes that role. An admin gives all others. A key that manages people gives
    only roles whose rights it has, so it makes no admin.
    """
    if caller.may(Resource.ORGANISATIONS, Right.WRITE):
        return
    wanted = [role for role in Role if role in set(roles)]
    beyond: list[Role]
    if caller.is_person:
        beyond = [role for role in wanted if role == Role.OPERATOR]
    else:
        beyond = [role for role in wanted if not includes(caller.grants, MATRIX[role])]
    if beyond:
        raise Forbidden(
            f"You cannot give or take roles with more rights than your own: {', '.join(beyond)}.",
            code="person.beyond",
            roles=", ".join(beyond),
        )


def refuse_scopes_beyond(caller: Principal, scopes: Iterable[str]) -> None:
    """Raise Forbidden (`key.beyond`) for an agent's scope with a right that the caller does not have."""
    known = [scope for scope in scopes if scope in appointments.SCOPES]
    beyond = [scope for scope in known if not includes(caller.grants, SCOPES[scope])]
    if beyond:
        raise Forbidden(
            f"An agent cannot be allowed more than you may do yourself. Leave out: {', '.join(beyond)}.",
            code="key.beyond",
            scopes=", ".join(beyond),
        )
