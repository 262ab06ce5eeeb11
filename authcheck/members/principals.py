"""The caller behind a request: a program with an API key, or a person who is signed in."""

from dataclasses import dataclass
from datetime import datetime

from authcheck.errors import Forbidden
from authcheck.members.organisations import APPROVED
from authcheck.members.permissions import MEANWHILE, SCOPES, Grants, Resource, Right
from authcheck.members.reach import WHOLE, Reach


@dataclass(frozen=True, slots=True)
class Agency:
    """The agent behind a caller who acts for a client: the agent's organisation and the appointment."""

    organisation_id: str
    handle: str
    name: str
    appointment_id: str


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller, the organisation that the caller acts for, and the caller's rights there.

    `caller` is the id of an API key or of a person. `scopes` are the names of what the caller has been given:
    scopes of a key, roles of a person. `used_at` is the stored time of the caller's last request. An agent
    acts for a client: then `organisation_id` and `handle` are the client's, and `reach` is the part of the
    client's things that the appointment names. `state` is the organisation's. Unless it is
    approved, `grants` are capped.
    """

    organisation_id: str
    handle: str
    caller: str
    scopes: frozenset[str]
    grants: Grants
    used_at: datetime | None = None
    agency: Agency | None = None
    reach: Reach = WHOLE
    state: str = APPROVED

    @property
    def is_person(self) -> bool:
        """Return whether a person is signed in. Otherwise a program has sent an API key."""
        return self.caller.startswith("per_")

    @property
    def identity(self) -> str:
        """Return a text that differs for each caller and each organisation that the caller acts for.

        It also differs for each appointment: an answer under earlier terms is none under new terms.
        """
        if self.agency is not None:
            return f"{self.caller} {self.agency.appointment_id}"
        return f"{self.caller} {self.organisation_id}" if self.is_person else self.caller

    @property
    def home_id(self) -> str:
        """Return the id of the caller's own organisation, which is the agent's while an agent acts."""
        return self.agency.organisation_id if self.agency else self.organisation_id

    def may(self, resource: Resource, right: Right) -> bool:
        """Return whether the caller has this right, or a greater one."""
        return self.grants.get(resource, Right.NONE) >= right

    def require(self, resource: Resource, right: Right) -> None:
        """Raise Forbidden (`auth.scope` for a key, `auth.role` for a person) without this right."""
        if self.may(resource, right):
            return
        if self.state != APPROVED and right > MEANWHILE[resource]:
            raise not_approved_error(self.handle, self.state)
        if self.agency is not None:
            raise Forbidden(
                f"Your appointment by {self.handle} does not allow this: {resource}, {right.name.lower()}.",
                code="appointment.scope",
                resource=str(resource),
                right=right.name.lower(),
            )
        needed = scope_for(resource, right)
        if self.is_person:
            raise Forbidden(
                f"Your roles do not allow this: {resource}, {right.name.lower()}. Ask an admin of your"
                " organisation.",
                code="auth.role",
                resource=str(resource),
                right=right.name.lower(),
            )
        raise Forbidden(
            f"This API key does not have the scope {needed}. Use another key.",
            code="auth.scope",
            scope=needed,
        )


def not_approved_error(handle: str, state: str) -> Forbidden:
    """Return the error for an organisation that may only prepare."""
    waits = "The operator of this service has not approved it yet"
    why = {"refused": "The operator of this service refused it", "suspended": "It is suspended"}.get(
        state, waits
    )
    return Forbidden(
        f"{handle} cannot do this now. {why}. Your page of the organisation says more.",
        code="organisation.not_approved",
        state=state,
    )


def scope_for(resource: Resource, right: Right) -> str:
    """Return the narrowest scope with this right."""
    scopes = [name for name, grants in SCOPES.items() if grants.get(resource, Right.NONE) >= right]
    return min(scopes, key=lambda name: sum(SCOPES[name].values()), default="")
