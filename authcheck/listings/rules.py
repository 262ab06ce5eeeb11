"""The rules for listings: they join the evidence about an offer into one verdict with its reasons.

The Evidence answers three questions: which registered designs the pictures show, whether this seller may use
them here and now, and whether the certificate is good. `decide` reads nothing but the Evidence. The rules are
the numbered blocks from `_judge_certificate` on, in the order of docs/listing-verdicts.md.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from authcheck.checks.verdicts import Reason
from authcheck.licences.terms import Breach
from authcheck.listings.evidence import CertificateSeen, DesignSeen, Evidence, LicenceSeen
from authcheck.listings.policies import WEIGHTS, WORST_FIRST, ListingPolicy, ListingVerdict, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict on a listing, its reasons by falling weight, and the design and licence it is about."""

    code: ListingVerdict
    severity: Severity
    reasons: tuple[Reason, ...]
    design_id: str | None = None
    licence_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Finding:
    """The finding of one rule about one design."""

    code: ListingVerdict
    reasons: tuple[Reason, ...]
    licence_id: str | None = None


def decide(evidence: Evidence, policy: ListingPolicy, *, about: str | None = None) -> Decision:
    """Return the verdict on a listing: the worst finding about its certificate and its designs.

    The decision names the design with the worst finding. Without a design in the pictures, it names the
    certificate's design. With `about`, the id of a design, the other designs give no finding and no reason:
    that is the verdict as far as it concerns this design.
    """
    designs = [design for design in evidence.designs if about in {None, design.design_id}]
    judged = [(_judge_design(design, evidence), design) for design in designs]
    judged.sort(key=_by_harm)
    certificate = list(_judge_certificate(evidence))
    verdicts = [code for code, _ in certificate if code] + [finding.code for finding, _ in judged]
    code = min(verdicts, key=WORST_FIRST.index, default=ListingVerdict.NONE)
    reasons = [reason for _, reason in certificate]
    reasons += [reason for finding, _ in judged for reason in finding.reasons]
    if not designs:
        reasons.append(_because("listing.nothing_found"))
    if evidence.price_unread:
        reasons.append(_because("listing.price_unread", price=evidence.price_unread))
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
    """Apply rules 1 to 4: yield the reasons about the certificate, with a verdict, or None for a remark."""
    seen = evidence.certificate
    if seen is None:
        return
    faults: list[tuple[ListingVerdict, Reason]] = []

    # 1. certificate_invalid: forged, altered, not in the ledger, revoked, with an unknown or unreadable code,
    #    or issued by an organisation that had no right to the design when the ledger recorded the
    #    certificate.
    if seen.outcome in {"revoked", "not_true", "not_found", "malformed"}:
        words = {"failed": seen.failed} if seen.failed else {}
        faults.append((ListingVerdict.CERTIFICATE_INVALID, _because(f"certificate.{seen.outcome}", **words)))
    if seen.right_at_issue is False:
        faults.append((ListingVerdict.CERTIFICATE_INVALID, _because("certificate.no_right_at_issue")))

    # 2. clone_suspected: the label was scanned in ways that are impossible for one unit.
    if seen.clone_reasons:
        signs = ", ".join(sorted(set(seen.clone_reasons)))
        faults.append((ListingVerdict.CLONE_SUSPECTED, _because("certificate.clone", signs=signs)))

    # 3. certificate_mismatch: a good certificate that belongs to another listing.
    if seen.outcome == "good":
        mismatches = _mismatches(seen, evidence.designs)
        faults += [(ListingVerdict.CERTIFICATE_MISMATCH, reason) for reason in mismatches]
    yield from faults

    # 4. A remark: the certificate is good, we cannot tell at present, or its issuer is suspended, which says
    #    nothing against the seller.
    if seen.outcome in {"unknown", "unsigned"}:
        yield None, _because("certificate.cannot_tell")
    elif seen.is_suspended and not faults:
        yield None, _because("certificate.issuer_suspended")
    elif not faults:
        yield None, _because("certificate.good")


def _mismatches(seen: CertificateSeen, designs: Iterable[DesignSeen]) -> Iterator[Reason]:
    """Apply rule 3. A disputed design is no proof that a certificate belongs to another design."""
    matched = {design.design_id: design for design in designs if design.verdict == "match"}
    for shown in list(matched.values()):
        if shown.twin_certified and seen.design_id:
            matched.setdefault(seen.design_id, shown)

    # 3a. The certificate is about a design that the pictures do not show, nor a twin of it.
    undisputed = any(not design.disputed for design in matched.values())
    if seen.design_id and undisputed and seen.design_id not in matched:
        yield _because("certificate.other_design")

    # 3b. The issuer is neither the seller, nor the design's owner, nor its licensee. A shop that resells an
    #     owner's unit shows the owner's certificate. That is no mismatch. Rules 7 to 10 say whether the shop
    #     may sell.
    design = matched.get(seen.design_id or "")
    entitled = seen.issuer_is_seller or bool(seen.right_at_issue)
    if design and not design.disputed and seen.issuer not in {None, design.owner} and not entitled:
        yield _because("certificate.other_issuer", issuer=str(seen.issuer))


