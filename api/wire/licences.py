"""Licences, in JSON."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from .forms import Day, Number, Text, Wire

Name = Annotated[str, StringConstraints(max_length=200)]


class TermsIn(Wire):
    """The terms of a licence: designs or collections, territories, goods, channels, period, units."""

    designs: list[Name] = Field(
        default_factory=list, max_length=500, description="Designs, by id or by your reference."
    )
    collections: list[Name] = Field(
        default_factory=list,
        max_length=500,
        description="Names of your collections, each with all its designs.",
    )
    territories: list[Name] = Field(
        default_factory=lambda: ["*"],
        max_length=500,
        description="ISO 3166-1 codes, or * alone for all countries.",
        examples=[["FR", "IT"]],
    )
    except_territories: list[Name] = Field(
        default_factory=list, max_length=500, description="Countries to except from *."
    )
    goods: list[Number] = Field(
        default_factory=list,
        max_length=45,
        description="Nice classes. An empty list allows all.",
        examples=[[25]],
    )
    channels: list[Name] = Field(
        default_factory=list,
        max_length=500,
        description="`marketplace` or `marketplace/shop`. An empty list allows any.",
    )
    starts_on: Day
    ends_on: Day | None = Field(None, description="The last day. Null means no end.")
    cap: Number | None = Field(
        None, description="Units, over all versions of the licence. Null means any number."
    )
    sublicensing: bool = False
    exclusive: bool = False


class LicenceIn(Wire):
    """An offer to a licensee. For a sublicence, `parent` is the licence that you hold."""

    licensee: Text = Field(max_length=64, description="Handle of the organisation.")
    terms: TermsIn
    parent: Text | None = Field(None, max_length=40)


class LicenceRevocationIn(Wire):
    """The reason for revoking a licence."""

    reason: Text = Field(max_length=40, examples=["unpaid"])


class LicenceOut(Wire):
    """A version of a licence. `state` is its state today. `units` counts the units of all its versions."""

    id: str
    series: str
    version: int
    state: str
    owner: str
    licensee: str
    parent: str | None
    terms: TermsIn
    units: int
    offered_at: datetime
    accepted_at: datetime | None
    declined_at: datetime | None
    superseded_at: datetime | None
    revoked_at: datetime | None
    revocation_reason: str | None
    tx_id: str | None = Field(description="Transaction id of the ledger entry of the offer.")
    offered_salt: str | None = Field(
        description="Salt of the hash of `terms` in the ledger entry of the offer. Only its parties read it."
    )
    accepted_salt: str | None = Field(
        description="Salt of the hash of `terms` in the ledger entry of the acceptance."
    )
