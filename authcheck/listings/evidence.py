"""The evidence about a listing, as plain data. The verdict depends on nothing else.

It is stored to decide again.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from authcheck.errors import NotTrue
from authcheck.licences.terms import Breach

FORM = 1  # the version of the evidence as JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceSeen:
    """A licence of the seller about a design, and its terms that the listing breaks.

    Without a breach it covers the listing. `twin` is the reference of another design of the owner if the
    licence names only that one. It shows the same art or, with `variant`, it fits the pictures as well.
    """

    licence_id: str
    breaches: tuple[Breach, ...]
    twin: str = ""
    variant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignSeen:
    """A registered design that the pictures show.

    `owner` is a handle, `reference` the owner's own id for the design.

    `score` in [0, 1] and `verdict` are those of the picture that shows the design best. `pictures` are the
    places, from 0, of the pictures that show it. `exact_copy` says that one of them is, byte for byte, a
    registered picture. `licences` are the seller's licences about the design. `twin_certified` says that the
    certificate is about another design of the owner with the same art, or that fits the pictures as well.
    `owner_suspended` says that the operator has suspended the owner.
    """

    design_id: str
    reference: str
    owner: str
    verdict: Literal["match", "lookalike"]
    score: float
    pictures: tuple[int, ...] = ()
    exact_copy: bool = False
    disputed: bool = False
    seller_is_owner: bool = False
    licences: tuple[LicenceSeen, ...] = ()
    twin_certified: bool = False
    owner_suspended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSeen:
    """The result of the certificate's look-up.

    `failed` is the code of the step that is false, `issuer` a handle.

    `right_at_issue` says whether the issuer owned the design or held an active licence when the ledger
    recorded the certificate, None when that is not known. `clone_reasons` are codes of scans that are
    impossible for one unit. `is_suspended` says that the issuer, or the design's owner, is suspended.
    """

    outcome: Literal["good", "revoked", "not_true", "unknown", "unsigned", "not_found", "malformed"]
    failed: str = ""
    design_id: str | None = None
    issuer: str | None = None
    issuer_is_seller: bool = False
    right_at_issue: bool | None = None
    clone_reasons: tuple[str, ...] = ()
    is_suspended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a verdict on a listing depends on. `certificate` is None when the listing names none.

    `seller_known` says that the shop is an official shop of a member. `pictures` counts the pictures handed
    in, `unreadable` those that could not be read. `price_unread` is a price that could not be read.
    `near_shop` is a member's shop whose id is written almost like the id of an unknown seller.
    `shop_claimed` says that the seller's shop is claimed by a member and not proved.
    """

    designs: tuple[DesignSeen, ...] = ()
    certificate: CertificateSeen | None = None
    seller_known: bool = False
    pictures: int = 0
    unreadable: int = 0
    price_unread: str = ""
    near_shop: str = ""
    shop_claimed: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values for `from_json`."""
        return {"v": FORM, **json.loads(json.dumps(asdict(self)))}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Read stored evidence.

        Raises NotTrue (`listing.evidence`) when this release does not know its form.
        """
        try:
            fields = {name: value for name, value in stored.items() if name != "v"}
            if stored["v"] != FORM:
                raise ValueError(stored["v"])  # noqa: TRY301 - the same refusal as of a missing field
            fields["designs"] = tuple(_design_of(design) for design in fields["designs"])
            if fields["certificate"] is not None:
                signs = tuple(fields["certificate"]["clone_reasons"])
                fields["certificate"] = CertificateSeen(**{**fields["certificate"], "clone_reasons": signs})
            return cls(**fields)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise NotTrue(
                "This release cannot read the stored evidence of the listing.", code="listing.evidence"
            ) from None


def _design_of(stored: Mapping[str, Any]) -> DesignSeen:
    licences = tuple(
        LicenceSeen(
            licence_id=licence["licence_id"],
            breaches=tuple(
                # earlier releases did not store which licence of a chain has the term
                Breach(breach["code"], breach["params"], breach.get("licence_id", ""))
                for breach in licence["breaches"]
            ),
            twin=licence.get("twin", ""),
            variant=licence.get("variant", False),
        )
        for licence in stored["licences"]
    )
    return DesignSeen(**{**stored, "pictures": tuple(stored["pictures"]), "licences": licences})