def _judge_design(design: DesignSeen, evidence: Evidence) -> _Finding:
    """Apply rules 5 to 10 to one design. The first rule that fits decides."""
    about = {"design": design.reference, "owner": design.owner}
    covering = max(filter(_is_covering, design.licences), key=_most_direct, default=None)
    covering_id = covering.licence_id if covering else None

    # 5. A suspended owner accuses nobody. While its owners are in dispute, a design neither accuses nor
    #    clears a seller: a person decides.
    if design.owner_suspended:
        return _Finding(ListingVerdict.NONE, (_because("design.owner_suspended", **about),))
    if design.disputed:
        return _Finding(ListingVerdict.LOOKALIKE, (_because("design.disputed", **about),))

    # 6. Similar to a design, not the same. A seller who may use the design may use this, too. Otherwise a
    #    person should look.
    if design.verdict == "lookalike":
        if (design.seller_is_owner or covering) and not evidence.shop_claimed:
            return _Finding(ListingVerdict.NONE, (_because("listing.near_own", **about),), covering_id)
        return _Finding(ListingVerdict.LOOKALIKE, (_because("listing.lookalike", **about),))

    return _judge_match(design, evidence, covering)


def _judge_match(design: DesignSeen, evidence: Evidence, covering: LicenceSeen | None) -> _Finding:
    """Apply rules 7 to 10: the pictures show the design."""
    about = {"design": design.reference, "owner": design.owner}
    # A claim of a shop clears nothing. A person decides whether the shop is what its claimant says.
    if evidence.shop_claimed and (design.seller_is_owner or covering):
        return _Finding(ListingVerdict.LOOKALIKE, (_because("listing.shop_claimed", **about),))

    # 7. licensed: the owner sells.
    if design.seller_is_owner:
        return _Finding(ListingVerdict.LICENSED, (_because("listing.owner_sells", **about),))

    # 8. licensed: a licence of the seller covers design, territory, goods, channel, day and quantity. A
    #    licence for a twin of the design covers it too. Chance decides which of two twins a check names.
    if covering:
        reason = _because("listing.licensed", **about, licence=covering.licence_id)
        return _Finding(
            ListingVerdict.LICENSED, (reason, *_twin_reasons(covering, about)), covering.licence_id
        )

    return _judge_without_right(design, evidence, about)


def _judge_without_right(design: DesignSeen, evidence: Evidence, about: Mapping[str, str]) -> _Finding:
    """Apply rules 9 and 10: the pictures show the design, and no right covers this listing."""
    # 9. licence_breach: the seller has licences, and this listing breaks a term of each. Report the licence
    #    with the fewest breaches. Report a superseded version only if there is no other.
    accepted = [licence for licence in design.licences if not _is_offer(licence)]
    if accepted:
        reported = max(accepted, key=_fewest_breaches)
        reasons = [_because_of(breach, about) for breach in reported.breaches]
        reasons += _twin_reasons(reported, about)
        return _Finding(ListingVerdict.LICENCE_BREACH, tuple(reasons), reported.licence_id)

    # A spreadsheet drops zeros, a keyboard changes letters. Such a slip accuses nobody: a person decides.
    if evidence.near_shop and not evidence.seller_known:
        near = _because("listing.shop_near", shop=evidence.near_shop)
        return _Finding(ListingVerdict.LOOKALIKE, (near,))

    # 10. unlicensed_use: no right at all. An offer that waits is no licence. A copy of the owner's own
    #     picture shows where the picture was taken from, and does not show that the goods are the owner's.
    no_right = [_because("listing.no_licence", **about)]
    if design.licences:
        no_right.append(_because("licence.not_accepted", **about))
    if design.exact_copy:
        no_right.append(_because("image.exact_copy", **about))
    if not evidence.seller_known:
        no_right.append(_because("listing.seller_unknown"))
    return _Finding(ListingVerdict.UNLICENSED_USE, tuple(no_right))


def _is_offer(licence: LicenceSeen) -> bool:
    return any(breach.code == "licence.not_accepted" for breach in licence.breaches)


def _is_covering(licence: LicenceSeen) -> bool:
    return not licence.breaches


def _most_direct(licence: LicenceSeen) -> tuple[bool, str]:
    """Sort a licence that names the design itself last, then the newest."""
    return not licence.twin, licence.licence_id


def _fewest_breaches(licence: LicenceSeen) -> tuple[bool, int, bool, str]:
    is_superseded = any(breach.code == "licence.superseded" for breach in licence.breaches)
    return not is_superseded, -len(licence.breaches), *_most_direct(licence)


def _twin_reasons(licence: LicenceSeen, about: Mapping[str, str]) -> tuple[Reason, ...]:
    """Return the reason that says which design a licence names, if it names a twin or a variant only."""
    if not licence.twin:
        return ()
    code = "listing.variant" if licence.variant else "listing.twin"
    return (_because(code, **about, twin=licence.twin, licence=licence.licence_id),)


def _by_harm(judged: tuple[_Finding, DesignSeen]) -> tuple[int, bool, float, str, str]:
    """Sort the worst finding first, then the surest, then by id, whatever the order of the evidence."""
    finding, design = judged
    surest = (design.verdict != "match", -design.score)
    return WORST_FIRST.index(finding.code), *surest, design.design_id, finding.licence_id or ""


def _because_of(breach: Breach, about: Mapping[str, str]) -> Reason:
    licence = {"licence": breach.licence_id} if breach.licence_id else {}
    return _because(breach.code, **{**about, **breach.params, **licence})


def _because(code: str, **params: str | int) -> Reason:
    return Reason(code, WEIGHTS.get(code, 0.7), params)


def _in_order(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Return the reasons without repetitions, by falling weight, then by code and params."""
    by_key = {
        (-reason.weight, reason.code, json.dumps(dict(reason.params), sort_keys=True)): reason
        for reason in reasons
    }
    return tuple(by_key[key] for key in sorted(by_key))
