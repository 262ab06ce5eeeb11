"""The rule book of listings: what was seen of an offer, joined into one verdict and its reasons.

Three questions were answered before, separately: which registered designs do the pictures show, may this seller use
them here and now, and is the certificate good. The answers are the Evidence; `decide` joins them and looks at nothing else.
The rules are numbered blocks from `_judge_certificate` on, in the order of docs/listing-verdicts.md.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from authcheck.checks.verdicts import Reason
from authcheck.errors import BadSetting
from authcheck.listings.evidence import CertificateSeen, DesignSeen, Evidence, LicenceSeen

__all__ = [
    "CURRENT_LISTING_POLICY",
    "LISTING_POLICIES",
    "WEIGHTS",
    "WORST_FIRST",
    "CertificateSeen",
    "Decision",
    "DesignSeen",
    "Evidence",
    "LicenceSeen",
    "ListingPolicy",
    "ListingVerdict",
    "Severity",
    "decide",
    "listing_policy_named",
]

Severity = Literal["none", "low", "medium", "high"]


class ListingVerdict(StrEnum):
    """What a listing is found to be, worst first; of all that was found the first in this order is the verdict."""

    CERTIFICATE_INVALID = "certificate_invalid"
    CLONE_SUSPECTED = "clone_suspected"
    CERTIFICATE_MISMATCH = "certificate_mismatch"
    UNLICENSED_USE = "unlicensed_use"
    LICENCE_BREACH = "licence_breach"
    LOOKALIKE = "lookalike"
    LICENSED = "licensed"
    NONE = "none"


WORST_FIRST = tuple(ListingVerdict)
WEIGHTS: Mapping[str, float] = {  # every reason a verdict can give, the weightiest first
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
    "listing.lookalike": 0.45,
    "certificate.cannot_tell": 0.4,
    "listing.owner_sells": 0.3,
    "listing.licensed": 0.3,
    "listing.near_own": 0.25,
    "certificate.good": 0.2,
    "listing.nothing_found": 0.2,
    "listing.seller_unknown": 0.15,
    "listing.pictures_unreadable": 0.1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingPolicy:
    """One named version of the rules; `severities` says how much each verdict weighs for whoever works it off."""

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


def listing_policy_named(name: str) -> ListingPolicy:
    """The policy of that name. Raises BadSetting (`policy.unknown`) where this release does not know it."""
    try:
        return LISTING_POLICIES[name]
    except KeyError:
        raise BadSetting(f"No policy is called {name!r}.", code="policy.unknown", name=name) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict on a listing; `reasons` by falling weight. `design_id` and `licence_id` are what it rests on."""

    code: ListingVerdict
    severity: Severity
    reasons: tuple[Reason, ...]
    design_id: str | None = None
    licence_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Finding:
    """What one rule says of one design."""

    code: ListingVerdict
    reasons: tuple[Reason, ...]
    licence_id: str | None = None


def decide(evidence: Evidence, policy: ListingPolicy) -> Decision:
    """The verdict on a listing: the worst of what is said of its certificate and of each design seen.

    It rests on the design of which the worst is said; where none was seen, on the certificate's.
    """
    judged = [(_judge_design(design, evidence), design) for design in evidence.designs]
    judged.sort(key=_by_harm)
    certificate = list(_judge_certificate(evidence))
    verdicts = [code for code, _ in certificate if code] + [finding.code for finding, _ in judged]
    code = min(verdicts, key=WORST_FIRST.index, default=ListingVerdict.NONE)
    reasons = [reason for _, reason in certificate]
    reasons += [reason for finding, _ in judged for reason in finding.reasons]
    if not evidence.designs:
        reasons.append(_because("listing.nothing_found"))
    if evidence.unreadable:
        reasons.append(_because("listing.pictures_unreadable", pictures=evidence.unreadable))
    design_id = evidence.certificate.design_id if evidence.certificate else None
    licence_id = None
    if judged:
        design_id, licence_id = judged[0][1].design_id, judged[0][0].licence_id
    return Decision(
        code=code,
        severity=policy.severities[code],
        reasons=_in_order(reasons),
        design_id=design_id,
        licence_id=licence_id,
    )


def _judge_certificate(evidence: Evidence) -> Iterator[tuple[ListingVerdict | None, Reason]]:
    """Rules 1 to 4: everything that is said of the certificate; None where that is no verdict of its own."""
    seen = evidence.certificate
    if seen is None:
        return
    faults: list[tuple[ListingVerdict, Reason]] = []

    # 1. certificate_invalid: forged, altered, not in the ledger, revoked, an unknown or unreadable code, or issued by
    #    somebody who had no right to the design when the ledger recorded it.
    if seen.outcome in {"revoked", "not_true", "not_found", "malformed"}:
        words = {"failed": seen.failed} if seen.failed else {}
        faults.append((ListingVerdict.CERTIFICATE_INVALID, _because(f"certificate.{seen.outcome}", **words)))
    if seen.right_at_issue is False:
        faults.append((ListingVerdict.CERTIFICATE_INVALID, _because("certificate.no_right_at_issue")))

    # 2. clone_suspected: its label was scanned as one unit cannot be.
    if seen.clone_reasons:
        signs = ", ".join(sorted(set(seen.clone_reasons)))
        faults.append((ListingVerdict.CLONE_SUSPECTED, _because("certificate.clone", signs=signs)))

    # 3. certificate_mismatch: a good certificate that is not this listing's.
    if seen.outcome == "good":
        mismatches = _mismatches(seen, evidence.designs)
        faults += [(ListingVerdict.CERTIFICATE_MISMATCH, reason) for reason in mismatches]
    yield from faults

    # 4. No verdict of its own: the certificate is good, or nobody can tell at present.
    if seen.outcome in {"unknown", "unsigned"}:
        yield None, _because("certificate.cannot_tell")
    elif not faults:
        yield None, _because("certificate.good")


