"""What was seen of a listing, as plain data: all that its verdict may depend on, and what is stored to decide again."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from authcheck.errors import NotTrue
from authcheck.licences.terms import Breach

FORM = 1  # of the evidence as JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceSeen:
    """A licence of this seller about a design, and every term of it that this listing breaks; none: it covers the listing."""

    licence_id: str
    breaches: tuple[Breach, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignSeen:
    """A registered design that the pictures show. `owner` is a handle, `reference` the owner's own id for the design.

    `score` in [0, 1] and `verdict` are those of the picture that shows it best; `pictures` are the places, from 0, of those that
    show it; `exact_copy` is set where one is, byte for byte, a registered picture. `licences` are the seller's.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSeen:
    """What looking the certificate up said. `failed` is the code of the step that is false, `issuer` a handle.

    `right_at_issue`: the issuer owned the design or held an active licence when the ledger recorded the certificate; None where that
    is not known. `clone_reasons` are codes of what its scans show that one unit cannot do.
    """

    outcome: Literal["good", "revoked", "not_true", "unknown", "unsigned", "not_found", "malformed"]
    failed: str = ""
    design_id: str | None = None
    issuer: str | None = None
    issuer_is_seller: bool = False
    right_at_issue: bool | None = None
    clone_reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a verdict on a listing may depend on. `certificate` is None where the listing names none.

    `seller_known`: the shop is an official one of a member. `pictures` counts those handed in, `unreadable` those of them that could not be read.
    """

    designs: tuple[DesignSeen, ...] = ()
    certificate: CertificateSeen | None = None
    seller_known: bool = False
    pictures: int = 0
    unreadable: int = 0

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads; holds nothing that JSON would change."""
        return {"v": FORM, **json.loads(json.dumps(asdict(self)))}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """Read evidence as it was stored. Raises NotTrue (`listing.evidence`) where it is not of a form known here."""
        try:
            words = {name: value for name, value in found.items() if name != "v"}
            if found["v"] != FORM:
                raise ValueError(found["v"])  # noqa: TRY301 - the same refusal as of a missing field
            words["designs"] = tuple(_design_of(design) for design in words["designs"])
            if words["certificate"] is not None:
                signs = tuple(words["certificate"]["clone_reasons"])
                words["certificate"] = CertificateSeen(**{**words["certificate"], "clone_reasons": signs})
            return cls(**words)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise NotTrue(
                "The stored evidence is not of a form known here.", code="listing.evidence"
            ) from None


def _design_of(found: Mapping[str, Any]) -> DesignSeen:
    licences = tuple(
        LicenceSeen(
            licence_id=one["licence_id"],
            breaches=tuple(Breach(breach["code"], breach["params"]) for breach in one["breaches"]),
        )
        for one in found["licences"]
    )
    return DesignSeen(**{**found, "pictures": tuple(found["pictures"]), "licences": licences})
