"""Members and API keys, in JSON."""

from datetime import datetime

from pydantic import Field

from .forms import Text, Wire


class OrganisationIn(Wire):
    """A member to add."""

    handle: Text = Field(max_length=64, description="Short public name: a-z, 0-9 and -.", examples=["acme"])
    name: Text = Field(max_length=200, examples=["Acme Prints Ltd"])
    roles: list[Text] = Field(
        min_length=1,
        max_length=8,
        description="Some of brand, licensee, marketplace, agent.",
        examples=[["brand"]],
    )


class OrganisationOut(Wire):
    """A member."""

    id: str
    handle: str
    name: str
    roles: list[str]
    created_at: datetime


class KeyIn(Wire):
    """A key to make."""

    organisation: Text = Field(max_length=64, description="Handle of the organisation it acts for.")
    label: Text = Field("", max_length=200, description="What it is for; shown in lists.")
    scopes: list[Text] = Field(
        min_length=1,
        max_length=8,
        description="Some of designs:write, listings:check, certificates:issue, admin.",
    )


class KeyOut(Wire):
    """An API key, without its secret."""

    id: str
    organisation: str
    label: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None


class NewKeyOut(KeyOut):
    """A key just made. `token` is shown this once: it is not kept."""

    token: str


class MeOut(Wire):
    """Who the key that asks belongs to."""

    organisation: str
    key: str
    scopes: list[str]
