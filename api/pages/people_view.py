"""What the page *People and keys* shows: people, invitations, keys, agents, and the table of rights."""

import secrets
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.errors import AuthcheckError
from authcheck.members import api_keys, appointments, invitations, people
from authcheck.members.permissions import MATRIX, SCOPES, Resource, Right, Role, includes, roles_for
from authcheck.members.principals import Principal
from authcheck.members.sessions import SignedIn
from authcheck.members.tables import Appointment, Organisation
from authcheck.registry.tables import Design
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..managed import managed_organisation
from .person import acting, go, problem_of, status_of
from .render import render, to

FIELDS = {"person.email": "email", "person.name": "name", "person.member": "email", "person.roles": "roles",
          "person.beyond": "roles", "person.last": "roles", "key.label": "label", "key.scopes": "scopes",
          "key.beyond": "scopes", "appointment.scopes": "scopes", "appointment.territory": "territories",
          "appointment.designs": "designs", "design.not_found": "designs", "appointment.ends": "ends_on",
          "day": "ends_on", "organisation.not_found": "agent", "appointment.not_agent": "agent",
          "appointment.self": "agent"}  # fmt: skip
MOST_SHOWN = 500


def organisation_of(session: Session, request: Request, caller: Principal, right: Right) -> Organisation:
    """Return the organisation of the page: the one that an operator has chosen, or the person's own."""
    return managed_organisation(session, caller, request.query_params.get("organisation"), right)


def show_page(
    request: Request,
    signed_in: SignedIn,
    workspace: Workspace,
    *,
    notice: str | None = None,
    error: AuthcheckError | None = None,
    form: tuple[str, dict[str, Any]] = ("", {}),
    new_token: dict[str, str] | None = None,
    new_link: dict[str, str] | None = None,
) -> HTMLResponse:
    """Render the page. `form` are the prefix of the form that `error` is about, and what was typed in it."""
    caller, query = acting(signed_in), _query_of(request)
    with workspace.database.glancing() as session:
        organisation = organisation_of(session, request, caller, Right.READ)
        return render(
            request,
            "people/people.html",
            status=status_of(request, error) if error else 200,
            to=lambda path: with_query(to(request, path), query if path.startswith("/people") else ""),
            organisation={"name": organisation.name, "is_own": organisation.id == caller.organisation_id},
            may_write=caller.may(Resource.PEOPLE, Right.WRITE)
            or caller.may(Resource.ORGANISATIONS, Right.WRITE),
            people=_people(session, organisation, signed_in),
            all_roles=_possible_roles(organisation, caller),
            invitations=_invitations(session, organisation),
            keys=_keys(session, organisation),
            all_scopes=_possible_scopes(caller),
            agents=_agents(session, organisation),
            may_appoint="brand" in organisation.roles and organisation.id == caller.organisation_id,
            agent_scopes=appointments.SCOPES,
            earliest_end=utc_now().date().isoformat(),
            matrix=_matrix(organisation),
            typed=form[1],
            notice=notice,
            problem=problem_of(request, error, FIELDS.get(error.code, ""), form[0]) if error else None,
            nonce=secrets.token_urlsafe(16),
            new_token=new_token,
            new_link=new_link,
        )


def with_query(address: str, query: str) -> str:
    """Return an address with one more part of its query."""
    return f"{address}{'&' if '?' in address else '?'}{query}" if query else address


def _people(session: Session, organisation: Organisation, signed_in: SignedIn) -> list[dict[str, Any]]:
    rows = people.list_members(session, organisation.id, limit=MOST_SHOWN)
    return [
        {
            "id": row.person_id,
            "name": row.person.name,
            "email": row.person.email,
            "roles": row.roles,
            "used_at": row.person.used_at,
            "has_factor": row.person.totp_since is not None,
            "is_me": row.person_id == signed_in.person.id,
            "is_disabled": row.person.disabled_at is not None,
        }
        for row in rows
    ]


def _possible_roles(organisation: Organisation, caller: Principal) -> list[str]:
    """Return the roles that the reader can give here. Only an operator makes operators."""
    is_operator = caller.may(Resource.ORGANISATIONS, Right.WRITE)
    return [role for role in roles_for(organisation.roles) if role is not Role.OPERATOR or is_operator]


def _possible_scopes(caller: Principal) -> list[str]:
    """Return the scopes that the reader can give to a key."""
    if caller.may(Resource.ORGANISATIONS, Right.WRITE):
        return list(SCOPES)
    return [scope for scope, grants in SCOPES.items() if includes(caller.grants, grants)]


def _invitations(session: Session, organisation: Organisation) -> list[dict[str, Any]]:
    now = utc_now()
    return [
        {
            "id": link.id,
            "name": link.name,
            "email": link.email,
            "roles": link.roles,
            "expires_at": link.expires_at,
            "is_over": link.expires_at <= now,
        }
        for link in invitations.list_invitations(session, organisation.id, None)
    ]


def _keys(session: Session, organisation: Organisation) -> list[dict[str, Any]]:
    return [
        {
            "id": key.id,
            "label": key.label,
            "scopes": [scope for scope in key.scopes if scope in SCOPES],
            "created_at": key.created_at,
            "used_at": key.used_at,
            "revoked_at": key.revoked_at,
        }
        for key in api_keys.newest_keys(session, organisation.id, limit=MOST_SHOWN)
    ]


def _agents(session: Session, organisation: Organisation) -> list[dict[str, Any]]:
    """Return the appointments of both sides: our agents, and the clients that we act for."""
    now, rows = utc_now(), appointments.list_appointments(session, organisation.id, limit=MOST_SHOWN)
    titles = _titles(session, rows)
    states = {"current": "now", "over": "over", "ended": "ended"}
    return [
        {
            "id": row.id,
            "name": row.agent.name,
            "client": row.client.name,
            "handle": row.agent.handle,
            "scopes": row.scopes,
            "designs": [titles.get(design_id, design_id) for design_id in row.designs],
            "territories": row.territories,
            "ends_on": row.ends_on,
            "state": states[appointments.state_of(row, now)],
        }
        for row in sorted(rows, key=lambda row: (appointments.state_of(row, now) != "current", row.id))
    ]


def _titles(session: Session, rows: Sequence[Appointment]) -> dict[str, str]:
    ids = {design_id for row in rows for design_id in row.designs}
    query = select(Design.id, Design.title).where(Design.id.in_(sorted(ids)))
    return dict(session.execute(query).tuples().all()) if ids else {}


def _matrix(organisation: Organisation) -> dict[str, Any]:
    """Return the table of rights for the roles that the organisation's people can have."""
    roles = roles_for(organisation.roles)
    rows = [
        {"resource": str(resource), "rights": [MATRIX[role][resource].name.lower() for role in roles]}
        for resource in Resource
        if any(MATRIX[role][resource] for role in roles)
    ]
    return {"roles": roles, "rows": rows}


def go_back(request: Request, notice: str) -> Response:
    """Show the page of the same organisation with a notice."""
    return go(request, with_query(f"/people?notice={notice}", _query_of(request)))


def _query_of(request: Request) -> str:
    """Return the part of the query that names the organisation of the page, if an operator has chosen one."""
    chosen = request.query_params.get("organisation")
    return f"organisation={quote(chosen)}" if chosen else ""
