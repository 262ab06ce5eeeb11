"""What goes over the wire of listings, in JSON."""

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
    """A registered design that the listing's pictures show; `pictures` are their places, from 0."""

    id: str
    reference: str
    owner: str = Field(description="Handle of its owner.")
    verdict: Literal["match", "lookalike"]
    score: float
    exact_copy: bool = Field(description="A picture is the very file that was registered.")
    pictures: list[int]


class ListedPictureOut(Wire):
    """A picture that was looked at, and the check that did it."""

    place: int = Field(description="Its place among those sent in, from 0.")
    check: str


class UnreadableOut(Wire):
    """A picture that could not be looked at."""

    place: int
    picture: str
    code: str
    detail: str


class ListedCertificateOut(Wire):
    """What became of the certificate's code."""

    code: str | None
    outcome: Literal["good", "revoked", "not_true", "unknown", "unsigned", "not_found", "malformed"]
    issuer: str | None


class ListingOut(Wire):
    """An offer and its verdict: may this seller sell it here? `reasons` by falling weight, `licence` what it rests on."""

    id: str
    reference: str
    seller: str
    channel: str
    territory: str
    goods: list[int]
    price: str | None
    listed_on: date
    verdict: Verdict
    severity: Literal["none", "low", "medium", "high"]
    reasons: list[ReasonOut]
    design: str | None
    licence: str | None
    seller_known: bool = Field(description="Whether it is a member's official shop.")
    designs: list[ListedDesignOut]
    certificate: ListedCertificateOut | None
    pictures: list[ListedPictureOut]
    policy: str
    handed_in_at: datetime
    decided_at: datetime


class CheckedListingOut(ListingOut):
    """The answer to a listing just handed in."""

    unreadable: list[UnreadableOut] = Field(description="Pictures that could not be looked at.")
