"""Callers who act as an agent for a client: the rights that the appointment gives them."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from authcheck.errors import NotFound
from authcheck.members import appointments
from authcheck.members.organisations import APPROVED
from authcheck.members.permissions import Grants, Right, Role, cap, grants_of_scopes
from authcheck.members.principals import Agency, Principal
from authcheck.members.tables import Appointment


def for_client(own: Principal, appointment: Appointment) -> Principal:
    """Return the principal of an agent's person or key while it acts for a client.

    A person with the role `agent` has all rights of the appointment. A key has those that its own scopes
    allow, too.
    """
    grants = grants_of_scopes(appointment.scopes)
    if not own.is_person:
        grants = {
            resource: min(right, own.grants.get(resource, Right.NONE)) for resource, right in grants.items()
        }
    state = own.state if own.state != APPROVED else appointment.client.state
    grants = cap(grants, is_approved=state == APPROVED)
    return replace(
        own,
        organisation_id=appointment.client_id,
        handle=appointment.client.handle,
        grants=grants,
        agency=Agency(own.organisation_id, own.handle, appointment.agent.name, appointment.id),
        reach=appointments.reach_of(appointment),
        state=state,
    )


def grants_now(session: Session, agency: Agency, roles: Collection[str], now: datetime) -> Grants:
    """Return the rights that an agent's person has at this moment: none when the appointment is over."""
    if Role.AGENT not in roles:
        return {}
    try:
        appointment = appointments.get_current(
            session, agency.appointment_id, agent_id=agency.organisation_id, now=now
        )
    except NotFound:
        return {}
    return grants_of_scopes(appointment.scopes)
