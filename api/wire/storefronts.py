"""Official shops, and who may sell a design, in JSON."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from .forms import Text, Wire


class StorefrontIn(Wire):
    """A shop to list as official."""

    marketplace: Text = Field(max_length=100, description="The marketplace's name, like market.example.")
    shop: Text = Field(max_length=200, description="The shop's id on the marketplace.")
    url: Text = Field(max_length=600, description="The shop's address: https://...")


class StorefrontOut(Wire):
    """A shop, as its organisation states. `closed_at` is null while the shop is open.

    Only a proved shop counts as official.
    """

    id: str
    organisation: str = Field(description="Handle.")
    name: str = Field(description="The organisation's name.")
    marketplace: str
    shop: str
    url: str
    created_at: datetime
    closed_at: datetime | None
    proof: Literal["claimed", "proved", "lost"]
    proved_by: Literal["page", "marketplace", "operator", ""] = Field(
        description="Empty before the first proof."
    )
    problem: str = Field(description="What the last look at the page found instead of the proof: a code.")
    checked_at: datetime | None
    show: str | None = Field(description="What the shop's page must show. Only its organisation reads it.")


class ConfirmationIn(Wire):
    """The word of the shop's marketplace."""

    confirmed: bool = Field(description="false denies the shop, until it is confirmed again.")


class BreachOut(Wire):
    """A term of a licence that this use breaks, with its numbers.

    `params` is empty for a term of a licence above this one that you neither gave nor got.
    """

    code: str
    params: dict[str, str | int]


class StandingOut(Wire):
    """A licence of the seller that you gave or got. Without breaches it covers the use."""

    id: str
    state: str
    breaches: list[BreachOut]


class SellerOut(Wire):
    """Whether a shop may sell a design. `seller` is null when no organisation lists the shop."""

    allowed: bool
    seller: str | None
    is_owner: bool
    on: date
    reasons: list[str] = Field(
        description="Why not: codes as in the reasons of a listing. Empty if the shop may sell."
    )
    licences: list[StandingOut] = Field(
        description="The seller's licences about the design, only those that you gave or got."
    )
