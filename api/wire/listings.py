"""Listings, in JSON."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from .checks import ReasonOut
from .forms import Wire

Verdict = Literal[
    "licensed",
    "unlicensed_use",
    "licence_breach",
    "certificate_mismatch",
    "certificate_invalid",
    "clone_suspected",
    "lookalike",
    "none",
]


class ListedDesignOut(Wire):
    """A registered design in the listing's pictures. `pictures` are the places of these pictures, from 0."""

    id: str
    reference: str
    owner: str = Field(description="The owner's handle.")
    verdict: Literal["match", "lookalike"]
    score: float
    exact_copy: bool = Field(description="A picture is, byte for byte, a registered file.")
    pictures: list[int]


class ListedPictureOut(Wire):
    """A picture, and the check of it."""

    place: int = Field(description="Its place among the pictures that you sent, from 0.")
    check: str


class UnreadableOut(Wire):
    """A picture that could not be read."""

    place: int
    picture: str
    code: str
    detail: str


class ListedCertificateOut(Wire):
    """The result of looking the certificate's code up."""

    code: str | None
    outcome: Literal["good", "revoked", "not_true", "unknown", "unsigned", "not_found", "malformed"]
    issuer: str | None


class RemarkOut(Wire):
    """A value of the listing that we left out or changed. The listing was checked all the same."""

    field: str
    code: str
    detail: str


class ListingOut(Wire):
    """An offer and its verdict. `reasons` are sorted by falling weight.

    `licence` is the licence that decided, null unless you are its owner or its licensee. The numbers of a
    licence's terms in `reasons` are for these two parties, too.
    """

    id: str
    reference: str
    seller: str
    channel: str
    territory: str
    goods: list[int]
    price: str | None
    price_amount: str | None = Field(description="The amount of `price`, a decimal as text: `19.90`.")
    currency: str | None = Field(description="The currency of `price`, by ISO 4217.")
    listed_on: date
    url: str | None = Field(description="The listing's address. We never open it.")
    title: str | None
    description: str | None
    language: str | None
    seller_name: str | None
    gtin: str | None
    sold_30d: int | None
    stock: int | None
    rank: int | None
    query: str | None
    remarks: list[RemarkOut] = Field(description="Values that we left out or changed.")
    verdict: Verdict
    severity: Literal["none", "low", "medium", "high"]
    reasons: list[ReasonOut]
    design: str | None
    licence: str | None
    seller_known: bool = Field(description="Whether the shop is an official shop of a member.")
    designs: list[ListedDesignOut]
    certificate: ListedCertificateOut | None
    pictures: list[ListedPictureOut]
    policy: str
    handed_in_at: datetime
    decided_at: datetime


class CheckedListingOut(ListingOut):
    """The answer to a listing that you handed in."""

    unreadable: list[UnreadableOut] = Field(description="Pictures that could not be read.")
