"""People, their roles and invitations, in JSON."""

from datetime import datetime

from pydantic import Field

from authcheck.members.permissions import Role

from .forms import Text, Wire

ROLES = ", ".join(Role)


class RolesIn(Wire):
    """All roles that a person has from now on."""

    roles: list[Text] = Field(min_length=1, max_length=20, description=f"One or more of {ROLES}.")


class PersonOut(Wire):
    """A person of an organisation."""

    id: str
    email: str
    name: str
    roles: list[str]
    since: datetime
    used_at: datetime | None = Field(description="About the person's last request, to the minute.")
    second_factor: bool
    disabled: bool


class InvitationIn(RolesIn):
    """A person to invite."""

    email: Text = Field(max_length=254, examples=["mei@acme.example"])
    name: Text = Field("", max_length=200)
    organisation: Text | None = Field(None, max_length=64, description="Handle. Default: your organisation.")


class InvitationOut(Wire):
    """An invitation that still works."""

    id: str
    organisation: str
    email: str
    name: str
    roles: list[str]
    created_at: datetime
    expires_at: datetime


class NewInvitationOut(InvitationOut):
    """A new invitation."""

    link: str | None = Field(
        description="The link, if no mail was sent: send it to the person yourself. It is shown only once."
    )
