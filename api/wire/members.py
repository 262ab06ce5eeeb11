"""Members and API keys, in JSON."""

from datetime import datetime

from pydantic import Field

from authcheck.members.permissions import SCOPES

from .forms import Text, Wire


class OrganisationIn(Wire):
    """A member to add."""

    handle: Text = Field(max_length=64, description="Short public name: a-z, 0-9 and -.", examples=["acme"])
    name: Text = Field(max_length=200, examples=["Acme Prints Ltd"])
    roles: list[Text] = Field(
        min_length=1,
        max_length=8,
        description="One or more of brand, licensee, marketplace, agent, operator.",
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

    organisation: Text | None = Field(
        None, max_length=64, description="Handle of the organisation that the key acts for. Default: yours."
    )
    label: Text = Field("", max_length=200, description="What the key is for. Lists show it.")
    scopes: list[Text] = Field(
        min_length=1,
        max_length=20,
        description=f"One or more of {', '.join(SCOPES)}.",
    )


class KeyOut(Wire):
    """An API key, without its secret."""

    id: str
    organisation: str
    label: str
    scopes: list[str]
    created_at: datetime
    used_at: datetime | None = Field(description="About the last request with this key, to the minute.")
    revoked_at: datetime | None


class NewKeyOut(KeyOut):
    """A new key. `token` is shown only once: we do not store it."""

    token: str


class AgentOut(Wire):
    """The agent behind a caller who acts for a brand, and the part of the brand that the agent reaches."""

    organisation: str = Field(description="Handle of the agent's organisation.")
    name: str
    appointment: str
    designs: list[str] | None = Field(description="Ids of the brand's designs. Null: all designs.")
    territories: list[str] | None = Field(description="ISO 3166-1 codes. Null: all countries.")


class MeOut(Wire):
    """The caller of this request: a program with an API key, or a person who is signed in.

    `organisation` is the one that the caller acts for. An agent acts for a brand: then `agent` says who.
    """

    organisation: str
    name: str
    agent: AgentOut | None = Field(description="Null if the caller acts for the own organisation.")
    salt: str | None = Field(
        description="Salt of the hash of your organisation's name in the ledger. Null for an agent."
    )
    key: str | None = Field(description="The id of the API key, or null for a person.")
    person: str | None = Field(description="The id of the person who is signed in, or null for a key.")
    scopes: list[str] = Field(description="The scopes of the key.")
    roles: list[str] = Field(description="The person's roles in the organisation.")
    rights: dict[str, str] = Field(description="read, write or decide, by what they are about.")
