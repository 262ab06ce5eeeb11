"""What goes over the wire of licences, in JSON."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from .forms import Text, Wire

Name = Annotated[str, StringConstraints(max_length=200)]


class TermsIn(Wire):
    """What is allowed: with which designs or collections, where, on which goods, through whom, when, how many."""

    designs: list[Name] = Field(default_factory=list, max_length=500, description="Ids of designs.")
    collections: list[Name] = Field(
        default_factory=list, max_length=500, description="Your collections, whole."
    )
    territories: list[Name] = Field(
        default_factory=lambda: ["*"],
        max_length=500,
        description="ISO 3166-1 codes, or * alone.",
        examples=[["FR", "IT"]],
    )
    except_territories: list[Name] = Field(default_factory=list, max_length=500, description="Taken from *.")
    goods: list[int] = Field(
        default_factory=list, max_length=45, description="Nice classes; none: all.", examples=[[25]]
    )
    channels: list[Name] = Field(
        default_factory=list, max_length=500, description="Marketplace or marketplace/shop; none: any."
    )
    starts_on: date
    ends_on: date | None = Field(None, description="The last day; null: no end.")
    cap: int | None = Field(None, description="Units, over all versions of the licence; null: any number.")
    sublicensing: bool = False
    exclusive: bool = False


class LicenceIn(Wire):
    """An offer to a licensee; `parent` is the licence that you hold where it is a sublicence."""

    licensee: Text = Field(max_length=64, description="Handle of the organisation.")
    terms: TermsIn
    parent: Text | None = Field(None, max_length=40)


class LicenceRevocationIn(Wire):
    """Why a licence ends."""

    reason: Text = Field(max_length=40, examples=["unpaid"])


class LicenceOut(Wire):
    """A version of a licence. `state` is what follows from its terms and times today; `units` were certified under all its versions."""

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
    tx_id: str | None = Field(description="Of the ledger's entry that offers it.")