def _mismatches(seen: CertificateSeen, designs: Iterable[DesignSeen]) -> Iterator[Reason]:
    """Rule 3. A disputed design cannot show that a certificate is another's."""
    matched = {design.design_id: design for design in designs if design.verdict == "match"}

    # 3a. It is about another design than those the pictures show.
    undisputed = any(not design.disputed for design in matched.values())
    if seen.design_id and undisputed and seen.design_id not in matched:
        yield _because("certificate.other_design")

    # 3b. Its issuer is neither the seller, nor the design's owner, nor its licensee. A shop that resells an owner's unit shows
    #     the owner's certificate: that is no mismatch; whether it may sell is the licence's question.
    design = matched.get(seen.design_id or "")
    entitled = seen.issuer_is_seller or bool(seen.right_at_issue)
    if design and not design.disputed and seen.issuer not in {None, design.owner} and not entitled:
        yield _because("certificate.other_issuer", issuer=str(seen.issuer))


def _judge_design(design: DesignSeen, evidence: Evidence) -> _Finding:
    """Rules 5 to 10: what is said of one design; the first rule that fits holds."""
    about = {"design": design.reference, "owner": design.owner}
    covering = max((one.licence_id for one in design.licences if not one.breaches), default=None)

    # 5. A design whose owners are in dispute accuses nobody and clears nobody: a person decides.
    if design.disputed:
        return _Finding(ListingVerdict.LOOKALIKE, (_because("design.disputed", **about),))

    # 6. Near a design, not the same: for whoever may use the design itself that is nothing; else a person should look.
    if design.verdict == "lookalike":
        if design.seller_is_owner or covering:
            return _Finding(ListingVerdict.NONE, (_because("listing.near_own", **about),), covering)
        return _Finding(ListingVerdict.LOOKALIKE, (_because("listing.lookalike", **about),))

    # 7. licensed: the owner sells.
    if design.seller_is_owner:
        return _Finding(ListingVerdict.LICENSED, (_because("listing.owner_sells", **about),))

    # 8. licensed: a licence of the seller covers design, territory, goods, channel, day and quantity.
    if covering:
        reason = _because("listing.licensed", **about, licence=covering)
        return _Finding(ListingVerdict.LICENSED, (reason,), covering)

    return _judge_without_right(design, evidence, about)


def _judge_without_right(design: DesignSeen, evidence: Evidence, about: Mapping[str, str]) -> _Finding:
    """Rules 9 and 10: the same design, and nothing that covers this listing."""
    # 9. licence_breach: the seller has licences, and this listing breaks a term of each. Told is the one it breaks
    #    least; a version that was replaced only where no other is left.
    held = [one for one in design.licences if not _is_offer(one)]
    if held:
        told = max(held, key=_little_broken)
        broken = tuple(_because(one.code, **{**about, **one.params}) for one in told.breaches)
        return _Finding(ListingVerdict.LICENCE_BREACH, broken, told.licence_id)

    # 10. unlicensed_use: no right at all. An offer not accepted by that day is no licence, and a copy of the
    #     owner's own picture shows where it was taken from, never that the goods are the owner's.
    reasons = [_because("listing.no_licence", **about)]
    if design.licences:
        reasons.append(_because("licence.not_accepted", **about))
    if design.exact_copy:
        reasons.append(_because("image.exact_copy", **about))
    if not evidence.seller_known:
        reasons.append(_because("listing.seller_unknown"))
    return _Finding(ListingVerdict.UNLICENSED_USE, tuple(reasons))


def _is_offer(licence: LicenceSeen) -> bool:
    return any(breach.code == "licence.not_accepted" for breach in licence.breaches)


def _little_broken(licence: LicenceSeen) -> tuple[bool, int, str]:
    replaced = any(breach.code == "licence.superseded" for breach in licence.breaches)
    return not replaced, -len(licence.breaches), licence.licence_id


def _by_harm(judged: tuple[_Finding, DesignSeen]) -> tuple[int, bool, float, str, str]:
    """Worst first; of equals the surest, then by id, so that no order of the evidence shows."""
    finding, design = judged
    surest = (design.verdict != "match", -design.score)
    return WORST_FIRST.index(finding.code), *surest, design.design_id, finding.licence_id or ""


def _because(code: str, **params: str | int) -> Reason:
    return Reason(code, WEIGHTS.get(code, 0.7), params)


def _in_order(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Each once, by falling weight, then by what it says."""
    once = {(-one.weight, one.code, json.dumps(dict(one.params), sort_keys=True)): one for one in reasons}
    return tuple(once[key] for key in sorted(once))
