"""The verdicts on listings, worst first, the weights of reasons, and the named versions of the rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from authcheck.errors import BadSetting

Severity = Literal["none", "low", "medium", "high"]


class ListingVerdict(StrEnum):
    """The verdicts on a listing, worst first. The worst finding is the verdict."""

    CERTIFICATE_INVALID = "certificate_invalid"
    CLONE_SUSPECTED = "clone_suspected"
    CERTIFICATE_MISMATCH = "certificate_mismatch"
    UNLICENSED_USE = "unlicensed_use"
    LICENCE_BREACH = "licence_breach"
    LOOKALIKE = "lookalike"
    LICENSED = "licensed"
    NONE = "none"


WORST_FIRST = tuple(ListingVerdict)
WEIGHTS: Mapping[str, float] = {  # every reason that a verdict can give, by falling weight
    "certificate.revoked": 1.0,
    "certificate.not_true": 1.0,
    "certificate.not_found": 1.0,
    "certificate.malformed": 1.0,
    "certificate.no_right_at_issue": 0.98,
    "certificate.clone": 0.95,
    "certificate.other_design": 0.92,
    "certificate.other_issuer": 0.9,
    "image.exact_copy": 0.85,
    "listing.no_licence": 0.8,
    "licence.not_accepted": 0.78,
    "licence.accepted_later": 0.77,
    "licence.revoked": 0.76,
    "licence.lapsed": 0.75,
    "licence.not_started": 0.74,
    "licence.other_design": 0.73,
    "licence.territory": 0.72,
    "licence.goods": 0.71,
    "licence.channel": 0.7,
    "licence.over_cap": 0.69,
    "licence.superseded": 0.68,
    "design.disputed": 0.5,
    "listing.shop_near": 0.46,
    "listing.lookalike": 0.45,
    "certificate.cannot_tell": 0.4,
    "certificate.issuer_suspended": 0.42,
    "listing.owner_sells": 0.3,
    "listing.licensed": 0.3,
    "listing.twin": 0.28,
    "listing.variant": 0.28,
    "listing.shop_claimed": 0.6,
    "design.owner_suspended": 0.3,
    "listing.near_own": 0.25,
    "certificate.good": 0.2,
    "listing.nothing_found": 0.2,
    "listing.seller_unknown": 0.15,
    "listing.pictures_unreadable": 0.1,
    "listing.price_unread": 0.05,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingPolicy:
    """One named version of the rules. `severities` says how urgent each verdict is for a moderator."""

    name: str
    severities: Mapping[ListingVerdict, Severity]


LISTING_POLICIES: Mapping[str, ListingPolicy] = {
    policy.name: policy
    for policy in (
        ListingPolicy(
            name="listing-1",
            severities={
                ListingVerdict.CERTIFICATE_INVALID: "high",
                ListingVerdict.CLONE_SUSPECTED: "high",
                ListingVerdict.CERTIFICATE_MISMATCH: "high",
                ListingVerdict.UNLICENSED_USE: "medium",
                ListingVerdict.LICENCE_BREACH: "medium",
                ListingVerdict.LOOKALIKE: "low",
                ListingVerdict.LICENSED: "none",
                ListingVerdict.NONE: "none",
            },
        ),
    )
}
CURRENT_LISTING_POLICY = LISTING_POLICIES["listing-1"]


def severity_of(policy: str, verdict: str) -> Severity:
    """Return how urgent a stored verdict is. Raises BadSetting (`policy.unknown`)."""
    return listing_policy_named(policy).severities[ListingVerdict(verdict)]


def listing_policy_named(name: str) -> ListingPolicy:
    """Return the policy with this name. Raises BadSetting (`policy.unknown`) when this release has none."""
    try:
        return LISTING_POLICIES[name]
    except KeyError:
        raise BadSetting(
            f"This release has no policy with the name {name!r}.", code="policy.unknown", name=name
        ) from None
