"""Members, their domains and API keys, in JSON."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from authcheck.members import domains
from authcheck.members.permissions import SCOPES
from authcheck.members.standing_tables import Domain
from authcheck.proofs.outside.names import shown_domain

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
    state: Literal["applied", "approved", "refused", "suspended"]
    reason: str = Field(description="The operator's reason of a refusal or a suspension.")


class DomainIn(Wire):
    """A domain to prove."""

    domain: Text = Field(max_length=300, examples=["brand.com"])


class DomainOut(Wire):
    """A domain that an organisation says is its own. One of two places must show `proof` as a line."""

    id: str
    domain: str
    state: Literal["waiting", "proved", "lost"]
    method: str = Field(description="dns or file, empty before the first proof.")
    problem: str = Field(description="What the last look found instead: the page /errors has the codes.")
    record: str = Field(description="The name of the TXT record.")
    file: str = Field(description="The address of the file.")
    proof: str = Field(description="The line of the record or of the file.")
    checked_at: datetime | None
    proved_at: datetime | None


class WholeOrganisationOut(OrganisationOut):
    """An organisation with what the operator should know before deciding."""

    domains: list[DomainOut]
    looks_like: list[str] = Field(description="Handles of members that it looks like by handle or name.")


class OrganisationDecisionIn(Wire):
    """The operator's decision about an organisation."""

    decision: Literal["approve", "refuse", "suspend"]
    reason: Text = Field(
        "", max_length=1000, description="Of a refusal or suspension. The organisation reads it."
    )
    despite: Text = Field(
        "", max_length=64, description="The handle once more, to approve one that looks like a member."
    )


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


def domain_out(row: Domain) -> DomainOut:
    """Return a domain as JSON."""
    return DomainOut.model_validate(
        {
            "id": row.id,
            "domain": shown_domain(row.domain),
            "state": row.state,
            "method": row.method,
            "problem": row.problem,
            "record": f"{domains.LABEL}.{row.domain}",
            "file": f"https://{row.domain}{domains.FILE}",
            "proof": domains.proof_of(row),
            "checked_at": row.checked_at,
            "proved_at": row.proved_at,
        }
    )
