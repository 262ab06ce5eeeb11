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
        description="One or more of brand, licensee, marketplace, agent.",
        examples=[["brand"]],
    )


class OrganisationOut(Wire):
    """An organisation that is a member."""

    id: str
    handle: str
    name: str
    roles: list[str]
    created_at: datetime
    salt: str | None = Field(description="Salt of the hash of the name in the ledger.")


class KeyIn(Wire):
    """A key to make."""

    organisation: Text = Field(max_length=64, description="Handle of the organisation that the key acts for.")
    label: Text = Field("", max_length=200, description="What the key is for. Lists show it.")
    scopes: list[Text] = Field(
        min_length=1,
        max_length=8,
        description="One or more of designs:write, listings:check, certificates:issue, admin.",
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
    """A new key. `token` is shown only once: we do not store it."""

    token: str


class MeOut(Wire):
    """The owner of the API key of this request."""

    organisation: str
    name: str
    salt: str | None = Field(description="Salt of the hash of your organisation's name in the ledger.")
    key: str
    scopes: list[str]
